// LoRA files of every dialect against weights that numpy merged in double precision (tools/file_reference/lora.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "checkpoint/lora/lora.h"
#include "models/wan_dit/names.h"
#include "support/files.h"

namespace t3video::models {
namespace {

namespace fs = std::filesystem;
using checkpoint::TensorSource;

const fs::path kFolder = T3VIDEO_TEST_DATA "/lora";

std::vector<std::string> dialects() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(kFolder)) {
        const std::string name = entry.path().stem().string();
        if (name != "base" && name != "merged") names.push_back(name);
    }
    std::ranges::sort(names);
    return names;
}

class LoraDialects : public ::testing::TestWithParam<std::string> {};

TEST_P(LoraDialects, GiveTheMergedWeights) {
    const fs::path file = kFolder / (GetParam() + ".safetensors");
    const auto notes = checkpoint::open_tensors(file).metadata;
    const double strength = std::stod(notes.at("strength")), tolerance = std::stod(notes.at("tolerance"));
    TensorSource source = checkpoint::open_tensors(kFolder / "base.safetensors");
    const TensorSource merged = checkpoint::open_tensors(kFolder / "merged.safetensors");
    const auto summary = checkpoint::apply_lora(source, {file, strength}, diffusers_dit_name);
    EXPECT_TRUE(summary.left_out.empty());
    int64_t changed = 0;
    for (const auto& [name, stored] : source.tensors) {
        const auto found = merged.tensors.find(GetParam() + "/" + name);
        if (found == merged.tensors.end()) {
            EXPECT_FALSE(stored.tensor.encoding()) << name << " is changed";
            continue;
        }
        ++changed;
        const Tensor value = decoded(stored.tensor);
        const double* expected = found->second.tensor.numbers().data<double>();
        double error = 0, norm = 0;
        for (int64_t i = 0; i < value.numel(); ++i) {
            error += std::pow(double(value.data<float>()[i]) - expected[i], 2);
            norm += expected[i] * expected[i];
        }
        EXPECT_LT(std::sqrt(error / norm), tolerance) << name;
    }
    EXPECT_GT(changed, 0);
}

INSTANTIATE_TEST_SUITE_P(All, LoraDialects, ::testing::ValuesIn(dialects()),
                         [](const auto& test) { return test.param; });

// Two files of different dialects, and their order.
TEST(LoraDialectsTogether, AddUp) {
    const TensorSource plain = checkpoint::open_tensors(kFolder / "base.safetensors"),
                       merged = checkpoint::open_tensors(kFolder / "merged.safetensors");
    TensorSource source = plain;
    const std::string q = "blocks.0.self_attn.q.weight";
    checkpoint::apply_lora(source, {kFolder / "lokr.safetensors", 0.5}, diffusers_dit_name);
    checkpoint::apply_lora(source, {kFolder / "loha.safetensors", 0.75}, diffusers_dit_name);
    const Tensor sum = decoded(source.tensors.at(q).tensor);
    const double *lokr = merged.at("lokr/" + q).data<double>(), *loha = merged.at("loha/" + q).data<double>();
    for (int64_t i = 0; i < sum.numel(); ++i)
        EXPECT_NEAR(sum.data<float>()[i], lokr[i] + loha[i] - double(plain.at(q).data<float>()[i]), 1e-5);
}

}  // namespace
}  // namespace t3video::models
