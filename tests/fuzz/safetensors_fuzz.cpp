// Safetensors and their index, and what reads their names: prefixes, scales of 8-bit floats, LoRA keys and settings.
#include <algorithm>

#include "checkpoint/lora/lora.h"
#include "checkpoint/single_file.h"
#include "fuzz.h"

using namespace t3video;

namespace {

// Zeros under a transformer's names, of the sizes of tests/data/lora.
checkpoint::TensorSource small_model() {
    const std::pair<const char*, Shape> kWeights[] = {
        {"blocks.0.self_attn.q.weight", {12, 8}}, {"blocks.0.self_attn.q.bias", {12}},
        {"blocks.0.ffn.0.weight", {18, 12}},      {"blocks.1.ffn.2.weight", {12, 16}},
        {"blocks.0.modulation", {1, 6, 12}},      {"patch_embedding.weight", {12, 4, 1, 2, 2}},
    };
    checkpoint::TensorSource model;
    for (const auto& [name, shape] : kWeights) {
        Tensor zeros = empty_on_host(shape);
        std::ranges::fill(zeros.span<float>(), 0.0f);
        model.tensors.emplace(name, checkpoint::StoredTensor{zeros, "model"});
    }
    return model;
}

// diffusers' names of two of them.
std::string other_name(const std::string& name) {
    if (name == "blocks.0.self_attn.q.weight") return "blocks.0.attn1.to_q.weight";
    return name == "blocks.1.ffn.2.weight" ? "blocks.1.ffn.net.2.weight" : "";
}

}  // namespace

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
    fuzz::expect_contract([&] {
        checkpoint::TensorSource model = small_model();
        checkpoint::apply_lora(model, {path, 0.5, size % 2 == 0}, other_name);
        for (const auto& [name, stored] : model.tensors) decoded(stored.tensor);
        return true;
    });
    return 0;
}
