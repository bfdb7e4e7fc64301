// Tensors over storages: views where they lie in row-major order, else copies.
#include "checkpoint/torch/pickled_tensors.h"

#include <array>
#include <cstring>
#include <utility>

#include "checkpoint/checks.h"
#include "checkpoint/raw_numbers.h"
#include "checkpoint/unread.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

constexpr size_t kLarge = 1 << 16;  // bytes from which on a tensor is not copied because of its address

// Throws unless every element of the tensor lies within its storage of `storage_elements`.
void check_extent(const PickledTensor& tensor, const Shape& shape, const std::string& where) {
    const int64_t elements = shape.numel();
    require_valid(tensor.offset <= tensor.storage_elements, where, ": ", shape, " from element ", tensor.offset,
                  " exceeds its storage of ", tensor.storage_elements, " elements");
    if (elements == 0) return;
    int64_t left = tensor.storage_elements - 1 - tensor.offset;  // how far the last element may be from the first
    for (size_t axis = 0; axis < tensor.shape.size(); ++axis) {
        const int64_t stride = tensor.strides[axis], steps = tensor.shape[axis] - 1;
        require_valid(stride >= 0, where, " has the negative stride ", stride);
        const bool fits = left >= 0 && (stride == 0 || steps <= left / stride);
        if (fits) left -= steps * stride;
        require_valid(fits, where, ": ", shape, " from element ", tensor.offset,
                      " with strides reaches beyond its storage", " of ", tensor.storage_elements, " elements");
    }
    require_valid(left >= 0, where, ": element ", tensor.offset, " lies beyond its storage of ",
                  tensor.storage_elements, " elements");
}

bool is_row_major(const PickledTensor& tensor) {
    int64_t expected = 1;
    for (size_t axis = tensor.shape.size(); axis-- > 0;) {
        if (tensor.shape[axis] != 1 && tensor.strides[axis] != expected) return false;
        expected *= tensor.shape[axis];
    }
    return true;
}

// Row-major bytes of a strided tensor that starts at `first`.
std::vector<std::byte> gather(const std::byte* first, const PickledTensor& tensor, const Shape& shape) {
    const size_t size = size_of(*tensor.dtype);
    std::vector<std::byte> out(static_cast<size_t>(shape.numel()) * size);
    std::array<int64_t, Shape::kMaxRank> index{};
    int64_t element = 0;  // of the storage, from the tensor's first
    for (size_t written = 0; written < out.size(); written += size) {
        std::memcpy(out.data() + written, first + static_cast<size_t>(element) * size, size);
        for (size_t axis = tensor.shape.size(); axis-- > 0;) {
            if (tensor.shape[axis] == 1) continue;  // its stride may be any number
            element += tensor.strides[axis];
            if (++index[axis] < tensor.shape[axis]) break;
            element -= tensor.strides[axis] * tensor.shape[axis];
            index[axis] = 0;
        }
    }
    return out;
}

// The bytes of the part of its storage that the tensor is stated to lie in.
std::span<const std::byte> part_of(std::span<const std::byte> storage, const PickledTensor& tensor,
                                   const std::string& where) {
    const size_t size = size_of(*tensor.dtype), available = storage.size() / size;
    const auto first = static_cast<size_t>(tensor.storage_first), count = static_cast<size_t>(tensor.storage_elements);
    require_valid(first <= available && count <= available - first, where, ": its storage ", quote(tensor.storage_key),
                  " is stated to have ", first + count, " elements of ", *tensor.dtype, ", the file has ", available);
    return storage.subspan(first * size, count * size);
}

// `copied`: bytes of the tensors so far that are no views.
Stored read_tensor(const std::shared_ptr<const MappedFile>& file, const PickledTensor& tensor,
                   const StorageBytes& storage_bytes, const std::string& where, size_t& copied) {
    if (tensor.number) {
        const auto bytes = std::as_bytes(std::span(&*tensor.number, 1));
        return own_tensor({bytes.begin(), bytes.end()}, {}, DType::f64);
    }
    const Shape shape = checked_shape(tensor.shape, tensor.dtype.value_or(DType::f64), where);
    if (!tensor.dtype) return unread_tensor(shape, std::string(tensor.type), 0, where);
    check_extent(tensor, shape, where);
    const std::span<const std::byte> storage = part_of(storage_bytes(tensor.storage_key), tensor, where);
    if (shape.numel() == 0) return own_tensor({}, shape, *tensor.dtype);
    const size_t size = size_of(*tensor.dtype);
    const std::byte* const first = storage.data() + static_cast<size_t>(tensor.offset) * size;
    if (is_row_major(tensor)) {
        const size_t bytes = static_cast<size_t>(shape.numel()) * size;
        if (reinterpret_cast<uintptr_t>(first) % size == 0)
            return map_tensor(file, shape, *tensor.dtype, static_cast<size_t>(first - file->bytes().data()));
        const bool is_wide_float = is_float(*tensor.dtype) || *tensor.dtype == DType::f64;
        if (bytes >= kLarge && is_wide_float) return raw_numbers(*tensor.dtype, shape, {first, bytes}, file);
    }
    // Any number of tensors may share a storage: without a limit a small file could ask for any amount of memory. Tied
    // weights are there twice.
    // Where a stride is 0 one tensor alone may have more elements than its storage.
    const size_t bytes = static_cast<size_t>(shape.numel()) * size;
    copied += bytes;
    require_valid(bytes <= file->bytes().size() && copied / 2 <= file->bytes().size(), where,
                  ": tensors up to this one that must be copied take ", copied, " bytes, more than twice the file's ",
                  file->bytes().size(), "; the file is damaged");
    return own_tensor(gather(first, tensor, shape), shape, *tensor.dtype);
}

}  // namespace

TensorSource read_pickled_tensors(const std::shared_ptr<const MappedFile>& file, const StateDict& dict,
                                  const StorageBytes& storage_bytes) {
    const std::string where = file->path().string();
    TensorSource source;
    source.path = file->path();
    if (!dict.choice.empty()) source.notes.push_back(concat(source.path.string(), ": takes ", dict.choice));
    size_t copied = 0;
    for (const PickledTensor& tensor : dict.tensors) {
        check_name(tensor.name, where);
        const std::string tensor_where = concat(where, ": tensor ", quote(tensor.name));
        Stored value = read_tensor(file, tensor, storage_bytes, tensor_where, copied);
        source.tensors.emplace(tensor.name, StoredTensor{std::move(value), file->path()});
    }
    return source;
}

}  // namespace t3video::checkpoint
