// Reading GGUF: every count, length and offset is checked before anything is made of it.
#include "checkpoint/gguf/gguf.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <vector>

#include "checkpoint/checks.h"
#include "checkpoint/gguf/quantised.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

static_assert(std::endian::native == std::endian::little, "stored numbers are used in place");

constexpr uint64_t kLongestText = 1 << 20;  // bytes of a name or key; real ones have fewer than 200
constexpr std::string_view kOriginalShape = "comfy.gguf.orig_shape.";

// Numbers of metadata types.
enum ValueType : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, text, array, u64, i64, f64, value_types };
constexpr std::array<size_t, value_types> kValueBytes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};  // 0: it varies

// What a tensor type's number stands for: elements of a plain type, blocks, or neither: a name for the message.
struct StoredType {
    uint32_t number;
    std::string_view name;
    std::optional<DType> dtype = std::nullopt;
    const BlockType* blocks = nullptr;
};
constexpr StoredType kTypes[] = {
    {0, "F32", DType::f32},
    {1, "F16", DType::f16},
    {30, "BF16", DType::bf16},
    {28, "F64", DType::f64},
    {2, "Q4_0", std::nullopt, &kQ4_0},
    {3, "Q4_1", std::nullopt, &kQ4_1},
    {6, "Q5_0", std::nullopt, &kQ5_0},
    {7, "Q5_1", std::nullopt, &kQ5_1},
    {8, "Q8_0", std::nullopt, &kQ8_0},
    {10, "Q2_K", std::nullopt, &kQ2_K},
    {11, "Q3_K", std::nullopt, &kQ3_K},
    {12, "Q4_K", std::nullopt, &kQ4_K},
    {13, "Q5_K", std::nullopt, &kQ5_K},
    {14, "Q6_K", std::nullopt, &kQ6_K},
    {20, "IQ4_NL", std::nullopt, &kIQ4_NL},
    {23, "IQ4_XS", std::nullopt, &kIQ4_XS},
    {24, "I8", DType::i8},
    {25, "I16", DType::i16},
    {26, "I32", DType::i32},
    {27, "I64", DType::i64},
    // Not read, but named.
    {4, "Q4_2"},
    {5, "Q4_3"},
    {9, "Q8_1"},
    {15, "Q8_K"},
    {16, "IQ2_XXS"},
    {17, "IQ2_XS"},
    {18, "IQ3_XXS"},
    {19, "IQ1_S"},
    {21, "IQ3_S"},
    {22, "IQ2_S"},
    {29, "IQ1_M"},
    {31, "Q4_0_4_4"},
    {32, "Q4_0_4_8"},
    {33, "Q4_0_8_8"},
    {34, "TQ1_0"},
    {35, "TQ2_0"},
    {36, "IQ4_NL_4_4"},
    {37, "IQ4_NL_4_8"},
    {38, "IQ4_NL_8_8"},
    {39, "MXFP4"},
    {40, "NVFP4"},
    {41, "Q1_0"},
};

class Reader {
  public:
    Reader(std::span<const std::byte> bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

    const std::string& where() const { return where_; }
    uint64_t at() const { return at_; }
    uint64_t left() const { return bytes_.size() - at_; }

    template <class T>
    T number(const char* what) {
        T value;
        need(sizeof(T), what);
        std::memcpy(&value, bytes_.data() + at_, sizeof(T));
        at_ += sizeof(T);
        return value;
    }
    std::string read_text(const char* what) {
        const auto length = number<uint64_t>(what);
        require_valid(length <= kLongestText, where_, ": ", what, " of ", length, " bytes at byte ", at_, ", at most ",
                      kLongestText, " are read; the file is damaged");
        return read_bytes(length, what);
    }
    // A text that may be long, such as one of a tokenizer's.
    void skip_text(const char* what) { skip(number<uint64_t>(what), what); }
    void skip(uint64_t count, const char* what) {
        need(count, what);
        at_ += count;
    }
    std::string read_bytes(uint64_t count, const char* what) {
        need(count, what);
        std::string value(reinterpret_cast<const char*>(bytes_.data() + at_), count);
        at_ += count;
        return value;
    }
    // Throws unless `count` things of at least `least` bytes each can follow.
    void check_count(uint64_t count, uint64_t least, const char* what) const {
        require_valid(count <= left() / least, where_, ": ", count, " ", what, " cannot follow in the ", left(),
                      " bytes from byte ", at_, " on; the file is truncated or damaged");
    }

  private:
    void need(uint64_t count, const char* what) const {
        require_valid(count <= left(), where_, ": ", what, " at byte ", at_, " ends beyond the file of ", bytes_.size(),
                      " bytes; the file is truncated");
    }

    std::span<const std::byte> bytes_;
    uint64_t at_ = 0;
    std::string where_;
};

// What the reader uses of the metadata.
struct Metadata {
    uint64_t alignment = 32;
    std::map<std::string, std::string> texts;
    std::map<std::string, std::vector<int64_t>> shapes;  // of tensors that were stored under another
};

ValueType value_type(Reader& in) {
    const auto type = in.number<uint32_t>("a metadata type");
    require_valid(type < value_types, in.where(), ": unknown metadata type ", type, " before byte ", in.at());
    return static_cast<ValueType>(type);
}

int64_t integer(Reader& in, ValueType type) {
    switch (type) {
        case i32:
            return in.number<int32_t>("a metadata value");
        case u32:
            return in.number<uint32_t>("a metadata value");
        case i64:
        case u64:
            return in.number<int64_t>("a metadata value");
        default:
            throw InvalidRequest(
                concat(in.where(), ": an original shape before byte ", in.at(), " is not of integers"));
    }
}

void read_array(Reader& in, const std::string& key, Metadata& metadata) {
    const ValueType type = value_type(in);
    require_valid(type != array, in.where(), ": metadata ", quote(key), " is a list of lists");
    const auto count = in.number<uint64_t>("the length of a metadata list");
    in.check_count(count, type == text ? sizeof(uint64_t) : kValueBytes[type], "entries of a metadata list");
    if (key.starts_with(kOriginalShape)) {
        require_valid(count <= Shape::kMaxRank, in.where(), ": ", quote(key), " has ", count, " extents, at most ",
                      Shape::kMaxRank, " are supported");
        std::vector<int64_t>& shape = metadata.shapes[key.substr(kOriginalShape.size())];
        for (uint64_t i = 0; i < count; ++i) shape.push_back(integer(in, type));
    } else if (type == text) {
        for (uint64_t i = 0; i < count; ++i) in.skip_text("a text of a metadata list");
    } else {
        in.skip(count * kValueBytes[type], "a metadata list");
    }
}

void read_metadata_entry(Reader& in, Metadata& metadata) {
    const std::string key = in.read_text("a metadata key");
    const ValueType type = value_type(in);
    if (type == array) return read_array(in, key, metadata);
    if (key == "general.alignment") {
        require_valid(type == u32, in.where(), ": 'general.alignment' is not a 32-bit number");
        metadata.alignment = in.number<uint32_t>("general.alignment");
        require_valid(std::has_single_bit(metadata.alignment) && metadata.alignment <= 1 << 20, in.where(),
                      ": an alignment of ", metadata.alignment, ", expected a power of two up to 1048576");
    } else if (key == "split.count") {
        const uint64_t parts = type == u16 ? in.number<uint16_t>("split.count") : 0;
        require_valid(parts == 1, in.where(), ": is one of several parts of a model; join them into one file first");
    } else if (type == text) {
        const auto length = in.number<uint64_t>("a metadata text");
        metadata.texts[key] = in.read_bytes(length, "a metadata text");
    } else {
        in.skip(kValueBytes[type], "a metadata value");
    }
}

void check_version(Reader& in) {
    const auto version = in.number<uint32_t>("the version");
    const bool big = version != 0 && version % (1 << 16) == 0;  // its bytes are the other way round
    require_valid(!big, in.where(), ": is a big-endian GGUF file, little-endian ones are read; turn it round with ",
                  "gguf-convert-endian of Python's gguf");
    require_valid(version != 1, in.where(),
                  ": GGUF version 1, of August 2023, expected 2 or 3; convert the original weights again");
    require_valid(version == 2 || version == 3, in.where(), ": GGUF version ", version, ", expected 2 or 3");
}

struct Description {
    std::string name;
    std::vector<int64_t> dims;  // outermost first
    const StoredType* type = nullptr;
    uint64_t offset = 0;  // from the beginning of the data
};

const StoredType& stored_type(uint32_t number, const std::string& where) {
    const auto is_read = [](const StoredType& type) { return type.dtype || type.blocks; };
    const auto* known = std::ranges::find(kTypes, number, &StoredType::number);
    if (known != std::end(kTypes) && is_read(*known)) return *known;
    std::string all;
    for (const StoredType& type : kTypes) {
        if (is_read(type)) all.append(all.empty() ? "" : ", ").append(type.name);
    }
    throw InvalidRequest(concat(where, " has the type ",
                                known == std::end(kTypes) ? std::to_string(number) : std::string(known->name),
                                ", which is not read; expected one of ", all));
}

Description read_description(Reader& in) {
    Description d;
    d.name = in.read_text("a tensor name");
    check_name(d.name, in.where());
    const std::string where = concat(in.where(), ": tensor ", quote(d.name));
    const auto rank = in.number<uint32_t>("a tensor's number of dimensions");
    require_valid(rank <= Shape::kMaxRank, where, " has ", rank, " dimensions, at most ", Shape::kMaxRank,
                  " are supported");
    for (uint32_t i = 0; i < rank; ++i) d.dims.push_back(in.number<int64_t>("a tensor's extent"));
    std::ranges::reverse(d.dims);
    d.type = &stored_type(in.number<uint32_t>("a tensor's type"), where);
    d.offset = in.number<uint64_t>("a tensor's offset");
    return d;
}

// The tensor's shape as it was before it was laid out for the file.
Shape original_shape(const Metadata& metadata, const Description& d, const Shape& stored, const std::string& where) {
    const auto found = metadata.shapes.find(d.name);
    if (found == metadata.shapes.end()) return stored;
    const Shape shape = checked_shape(found->second, DType::f32, where);
    require_valid(shape.numel() == stored.numel(), where, ": its original shape ", shape, " has not the ",
                  stored.numel(), " elements of ", stored);
    return shape;
}

// The shape as it lies in the file.
Shape stored_shape(const Description& d, const std::string& where) {
    const bool plain = d.type->blocks == nullptr;
    const Shape stored = checked_shape(d.dims, plain ? *d.type->dtype : DType::f32, where);
    const int64_t group = plain ? 1 : d.type->blocks->elements;
    require_valid(plain || (stored.rank() > 0 && stored.dim(-1) % group == 0), where, ": rows of ", stored,
                  " do not hold whole blocks of ", group, " elements (", d.type->name, ")");
    return stored;
}

// What a tensor takes in the file.
uint64_t stored_bytes(const Description& d, const Shape& stored) {
    if (d.type->blocks == nullptr) return static_cast<uint64_t>(stored.numel()) * size_of(*d.type->dtype);
    return static_cast<uint64_t>(stored.numel() / d.type->blocks->elements) * d.type->blocks->bytes;
}

// Throws where the file ends before its tensors do, though these follow one another as they should.
void check_complete(const std::vector<Description>& descriptions, uint64_t data_begin, uint64_t alignment,
                    uint64_t file_bytes, const std::string& where) {
    uint64_t next = 0, end = 0;  // where the next tensor is to begin, where the last one ends
    for (const Description& d : descriptions) {
        if (d.offset != next || next > INT64_MAX) return;
        end = d.offset + stored_bytes(d, stored_shape(d, concat(where, ": tensor ", quote(d.name))));
        next = (end + alignment - 1) / alignment * alignment;
    }
    require_valid(data_begin <= file_bytes && end <= file_bytes - data_begin, where, ": ends after ", file_bytes,
                  " of ", data_begin + end, " bytes: the download is not complete");
}

Stored make_tensor(const std::shared_ptr<const MappedFile>& file, uint64_t data_begin, const Metadata& metadata,
                   const Description& d, const std::string& where, Extent& extent) {
    const Shape stored = stored_shape(d, where);
    const uint64_t bytes = stored_bytes(d, stored), data_bytes = file->bytes().size() - data_begin;
    require_valid(d.offset % metadata.alignment == 0, where, ": its offset ", d.offset, " is not a multiple of ",
                  metadata.alignment);
    require_valid(d.offset <= data_bytes && bytes <= data_bytes - d.offset, where, ": ", stored, " of ", d.type->name,
                  " takes ", bytes, " bytes from byte ", d.offset, " of the data on, of which the file holds ",
                  data_bytes, "; it is truncated or damaged");
    extent = {d.offset, d.offset + bytes, d.name};
    const auto begin = static_cast<size_t>(data_begin + d.offset);
    const Stored tensor = d.type->blocks == nullptr
                              ? map_tensor(file, stored, *d.type->dtype, begin)
                              : quantised_tensor(*d.type->blocks, stored, file->bytes().subspan(begin, bytes), file);
    return tensor.reshape(original_shape(metadata, d, stored, where));
}

}  // namespace

TensorSource read_gguf(const std::shared_ptr<const MappedFile>& file) {
    const std::string where = file->path().string();
    Reader in(file->bytes(), where);
    in.skip(4, "the mark 'GGUF'");
    check_version(in);
    const auto tensors = in.number<uint64_t>("the number of tensors"),
               entries = in.number<uint64_t>("the number of metadata entries");
    in.check_count(entries, 8 + 4 + 1, "metadata entries");
    Metadata metadata;
    for (uint64_t i = 0; i < entries; ++i) read_metadata_entry(in, metadata);
    in.check_count(tensors, 8 + 4 + 4 + 8, "tensor descriptions");
    std::vector<Description> descriptions;
    for (uint64_t i = 0; i < tensors; ++i) descriptions.push_back(read_description(in));

    const uint64_t aligned = (in.at() + metadata.alignment - 1) / metadata.alignment * metadata.alignment;
    check_complete(descriptions, aligned, metadata.alignment, file->bytes().size(), where);
    const uint64_t data_begin = std::min<uint64_t>(aligned, file->bytes().size());
    TensorSource source;
    source.path = file->path();
    source.metadata = std::move(metadata.texts);
    std::vector<Extent> extents;
    for (const Description& d : descriptions) {
        const std::string tensor = concat(where, ": tensor ", quote(d.name));
        require_valid(!source.contains(d.name), tensor, " appears twice");
        Extent extent;
        Stored value = make_tensor(file, data_begin, metadata, d, tensor, extent);
        extents.push_back(std::move(extent));
        source.tensors.emplace(d.name, StoredTensor{std::move(value), file->path()});
    }
    check_overlaps(std::move(extents), where);
    return source;
}

std::string origin_of(const TensorSource& source) {
    const std::string path = source.path.string();
    for (const char* key : {"general.architecture", "modelspec.architecture"}) {  // of GGUF, of safetensors
        const auto found = source.metadata.find(key);
        if (found != source.metadata.end()) return concat(path, " (architecture ", quote(found->second), ")");
    }
    return path;
}

}  // namespace t3video::checkpoint
