// Pickles of state dicts, without an archive around them.
#include "checkpoint/torch/pickle.h"
#include "fuzz.h"

using namespace t3video;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    fuzz::expect_contract([&] {
        const auto pickle = std::as_bytes(std::span(data, size));
        for (const checkpoint::PickledTensor& tensor : checkpoint::read_state_dict(pickle, "input").tensors) {
            // Promised by the header.
            if (tensor.offset < 0 || tensor.storage_elements < 0 || tensor.storage_first < 0) std::abort();
            if (tensor.shape.size() != tensor.strides.size()) std::abort();
        }
        return true;
    });
    return 0;
}
