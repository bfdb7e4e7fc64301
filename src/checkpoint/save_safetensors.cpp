// Writing safetensors: whole or not at all.
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "checkpoint/checks.h"
#include "checkpoint/safetensors.h"
#include "core/error.h"
#include "core/output_file.h"

namespace t3video::checkpoint {
namespace {

using nlohmann::ordered_json;
using Entry = std::pair<const std::string, Tensor>;

std::string_view stored_name(DType dtype) {
    const auto found = std::ranges::find(kSafetensorsTypes, dtype, [](const auto& type) { return type.second; });
    require(found != kSafetensorsTypes.end(), "save_safetensors: no name for ", dtype);
    return found->first;
}

// Wide types first: then each tensor starts at a multiple of its element size, without gaps.
std::vector<const Entry*> storage_order(const std::map<std::string, Tensor>& tensors) {
    std::vector<const Entry*> order;
    for (const Entry& entry : tensors) order.push_back(&entry);
    std::ranges::stable_sort(order, std::greater<>(), [](const Entry* e) { return size_of(e->second.dtype()); });
    return order;
}

// The header, padded with spaces so that the data begins at a multiple of 8 bytes.
std::string header_text(const std::vector<const Entry*>& order, const std::map<std::string, std::string>& metadata,
                        const std::string& where) {
    ordered_json header = ordered_json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    size_t offset = 0;
    for (const Entry* entry : order) {
        const auto& [name, tensor] = *entry;
        require(name != "__metadata__", "save_safetensors: no tensor can be named ", name);
        check_name(name, where);
        const auto dims = tensor.shape().dims();
        header[name] = {{"dtype", stored_name(tensor.dtype())},
                        {"shape", std::vector<int64_t>(dims.begin(), dims.end())},
                        {"data_offsets", {offset, offset + tensor.bytes()}}};
        offset += tensor.bytes();
    }
    try {
        std::string text = header.dump();
        text.resize((text.size() + 7) / 8 * 8, ' ');
        require(text.size() <= kMaxSafetensorsHeader, where, ": a header of ", text.size(), " bytes is too long");
        return text;
    } catch (const ordered_json::exception&) {
        throw InvalidRequest(concat(where, ": a tensor name or metadata text is not valid UTF-8"));
    }
}

}  // namespace

void save_safetensors(const std::filesystem::path& path, const std::map<std::string, Tensor>& tensors,
                      const std::map<std::string, std::string>& metadata) {
    const std::vector<const Entry*> order = storage_order(tensors);
    const std::string header = header_text(order, metadata, path.string());
    const uint64_t length = header.size();
    PartialFile file(path);
    std::ofstream out(file.path(), std::ios::binary | std::ios::trunc);
    const auto write = [&](const void* data, size_t bytes) {
        out.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
    };
    write(&length, sizeof(length));
    write(header.data(), header.size());
    for (const Entry* entry : order) {
        const Tensor& tensor = entry->second;
        if (tensor.bytes() > 0) write(tensor.raw(), tensor.bytes());
    }
    out.close();
    require_written(out.good(), path);
    file.commit();
}

}  // namespace t3video::checkpoint
