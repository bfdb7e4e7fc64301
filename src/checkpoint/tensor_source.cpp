// Opening by content, and lookups.
#include "checkpoint/tensor_source.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/checks.h"
#include "checkpoint/foreign_file.h"
#include "checkpoint/gguf/gguf.h"
#include "checkpoint/mapped_file.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/shards.h"
#include "checkpoint/torch/pth.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

bool begins_with(std::span<const std::byte> bytes, std::string_view text) {
    const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return all.starts_with(text);
}

bool looks_like_json_object(std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const size_t first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && text[first] == '{';
}

}  // namespace

const Tensor& TensorSource::at(const std::string& name) const {
    const auto found = tensors.find(name);
    require_valid(found != tensors.end(), path.string(), ": tensor ", quote(name), " is missing");
    return found->second.tensor.numbers();
}

namespace {

TensorSource open_file(const std::filesystem::path& path) {
    const auto file = std::make_shared<const MappedFile>(path);
    const std::span<const std::byte> bytes = file->bytes();
    if (looks_like_safetensors(bytes)) return read_safetensors(file);
    refuse_foreign_file(bytes, path.string());
    if (begins_with(bytes, "GGUF")) return read_gguf(file);
    if (looks_like_pth(bytes)) return read_pth(file);
    if (looks_like_json_object(bytes)) return read_safetensors_index(*file);
    return read_safetensors(file);  // names what is wrong with it
}

// Names without what trainers that wrap modules put into them.
TensorSource without_wrappers(TensorSource source) {
    constexpr std::string_view kWrappers[] = {"_fsdp_wrapped_module.", "_checkpoint_wrapped_module.", "_orig_mod."};
    const auto plain = [&](std::string name) {
        for (const std::string_view wrapper : kWrappers) {
            for (size_t at; (at = name.find(wrapper)) != std::string::npos;) name.erase(at, wrapper.size());
        }
        return name;
    };
    const bool wrapped =
        std::ranges::any_of(source.tensors, [&](const auto& entry) { return plain(entry.first) != entry.first; });
    return wrapped ? rename(std::move(source), plain) : source;
}

}  // namespace

TensorSource open_tensors(const std::filesystem::path& path) {
    const std::vector<std::filesystem::path> shards = shards_of(path);
    TensorSource all = open_file(shards.front());
    for (size_t i = 1; i < shards.size(); ++i) {
        for (auto& [name, stored] : open_file(shards[i]).tensors) {
            const bool first = all.tensors.try_emplace(name, std::move(stored)).second;
            require_valid(first, shards[i].string(), ": tensor ", quote(name), " is in an earlier part too");
        }
    }
    all.path = path;
    return without_wrappers(std::move(all));
}

std::set<std::filesystem::path> files_of(const std::filesystem::path& path) {
    if (const auto shards = shards_of(path); shards.size() > 1) return {shards.begin(), shards.end()};
    if (!looks_like_json_object(MappedFile(path).bytes())) return {path};
    std::set<std::filesystem::path> shards;
    for (const auto& [name, stored] : open_tensors(path).tensors) shards.insert(stored.file);
    return shards;
}

TensorSource rename(TensorSource source, const std::function<std::string(const std::string&)>& rename) {
    std::map<std::string, StoredTensor> renamed;
    for (auto& [name, stored] : source.tensors) {
        std::string translated = rename(name);
        if (translated.empty()) translated = name;
        const auto [entry, inserted] = renamed.try_emplace(translated, stored);
        require_valid(inserted, source.path.string(), ": two tensors are named ", quote(translated),
                      " in this model, one of them ", quote(name), " in the file");
    }
    source.tensors = std::move(renamed);
    return source;
}

}  // namespace t3video::checkpoint
