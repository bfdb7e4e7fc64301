// What the fuzz targets share: the input as a file, the contract of a reader, and a look at every tensor it gives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/load.h"
#include "checkpoint/tensor_source.h"
#include "core/error.h"
#include "support/files.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace t3video::fuzz {

// Readers that took the current input; replay.cpp wants at least one for what is named valid.
inline int taken = 0;

inline std::string_view as_text(const uint8_t* data, size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

// The path of a file with these contents, in a folder of this process. TMPDIR=/dev/shm keeps it in memory.
inline std::filesystem::path input_file(const uint8_t* data, size_t size) {
    static const testing::TemporaryFolder folder;
    return testing::write_file(folder / "input", std::string(as_text(data, size)));
}

// Runs a reader, which either takes its input or refuses it with one of our errors, in one line; all else is a finding.
template <class Reader>
void expect_contract(Reader&& read) {
    try {
        if (read()) ++taken;
    } catch (const Error& error) {
        if (std::string_view(error.what()).find('\n') != std::string_view::npos) std::abort();
    }
}

inline volatile uint8_t sink = 0;  // keeps reads that nobody needs

// Reads every stored byte, decodes what is encoded, and checks that no tensor is larger than the file it came from.
inline void touch(const Stored& x, size_t file_bytes) {
    constexpr int64_t kMostDecoded = 1 << 16;  // elements: more only take time
    if (x.bytes() > file_bytes) std::abort();
    if (!x.encoding()) {
        const std::byte* const bytes = x.numbers().raw();
        uint8_t sum = 0;
        for (size_t i = 0; i < x.bytes(); ++i) sum = static_cast<uint8_t>(sum + std::to_integer<uint8_t>(bytes[i]));
        sink = sum;
    }
    if (x.is_float() && x.numel() <= kMostDecoded) decoded(x);
    if (checkpoint::stays_encoded(x)) {  // a layer may decode a single row of such a matrix
        std::vector<float> row(static_cast<size_t>(x.dim(1)));
        x.encoding()->decode(x.numel() - x.dim(1), x.dim(1), row.data());
    }
}

inline bool touch(const checkpoint::TensorSource& source, size_t file_bytes) {
    for (const auto& [name, stored] : source.tensors) touch(stored.tensor, file_bytes);
    return true;
}

}  // namespace t3video::fuzz
