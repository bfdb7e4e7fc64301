// The safetensors format: u64 header length | JSON header | data, little-endian throughout; and its sharded form.
#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include "checkpoint/mapped_file.h"
#include "checkpoint/tensor_source.h"

namespace t3video::checkpoint {

constexpr size_t kMaxSafetensorsHeader = 100'000'000;  // bytes; headers of real models are below 1 MB

// Element types under the names that the header gives them.
constexpr std::array<std::pair<std::string_view, DType>, 12> kSafetensorsTypes = {{
    {"F64", DType::f64},
    {"F32", DType::f32},
    {"F16", DType::f16},
    {"BF16", DType::bf16},
    {"I64", DType::i64},
    {"I32", DType::i32},
    {"I16", DType::i16},
    {"I8", DType::i8},
    {"U8", DType::u8},
    {"BOOL", DType::boolean},
    {"F8_E4M3", DType::f8_e4m3},
    {"F8_E5M2", DType::f8_e5m2},
}};

// Whether the file begins like safetensors: a plausible length, then '{'.
bool looks_like_safetensors(std::span<const std::byte> bytes);

// One file. Throws InvalidRequest naming the file, the tensor and what is wrong.
TensorSource read_safetensors(const std::shared_ptr<const MappedFile>& file);

// `index` is the text of a *.safetensors.index.json; its shards, safetensors or torch's, are opened from the same
// folder.
TensorSource read_safetensors_index(const MappedFile& index);

}  // namespace t3video::checkpoint
