// The tensors named by a torch state dict's pickle, read without running anything: a pickle is a program that may
// import and call; this reader knows the few calls that rebuild tensors, records what they would make, and rejects the
// rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"

namespace t3video::checkpoint {

constexpr size_t kMaxPickleBytes = 64 * 1024 * 1024;  // a state dict's pickle takes about 100 bytes a tensor

struct PickledTensor {
    std::string name;
    std::string storage_key;  // names the zip entry with the bytes
    DType dtype = DType::f32;
    int64_t storage_elements = 0;  // stated size of the storage
    int64_t offset = 0;            // of the first element, in elements, not negative
    std::vector<int64_t> shape;
    std::vector<int64_t> strides;  // in elements, as many as the shape has extents; not yet checked
};

// A dict of tensors, or one with such a dict under "state_dict", "model_state" or "model", in the file's order. Throws
// InvalidRequest beginning with `where` and naming the byte, for anything but that.
std::vector<PickledTensor> read_state_dict(std::span<const std::byte> pickle, const std::string& where);

}  // namespace t3video::checkpoint
