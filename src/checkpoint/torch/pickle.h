// The tensors named by a torch state dict's pickle, read without running anything: a pickle is a program that may
// import and call; this reader knows the few calls that rebuild tensors, records what they would make, and rejects the
// rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"

namespace t3video::checkpoint {

constexpr size_t kMaxPickleBytes = 64 * 1024 * 1024;  // a state dict's pickle takes about 100 bytes a tensor

struct PickledTensor {
    std::string name;
    std::string storage_key;       // names the bytes: the zip entry, or the storage of an old file
    std::string_view type;         // its name
    std::optional<DType> dtype;    // none: nothing here reads this type
    int64_t storage_first = 0;     // of a part of the storage, in elements, not negative
    int64_t storage_elements = 0;  // stated size of the storage or the part
    int64_t offset = 0;            // of the tensor's first element in it, in elements, not negative
    std::vector<int64_t> shape;
    std::vector<int64_t> strides;       // in elements, as many as the shape has extents; not yet checked
    std::optional<double> number = {};  // of one that is a number of Python, without a storage
};

struct StateDict {
    std::vector<PickledTensor> tensors;  // in the file's order
    // Where the file's dict holds others with tensors, such as "generator" and "generator_ema": what was taken, as
    // "the weights under 'generator_ema', not those under 'generator'". Else empty.
    std::string choice;
};

// A dict of tensors, or one that holds such a dict under one of the usual names, averages ("ema") first, or as its only
// one. What else is in it (numbers, texts, lists, objects known to be harmless) is passed over, but for numbers called
// alpha, which scale a LoRA. Throws InvalidRequest
// beginning with `where` and naming the byte, for anything but that.
StateDict read_state_dict(std::span<const std::byte> pickle, const std::string& where);

namespace pickle {
struct Pickled;
}
// The same of a pickle that was run.
StateDict state_dict_of(const pickle::Pickled& pickled, const std::string& where);

}  // namespace t3video::checkpoint
