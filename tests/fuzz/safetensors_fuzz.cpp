// Safetensors and their index, and what reads their names: prefixes, scales of 8-bit floats, LoRA keys and settings.
#include "checkpoint/lora/lora.h"
#include "checkpoint/single_file.h"
#include "fuzz.h"

using namespace t3video;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto path = fuzz::input_file(data, size);
    fuzz::expect_contract([&] { return fuzz::touch(checkpoint::open_tensors(path), size); });
    for (const auto network : {checkpoint::Network::dit, checkpoint::Network::vae, checkpoint::Network::text_encoder}) {
        fuzz::expect_contract([&] { return fuzz::touch(checkpoint::open_network(path, network), size); });
    }
    fuzz::expect_contract([&] {
        const checkpoint::Contents contents = checkpoint::contents_of(path);
        return contents.lora || !contents.networks.empty();
    });
    fuzz::expect_contract([&] { return checkpoint::summarise_lora(path).modules >= 0; });
    return 0;
}
