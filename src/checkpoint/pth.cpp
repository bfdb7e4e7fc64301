// Reading torch's .pth: finds the pickle, and checks every tensor against the bytes of its storage.
#include "checkpoint/pth.h"

#include <array>
#include <cstring>
#include <string_view>

#include "checkpoint/checks.h"
#include "checkpoint/pickle.h"
#include "checkpoint/zip_file.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

// The archive's one folder, whose name is arbitrary: it holds data.pkl.
std::string top_folder(const ZipFile& zip, const std::string& where) {
    constexpr std::string_view kPickle = "/data.pkl";
    std::string folder;
    for (const std::string& name : zip.names()) {
        if (!name.ends_with(kPickle)) continue;
        require_valid(folder.empty(), where, ": two pickles in the archive, ", quote(folder + "/data.pkl"), " and ",
                      quote(name));
        folder = name.substr(0, name.size() - kPickle.size());
    }
    require_valid(!folder.empty(), where, ": the zip archive has no entry '*/data.pkl'; expected a file of torch.save");
    return folder;
}

void check_byte_order(const ZipFile& zip, const std::string& folder, const std::string& where) {
    const std::string entry = folder + "/byteorder";
    if (!zip.contains(entry)) return;  // older files are little-endian
    const std::span<const std::byte> text = zip.data(entry);
    const std::string_view order(reinterpret_cast<const char*>(text.data()), text.size());
    require_valid(order == "little", where, ": byte order is ", quote(order), ", only 'little' is supported");
}

// Throws unless every element of the tensor lies within its storage of `storage_elements`.
void check_extent(const PickledTensor& tensor, const Shape& shape, const std::string& where) {
    const int64_t elements = shape.numel();
    require_valid(elements <= tensor.storage_elements && tensor.offset <= tensor.storage_elements, where, ": ", shape,
                  " from element ", tensor.offset, " exceeds its storage of ", tensor.storage_elements, " elements");
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
    const size_t size = size_of(tensor.dtype);
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

// `copied`: bytes of the tensors so far that are no views.
Tensor read_tensor(const std::shared_ptr<const MappedFile>& file, const ZipFile& zip, const std::string& folder,
                   const PickledTensor& tensor, const std::string& where, size_t& copied) {
    const Shape shape = checked_shape(tensor.shape, tensor.dtype, where);
    check_extent(tensor, shape, where);
    const std::span<const std::byte> storage = zip.data(concat(folder, "/data/", tensor.storage_key));
    const size_t available = storage.size() / size_of(tensor.dtype);
    require_valid(static_cast<size_t>(tensor.storage_elements) <= available, where, ": its storage ",
                  quote(tensor.storage_key), " is stated to have ", tensor.storage_elements, " elements of ",
                  tensor.dtype, ", the file has ", available);
    if (shape.numel() == 0) return own_tensor({}, shape, tensor.dtype);
    const std::byte* const first = storage.data() + static_cast<size_t>(tensor.offset) * size_of(tensor.dtype);
    const bool aligned = reinterpret_cast<uintptr_t>(first) % size_of(tensor.dtype) == 0;
    if (aligned && is_row_major(tensor))
        return map_tensor(file, shape, tensor.dtype, static_cast<size_t>(first - file->bytes().data()));
    // Any number of tensors may share a storage: without a limit a small file could ask for any amount of memory. Tied
    // weights are there twice.
    copied += static_cast<size_t>(shape.numel()) * size_of(tensor.dtype);
    require_valid(copied / 2 <= file->bytes().size(), where, ": tensors up to this one that must be copied take ",
                  copied, " bytes, more than twice the file's ", file->bytes().size(), "; the file is damaged");
    return own_tensor(gather(first, tensor, shape), shape, tensor.dtype);
}

}  // namespace

TensorSource read_pth(const std::shared_ptr<const MappedFile>& file) {
    const std::string where = file->path().string();
    const ZipFile zip(file);
    const std::string folder = top_folder(zip, where);
    check_byte_order(zip, folder, where);
    TensorSource source;
    source.path = file->path();
    size_t copied = 0;
    for (const PickledTensor& tensor : read_state_dict(zip.data(folder + "/data.pkl"), where)) {
        check_name(tensor.name, where);
        const std::string tensor_where = concat(where, ": tensor ", quote(tensor.name));
        Tensor value = read_tensor(file, zip, folder, tensor, tensor_where, copied);
        source.tensors.emplace(tensor.name, StoredTensor{std::move(value), file->path()});
    }
    return source;
}

}  // namespace t3video::checkpoint
