// Writes GGUF files for tests, right ones and wrong ones.
#pragma once

#include <string>
#include <vector>

#include "files.h"

namespace t3video::checkpoint {

inline std::string gguf_text(const std::string& text) {
    return raw_bytes(uint64_t{text.size()}) + text;
}

struct GgufTensor {
    std::string name;
    std::vector<uint64_t> dims;  // as in the file: innermost first
    uint32_t type = 0;
    std::string data;
    int64_t offset = -1;  // in the data; -1: behind the tensor before, aligned
};

struct GgufFile {
    uint32_t version = 3, alignment = 32;
    std::vector<std::string> entries;  // of metadata: gguf_text(key) + type + value
    std::vector<GgufTensor> tensors;
    int64_t tensor_count = -1, entry_count = -1;  // what the header says; -1: the truth

    std::string bytes() const {
        std::string out = "GGUF" + raw_bytes(version);
        out += raw_bytes(tensor_count < 0 ? uint64_t{tensors.size()} : static_cast<uint64_t>(tensor_count));
        out += raw_bytes(entry_count < 0 ? uint64_t{entries.size()} : static_cast<uint64_t>(entry_count));
        for (const std::string& entry : entries) out += entry;
        std::string data;
        for (const GgufTensor& t : tensors) {
            const auto offset = t.offset < 0 ? uint64_t{data.size()} : static_cast<uint64_t>(t.offset);
            out += gguf_text(t.name) + raw_bytes(static_cast<uint32_t>(t.dims.size())) + raw_bytes(t.dims) +
                   raw_bytes(t.type) + raw_bytes(offset);
            data += t.data;
            data.resize((data.size() + alignment - 1) / alignment * alignment, '\0');
        }
        out.resize((out.size() + alignment - 1) / alignment * alignment, '\0');
        return out + data;
    }
};

inline std::string gguf_entry(const std::string& key, const std::string& text) {
    return gguf_text(key) + raw_bytes(uint32_t{8}) + gguf_text(text);
}
inline std::string gguf_entry(const std::string& key, uint32_t number) {
    return gguf_text(key) + raw_bytes(uint32_t{4}) + raw_bytes(number);
}
inline std::string gguf_entry(const std::string& key, const std::vector<int32_t>& numbers) {
    return gguf_text(key) + raw_bytes(uint32_t{9}) + raw_bytes(uint32_t{5}) + raw_bytes(uint64_t{numbers.size()}) +
           raw_bytes(numbers);
}

}  // namespace t3video::checkpoint
