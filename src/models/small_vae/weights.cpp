// Official tensors to ours.
#include "models/small_vae/weights.h"

#include <map>
#include <string>
#include <vector>

#include "checkpoint/load.h"

namespace t3video::models {
namespace {

// The official tensors, checked.
class Official {
  public:
    Official(const SmallVaeConfig& config, const checkpoint::TensorSource& source) {
        for (auto& [name, shape] : official_tensors(config)) params_[name] = nn::Param(shape, nn::Role::bias);
        checkpoint::load_params(*this, source);
    }

    template <class Visit>
    void for_each_param(const std::string&, Visit&& visit) {
        for (auto& [name, param] : params_) visit(name, param);
    }

    const Stored& at(const std::string& name) const { return params_.at(name).value; }
    // In f32.
    Tensor numbers(const std::string& name) const { return decoded(at(name)); }

  private:
    std::map<std::string, nn::Param> params_;
};

// y[i] = f(i) of so many elements, in the order of memory.
template <class F>
Tensor made(const Shape& shape, F&& f) {
    Tensor y = empty_on_host(shape);
    float* out = y.data<float>();
    for (int64_t i = 0; i < y.numel(); ++i) out[i] = f(i);
    return y;
}

// The kernel of a frame's channels and of the past one's, [out, 2n, 3, 3], as one over time, [out, n, 2, 3, 3]: the
// past frame comes first there.
Tensor over_time(const Tensor& w) {
    const int64_t n = w.dim(1) / 2, area = w.dim(2) * w.dim(3);
    const float* from = w.data<float>();
    return made({w.dim(0), n, 2, w.dim(2), w.dim(3)}, [=](int64_t i) {
        const int64_t pixel = i % area, k = i / area % 2, channel = i / area / 2 % n, out = i / area / 2 / n;
        return from[(out * 2 * n + (1 - k) * n + channel) * area + pixel];
    });
}

// [2n, 1, 7, 7] -> [49, 2n]
Tensor taps_first(const Tensor& w) {
    const int64_t channels = w.dim(0), taps = w.numel() / channels;
    const float* from = w.data<float>();
    return made({taps, channels}, [=](int64_t i) { return from[i % channels * taps + i / channels]; });
}

// The convolution of what a 1x1 kernel makes: sum over j of conv[o, j] * rows[first + j, i].
//     conv: [out, n, 3, 3], rows: [.., in, 1, 1] -> [out, in, 3, 3]
Tensor behind_rows(const Tensor& conv, const Tensor& rows, int64_t first) {
    const int64_t n = conv.dim(1), in = rows.dim(1), area = conv.dim(2) * conv.dim(3);
    const float *pc = conv.data<float>(), *pr = rows.data<float>();
    return made({conv.dim(0), in, conv.dim(2), conv.dim(3)}, [=](int64_t i) {
        const int64_t pixel = i % area, channel = i / area % in, out = i / area / in;
        double sum = 0;
        for (int64_t j = 0; j < n; ++j)
            sum += double(pc[(out * n + j) * area + pixel]) * double(pr[(first + j) * in + channel]);
        return static_cast<float>(sum);
    });
}

// The convolution of frames pooled by a 1x1 kernel over their channels, one frame's behind another's.
//     conv: [out, n, 3, 3], pool: [n, s*n, 1, 1] -> [out, n, s, 3, 3]
Tensor behind_pool(const Tensor& conv, const Tensor& pool) {
    const int64_t n = conv.dim(1), s = pool.dim(1) / n, area = conv.dim(2) * conv.dim(3);
    const Tensor all = behind_rows(conv, pool, 0);  // [out, s*n, 3, 3]
    const float* from = all.data<float>();
    return made({conv.dim(0), n, s, conv.dim(2), conv.dim(3)}, [=](int64_t i) {
        const int64_t pixel = i % area, k = i / area % s, channel = i / area / s % n, out = i / area / s / n;
        return from[(out * s * n + k * n + channel) * area + pixel];
    });
}

// The files' channel c*4 + row*2 + column of a pixel's 2x2 is c*4 + column*2 + row in ops/resample.h.
int64_t shuffled(int64_t channel) {
    return channel / 4 * 4 + channel % 2 * 2 + channel / 2 % 2;
}
// The same along the first axis, of a kernel or a bias that makes such channels.
Tensor shuffled_rows(const Tensor& x) {
    const int64_t each = x.numel() / x.dim(0);
    const float* from = x.data<float>();
    return made(x.shape(), [=](int64_t i) { return from[shuffled(i / each) * each + i % each]; });
}
// The same along the second axis, of a kernel that reads them.
Tensor shuffled_columns(const Tensor& w) {
    const int64_t n = w.dim(1), area = w.dim(2) * w.dim(3);
    const float* from = w.data<float>();
    return made(w.shape(),
                [=](int64_t i) { return from[(i / area / n * n + shuffled(i / area % n)) * area + i % area]; });
}

// Values of 0..1 as ones of -1..1: 2x - 1.
Tensor doubled(const Tensor& w, float less) {
    const float* from = w.data<float>();
    return made(w.shape(), [=](int64_t i) { return 2 * from[i] - less; });
}

void fill_block(const Official& official, const std::string& prefix, MemBlock& block) {
    const bool wide = block.depthwise.has_value();
    if (wide) block.depthwise->value = taps_first(official.numbers(prefix + "0.weight"));
    for (size_t i = 0; i < block.convs.size(); ++i) {
        const std::string name = concat(prefix, wide ? 1 + 2 * i : 2 * i, ".");
        Conv& conv = block.convs[i];
        conv.weight.value = conv.weight.shape.rank() == 5 ? Stored(over_time(official.numbers(name + "weight")))
                                                          : official.at(name + "weight");
        if (conv.bias) conv.bias->value = official.at(name + "bias");
    }
}

void fill_blocks(const Official& official, const std::string (&prefixes)[SmallVaeConfig::kBlocks], BlockRow& row) {
    for (size_t i = 0; i < row.blocks.size(); ++i) fill_block(official, prefixes[i], row.blocks[i]);
}

void fill_conv(const Official& official, const std::string& name, Conv& conv) {
    conv.weight.value = official.at(name + "weight");
    if (conv.bias) conv.bias->value = official.at(name + "bias");
}

// Kernel and bias of the last convolution, which makes pixels.
struct Pixels {
    Tensor weight, bias;

    Pixels(const Official& official, int64_t patch)
        : weight(official.numbers("decoder.22.weight")), bias(official.numbers("decoder.22.bias")) {
        if (patch == 2) weight = shuffled_rows(weight), bias = shuffled_rows(bias);
        weight = doubled(weight, 0);
        bias = doubled(bias, 1);
    }
};

// The kernels of the frames that one becomes.
void fill_frames(const SmallVaeConfig& config, const Official& official, size_t k, const Pixels& pixels,
                 std::vector<Conv>& frames) {
    const StageNames names = decoder_stage(config, k);
    const Tensor rows = official.numbers(names.grow);
    const int64_t each = config.decoder[config.wide_kernels ? k + 1 : k],
                  unused = config.grown[k] - SmallVaeConfig::kGrowth[k] * each;
    for (size_t i = 0; i < frames.size(); ++i) {
        const int64_t first = unused + static_cast<int64_t>(i) * each;
        Conv& conv = frames[i];
        if (!config.wide_kernels) {
            conv.weight.value = behind_rows(official.numbers(names.conv), rows, first);
        } else if (conv.bias) {
            conv.weight.value = behind_rows(pixels.weight, rows, first);
            conv.bias->value = pixels.bias;
        } else {
            conv.weight.value = rows.slice(first, first + each);
        }
    }
}

void fill_decoder(const SmallVaeConfig& config, const Official& official, SmallDecoder& decoder) {
    fill_conv(official, config.wide_kernels ? "decoder.0." : "decoder.1.", decoder.first);
    const Pixels pixels(official, config.patch);
    for (size_t k = 0; k < decoder.stages.size(); ++k) {
        const StageNames names = decoder_stage(config, k);
        GrowStage& stage = decoder.stages[k];
        fill_blocks(official, names.block, stage.blocks);
        if (stage.widen) {
            stage.widen->weight.value = shuffled_rows(official.numbers(names.widen + "weight"));
            stage.widen->bias->value = shuffled_rows(official.numbers(names.widen + "bias"));
        }
        fill_frames(config, official, k, pixels, stage.frames);
    }
    if (!decoder.last) return;
    decoder.last->weight.value = pixels.weight;
    decoder.last->bias->value = pixels.bias;
}

void fill_encoder(const SmallVaeConfig& config, const Official& official, SmallEncoder& encoder) {
    fill_conv(official, "encoder.0.", encoder.first);
    if (config.patch == 2) encoder.first.weight.value = shuffled_columns(official.numbers("encoder.0.weight"));
    for (size_t k = 0; k < encoder.stages.size(); ++k) {
        const EncoderNames names = encoder_stage(k);
        PoolStage& stage = encoder.stages[k];
        stage.pool.weight.value = behind_pool(official.numbers(names.conv), official.numbers(names.pool));
        fill_blocks(official, names.block, stage.blocks);
    }
    fill_conv(official, "encoder.17.", encoder.last);
}

}  // namespace

void fill_small_vae(const SmallVaeConfig& config, const checkpoint::TensorSource& source, SmallDecoder& decoder,
                    SmallEncoder* encoder) {
    const Official official(config, source);
    fill_decoder(config, official, decoder);
    if (encoder) fill_encoder(config, official, *encoder);
}

}  // namespace t3video::models
