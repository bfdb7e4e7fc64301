// Weights with LoRA of every dialect on the GPU: products beside those of the weights that numpy merged in double
// precision (tools/file_reference/lora.py).
#include "checkpoint/lora/lora.h"

#include <filesystem>

#include "cuda/parity.h"
#include "models/wan_dit/names.h"
#include "ops/linear.h"

namespace t3video {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class LoraOnGpu : public OnGpu {};

TEST_P(LoraOnGpu, ProductsOfEveryDialect) {
    const fs::path folder = T3VIDEO_TEST_DATA "/lora";
    const auto merged = checkpoint::open_tensors(folder / "merged.safetensors");
    int products = 0;
    for (const auto& [key, expected] : merged.tensors) {
        const std::string dialect = key.substr(0, key.find('/')), name = key.substr(dialect.size() + 1);
        if (expected.tensor.rank() < 2 || name.ends_with(".modulation")) continue;
        const fs::path file = folder / (dialect + ".safetensors");
        const auto notes = checkpoint::open_tensors(file).metadata;
        auto source = checkpoint::open_tensors(folder / "base.safetensors");
        checkpoint::apply_lora(source, {file, std::stod(notes.at("strength"))}, models::diffusers_dit_name);

        const int64_t out = expected.tensor.dim(0), in = expected.tensor.numel() / out, rows = 5;
        const Operand x = random({rows, in}, 1);
        Tensor y = empty_on_host({rows, out});
        for (int64_t r = 0; r < rows; ++r) {
            for (int64_t o = 0; o < out; ++o) {
                double sum = 0;
                for (int64_t i = 0; i < in; ++i)
                    sum +=
                        double(x.host.data<float>()[r * in + i]) * expected.tensor.numbers().data<double>()[o * in + i];
                y.data<float>()[r * out + o] = static_cast<float>(sum);
            }
        }
        SCOPED_TRACE(key);
        const ops::Prepared weight =
            ops::prepare(gpu(), source.tensors.at(name).tensor.reshape({out, in}), ops::Role::matrix);
        const double tolerance = std::stod(notes.at("tolerance"));  // in bf16 the weight is rounded as well
        expect_parity(
            y, [&] { return ops::linear(gpu(), x.device, weight); }, type(),
            type() == DType::f32 ? tolerance : loose_bound());
        ++products;
    }
    EXPECT_GT(products, 30);
}

INSTANTIATE_TEST_SUITE_P(Types, LoraOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
