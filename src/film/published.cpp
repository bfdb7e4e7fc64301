// Sizes as in the released checkpoints.
#include "film/published.h"

namespace t3video::film {
namespace {

models::DitConfig dit(int64_t dim, int64_t ffn_dim, int64_t channels) {
    models::DitConfig c;
    c.dim = dim;
    c.heads = dim / 128;
    c.layers = 30;
    c.ffn_dim = ffn_dim;
    c.in_channels = c.out_channels = channels;
    c.text_dim = 4096;
    c.freq_dim = 256;
    return c;
}

bool ends_with(const std::string& name, std::string_view end) {
    return std::string_view(name).ends_with(end);
}

}  // namespace

models::DitConfig wan21_1_3b() {
    return dit(1536, 8960, 16);
}

models::DitConfig wan22_5b() {
    return dit(3072, 14336, 48);
}

models::VaeConfig wan21_vae() {
    models::VaeConfig c;
    c.version = models::VaeVersion::wan21;
    c.z = 16;
    c.encoder = {
        96,
        {{96, 2, true, false, 96}, {192, 2, true, true, 192}, {384, 2, true, true, 384}, {384, 2, false, false, 384}}};
    c.decoder = {
        384,
        {{384, 3, true, true, 192}, {384, 3, true, true, 192}, {192, 3, true, false, 96}, {96, 3, false, false, 96}}};
    return c;
}

models::VaeConfig wan22_vae() {
    models::VaeConfig c;
    c.version = models::VaeVersion::wan22;
    c.z = 48;
    c.encoder = {160,
                 {{160, 2, true, false, 160},
                  {320, 2, true, true, 320},
                  {640, 2, true, true, 640},
                  {640, 2, false, false, 640}}};
    c.decoder = {1024,
                 {{1024, 3, true, true, 1024},
                  {1024, 3, true, true, 1024},
                  {512, 3, true, false, 512},
                  {256, 3, false, false, 256}}};
    return c;
}

models::Umt5Config umt5_xxl() {
    return {.vocabulary = 256384,
            .dim = 4096,
            .layers = 24,
            .heads = 64,
            .inner_dim = 4096,
            .ffn_dim = 10240,
            .buckets = 32};
}

Networks published_networks(std::string_view name) {
    require_valid(name == "wan2.1-1.3b" || name == "wan2.2-5b", Field("published", name),
                  ": expected wan2.1-1.3b or wan2.2-5b");
    const bool wan22 = name == "wan2.2-5b";
    return {{{without_values(models::WanDit(wan22 ? wan22_5b() : wan21_1_3b()))}},
            without_values(models::WanVae(wan22 ? wan22_vae() : wan21_vae())),
            without_values(models::Umt5(umt5_xxl()))};
}

Tensor random_weight(Context& ctx, const std::string& name, const nn::Param& param, uint64_t index) {
    const Shape& shape = param.shape;
    const int64_t fan_in = shape.numel() / shape.dim(0);
    const bool bias = shape.rank() == 1 && ends_with(name, "bias");
    if (param.role == nn::Role::table) {  // in host memory, as stored in a file
        Context host;
        return ops::random_normal(host, shape, DType::bf16, index, 0.0f, 1.0f);
    }
    if (bias)
        return ops::random_normal(ctx, shape, param.role == nn::Role::scale ? DType::f32 : ctx.compute_type(), index,
                                  0.0f, 0.02f);
    if (param.role == nn::Role::scale && (ends_with(name, "modulation") || shape.rank() == 2))
        return ops::random_normal(ctx, shape, DType::f32, index, 0.0f, 1.0f / std::sqrt(float(shape.dim(-1))));
    if (param.role == nn::Role::scale) return ops::random_normal(ctx, shape, DType::f32, index, 1.0f, 0.1f);
    const DType type = ctx.device() == Device::cpu && param.role == nn::Role::matrix && shape.rank() == 2
                           ? DType::bf16
                           : ctx.compute_type();
    return ops::random_normal(ctx, shape, type, index, 0.0f, 1.0f / std::sqrt(float(fan_in)));
}

}  // namespace t3video::film
