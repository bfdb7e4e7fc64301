// Reading safetensors: every number in the header is checked before a tensor is made of it.
#include "checkpoint/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <vector>

#include "checkpoint/checks.h"
#include "checkpoint/json_text.h"
#include "checkpoint/torch/pth.h"
#include "checkpoint/unread.h"
#include "core/error.h"
#include "core/paths.h"
#include "core/printable.h"

namespace t3video::checkpoint {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "stored numbers are used in place");

constexpr size_t kPrefix = sizeof(uint64_t);  // the header's length

std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

uint64_t stated_header_length(std::span<const std::byte> bytes) {
    uint64_t length = 0;
    std::memcpy(&length, bytes.data(), kPrefix);
    return length;
}

std::string_view header_text(std::span<const std::byte> bytes, const std::string& where) {
    require_valid(bytes.size() >= kPrefix, where, ": ", bytes.size(),
                  " bytes are too few for a safetensors file, which begins with 8 bytes of header length");
    const uint64_t length = stated_header_length(bytes);
    require_valid(length <= kMaxSafetensorsHeader, where, ": header length ", length, " exceeds the limit of ",
                  kMaxSafetensorsHeader, " bytes; this is no safetensors file, its index.json or a torch zip file");
    require_valid(length <= bytes.size() - kPrefix, where, ": the header of ", length,
                  " bytes ends beyond the file of ", bytes.size(), " bytes; the download is not complete");
    return as_text(bytes.subspan(kPrefix, length));
}

// `value` as an integer in 0..2^63-1, or nothing.
std::optional<int64_t> natural(const json& value) {
    if (!value.is_number_unsigned()) return std::nullopt;
    const auto number = value.get<uint64_t>();
    if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
    return static_cast<int64_t>(number);
}

std::vector<int64_t> natural_list(const json& entry, const char* key, const std::string& where) {
    const auto found = entry.find(key);
    require_valid(found != entry.end() && found->is_array(), where, " has no list '", key, "'");
    std::vector<int64_t> numbers;
    for (const json& item : *found) {
        const std::optional<int64_t> number = natural(item);
        require_valid(number.has_value(), where, ": '", key, "' holds something other than a non-negative integer");
        numbers.push_back(*number);
    }
    return numbers;
}

const std::string& type_name(const json& entry, const std::string& where) {
    const auto found = entry.find("dtype");
    require_valid(found != entry.end() && found->is_string(), where, " has no text 'dtype'");
    return found->get_ref<const std::string&>();
}

// Nothing for a type that is not read.
std::optional<DType> stored_type(std::string_view name) {
    const auto known = std::ranges::find(kSafetensorsTypes, name, [](const auto& type) { return type.first; });
    return known == kSafetensorsTypes.end() ? std::nullopt : std::optional(known->second);
}

Stored read_tensor(const std::shared_ptr<const MappedFile>& file, size_t data_begin, const json& entry,
                   const std::string& where, Extent& extent) {
    require_valid(entry.is_object(), where, " is not described by a JSON object");
    const std::string& type = type_name(entry, where);
    const std::optional<DType> dtype = stored_type(type);
    const Shape shape = checked_shape(natural_list(entry, "shape", where), dtype.value_or(DType::f64), where);
    const std::vector<int64_t> offsets = natural_list(entry, "data_offsets", where);
    require_valid(offsets.size() == 2, where, ": 'data_offsets' has ", offsets.size(), " numbers, expected 2");
    const int64_t begin = offsets[0], end = offsets[1];
    const size_t data_bytes = file->bytes().size() - data_begin;
    require_valid(begin <= end, where, ": data offsets [", begin, ", ", end, ") run backwards");
    require_valid(static_cast<uint64_t>(end) <= data_bytes, where, ": data offsets [", begin, ", ", end,
                  ") end beyond the file's ", data_bytes, " bytes of data; the file is truncated or damaged");
    extent.begin = static_cast<uint64_t>(begin);
    extent.end = static_cast<uint64_t>(end);
    if (!dtype) return unread_tensor(shape, printable(type.substr(0, 40)), static_cast<size_t>(end - begin), where);
    const int64_t expected = shape.numel() * static_cast<int64_t>(size_of(*dtype));
    require_valid(end - begin == expected, where, ": ", shape, " of ", *dtype, " takes ", expected,
                  " bytes, its data offsets [", begin, ", ", end, ") hold ", end - begin);
    return map_tensor(file, shape, *dtype, data_begin + static_cast<size_t>(begin));
}

// Throws where the file ends before its tensors do, though these follow one another as they should. What is wrong with
// a single one is said by read_tensor.
void check_complete(const json& header, size_t data_begin, size_t file_bytes, const std::string& where) {
    uint64_t sum = 0, end = 0;
    for (const auto& [name, entry] : header.items()) {
        const auto offsets = entry.is_object() ? entry.find("data_offsets") : entry.end();
        if (name == "__metadata__" || offsets == entry.end() || !offsets->is_array() || offsets->size() != 2) continue;
        const auto first = natural((*offsets)[0]), last = natural((*offsets)[1]);
        if (!first || !last || *first > *last) return;
        sum += static_cast<uint64_t>(*last - *first);
        end = std::max(end, static_cast<uint64_t>(*last));
    }
    require_valid(sum != end || end <= file_bytes - data_begin, where, ": ends after ", file_bytes, " of ",
                  data_begin + end, " bytes: the download is not complete");
}

std::map<std::string, std::string> read_metadata(const json& entry, const std::string& where) {
    if (entry.is_null()) return {};  // as some programs write an empty one
    require_valid(entry.is_object(), where, ": '__metadata__' is not a JSON object");
    std::map<std::string, std::string> metadata;
    for (const auto& [key, value] : entry.items()) {
        require_valid(value.is_string(), where, ": '__metadata__' entry ", quote(key), " is not a text");
        metadata[key] = value.get<std::string>();
    }
    return metadata;
}

void check_shard_name(const std::string& shard, const std::string& where) {
    const bool plain = !shard.empty() && shard != "." && shard != ".." &&
                       shard.find_first_of("/\\") == std::string::npos && shard.find('\0') == std::string::npos;
    require_valid(plain, where, ": shard ", quote(shard), " is not a plain file name in the index's own folder");
}

// The shard's tensors; a missing shard is reported as the index's problem.
TensorSource open_shard(const std::filesystem::path& path, const std::string& shard, const std::string& where) {
    require_valid(is_there(path), where, ": shard ", quote(shard), " is missing; expected it at ", path.string());
    const auto file = std::make_shared<const MappedFile>(path);
    return looks_like_pth(file->bytes()) && !looks_like_safetensors(file->bytes()) ? read_pth(file)
                                                                                   : read_safetensors(file);
}

}  // namespace

bool looks_like_safetensors(std::span<const std::byte> bytes) {
    if (bytes.size() <= kPrefix || bytes[kPrefix] != std::byte{'{'}) return false;
    const uint64_t length = stated_header_length(bytes);
    return length <= kMaxSafetensorsHeader && length <= bytes.size() - kPrefix;
}

TensorSource read_safetensors(const std::shared_ptr<const MappedFile>& file) {
    const std::string where = file->path().string();
    const std::string_view text = header_text(file->bytes(), where);
    const json header = parse_json(text, concat(where, ": header"));
    require_valid(header.is_object(), where, ": the header is not a JSON object");
    TensorSource source;
    source.path = file->path();
    check_complete(header, kPrefix + text.size(), file->bytes().size(), where);
    std::vector<Extent> extents;
    for (const auto& [name, entry] : header.items()) {
        if (name == "__metadata__") {
            source.metadata = read_metadata(entry, where);
            continue;
        }
        check_name(name, where);
        Extent extent{0, 0, name};
        Stored tensor =
            read_tensor(file, kPrefix + text.size(), entry, concat(where, ": tensor ", quote(name)), extent);
        extents.push_back(std::move(extent));
        source.tensors.emplace(name, StoredTensor{std::move(tensor), file->path()});
    }
    check_overlaps(std::move(extents), where);
    return source;
}

TensorSource read_safetensors_index(const MappedFile& index) {
    const std::string where = index.path().string();
    const json root = parse_json(as_text(index.bytes()), where);
    const auto weight_map = root.find("weight_map");
    require_valid(weight_map != root.end() && weight_map->is_object(), where,
                  ": has no object 'weight_map'; expected a safetensors index");
    TensorSource source;
    source.path = index.path();
    std::map<std::string, TensorSource> shards;
    for (const auto& [name, value] : weight_map->items()) {
        require_valid(value.is_string(), where, ": the shard of tensor ", quote(name), " is not a text");
        const auto shard = value.get<std::string>();
        auto opened = shards.find(shard);
        if (opened == shards.end()) {
            check_shard_name(shard, where);
            opened = shards.emplace(shard, open_shard(index.path().parent_path() / shard, shard, where)).first;
        }
        const auto found = opened->second.tensors.find(name);
        require_valid(found != opened->second.tensors.end(), where, ": tensor ", quote(name), " is not in its shard ",
                      quote(shard));
        source.tensors.emplace(name, found->second);
    }
    return source;
}

}  // namespace t3video::checkpoint
