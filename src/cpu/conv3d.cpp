// Convolutions through oneDNN. Bound by arithmetic. A 3D kernel runs as one 2D convolution per frame and tap of time,
// each adding to its output frame: frames may lie anywhere, so history needs no joining, zero frames cost nothing, and
// the rate is that of the 3D primitive (measured 192 to 1024 channels: within 3 %).
#include "cpu/conv3d.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/bounded_cache.h"
#include "cpu/conv_taps.h"
#include "cpu/convert.h"
#include "cpu/onednn.h"
#include "cpu/state.h"

namespace t3video::cpu {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
constexpr auto kF32 = dnnl::memory::data_type::f32;

// Some rows of a frame, read from `in_row` on and written from `out_row` on.
struct Band {
    int64_t in_row, out_row;
    ops::FrameConv conv;
};

// What of a ConvEnd the primitives depend on.
struct Ending {
    bool bias = false, adds = false, relu = false;
    friend auto operator<=>(const Ending&, const Ending&) = default;
};

// The convolutions of a band, one for each tap of time, made when they are first asked for. The first writes bias +
// result, or, where there is a residual, adds both to it; those after it add their result to what is there. The last
// takes the activation along.
struct BandPrimitives {
    int64_t in_offset, out_offset;  // elements from the start of the frame
    ConvShape shape;
    dnnl::convolution_forward made[2][2] = {};  // [is the first][is the last]
};

// All bands of a frame, and the layout of the weights that they share.
struct FramePrimitives {
    Ending ending;
    Desc bias, weights;
    std::vector<BandPrimitives> bands;
};

using PrimitivesKey = std::tuple<ops::FrameConv, Ending, int64_t>;
// A film asks for some dozens.
using PrimitivesCache = BoundedCache<PrimitivesKey, FramePrimitives, 256>;

// Output rows [first, last) need input rows [first*stride - top, (last-1)*stride - top + kh), less what lies outside.
Band band_of(const ops::FrameConv& frame, int64_t first, int64_t last) {
    const int64_t begin = first * frame.stride_h - frame.top, end = (last - 1) * frame.stride_h - frame.top + frame.kh;
    Band band{std::max<int64_t>(begin, 0), first, frame};
    band.conv.h = std::min(end, frame.h) - band.in_row;
    band.conv.top = band.in_row - begin;
    band.conv.bottom = std::max<int64_t>(end - frame.h, 0);
    return band;
}

std::vector<Band> bands_of(const ops::FrameConv& frame, int64_t band_elements) {
    const int64_t out_row = frame.out_w() * frame.co, in_rows = frame.w * frame.ci * frame.stride_h;
    const int64_t rows = std::max<int64_t>(1, band_elements / std::max(out_row, in_rows));
    if (rows >= frame.out_h()) return {{0, 0, frame}};
    std::vector<Band> bands;
    for (int64_t row = 0; row < frame.out_h(); row += rows) {
        bands.push_back(band_of(frame, row, std::min(row + rows, frame.out_h())));
    }
    return bands;
}

dnnl::primitive_attr attributes(bool adds, bool relu) {
    dnnl::post_ops post;
    if (adds) post.append_sum(1.0f);
    if (relu) append_activation(post, dnnl::algorithm::eltwise_relu, 0.0f);
    dnnl::primitive_attr attr;
    attr.set_post_ops(post);
    return attr;
}

ConvPrimitiveDesc describe(const FramePrimitives& all, const ConvShape& shape, bool first, bool last,
                           const dnnl::engine& engine) {
    return describe_conv(engine, dnnl::algorithm::convolution_direct, shape,
                         first && all.ending.bias ? &all.bias : nullptr,
                         attributes(!first || all.ending.adds, last && all.ending.relu));
}

// The first band chooses the layout of the weights; all primitives keep to it.
FramePrimitives make_primitives(const ops::FrameConv& frame, const Ending& ending, int64_t band_elements,
                                const dnnl::engine& engine) {
    FramePrimitives primitives{.ending = ending,
                               .bias = Desc({frame.co}, kF32, Tag::x),
                               .weights = Desc({frame.co, frame.ci, frame.kh, frame.kw}, kF32, Tag::any),
                               .bands = {}};
    for (const Band& band : bands_of(frame, band_elements)) {
        const ops::FrameConv& conv = band.conv;
        ConvShape shape{Desc({1, conv.ci, conv.h, conv.w}, kF32, Tag::nhwc),
                        primitives.weights,
                        Desc({1, conv.co, conv.out_h(), conv.out_w()}, kF32, Tag::nhwc),
                        {conv.stride_h, conv.stride_w},
                        {conv.top, conv.left},
                        {conv.bottom, conv.right}};
        if (primitives.bands.empty())
            primitives.weights = shape.weights = describe(primitives, shape, true, false, engine).weights_desc();
        primitives.bands.push_back({.in_offset = band.in_row * frame.w * frame.ci,
                                    .out_offset = band.out_row * frame.out_w() * frame.co,
                                    .shape = shape});
    }
    return primitives;
}

const dnnl::convolution_forward& primitive_of(const FramePrimitives& all, BandPrimitives& band, bool first, bool last,
                                              const dnnl::engine& engine) {
    dnnl::convolution_forward& made = band.made[first][last && all.ending.relu];
    if (!made) made = dnnl::convolution_forward(describe(all, band.shape, first, last, engine));
    return made;
}

FramePrimitives& primitives_for(State& cpu, const ops::FrameConv& frame, const Ending& ending, int64_t band_elements) {
    auto& slot = cpu.caches["conv3d"];
    if (!slot) slot = std::make_shared<PrimitivesCache>();
    auto& cache = *static_cast<PrimitivesCache*>(slot.get());
    return cache.get({frame, ending, band_elements},
                     [&] { return make_primitives(frame, ending, band_elements, cpu.engine); });
}

dnnl::memory view(const Desc& desc, const dnnl::engine& engine, const float* data) {
    return {desc, engine, const_cast<float*>(data)};
}

// `from`, laid out as `layout` says, as `to` says.
Tensor relaid(Context& ctx, const Tensor& from, const Desc& layout, const Desc& to) {
    State& cpu = state(ctx);
    Tensor y = empty(ctx, {static_cast<int64_t>((to.get_size() + sizeof(float) - 1) / sizeof(float))});
    dnnl::memory source = view(layout, cpu.engine, from.data<float>()), target = view(to, cpu.engine, y.data<float>());
    dnnl::reorder(source, target).execute(cpu.stream, source, target);
    cpu.stream.wait();
    return y;
}

// y[t, 2r + first, 2c + q] = phase[t, r, c]
void interleave(Context& ctx, const Tensor& phase, int64_t first_row, int64_t q, Tensor& y) {
    const int64_t height = phase.dim(1), width = phase.dim(2), channels = phase.dim(3);
    const float* source = phase.data<float>();
    float* target = y.data<float>();
    ctx.parallel_for(phase.dim(0) * phase.dim(1), 4, [&](int64_t first, int64_t last) {
        for (int64_t line = first; line < last; ++line) {
            const float* from = source + line * width * channels;
            const int64_t row = line / height * y.dim(1) + 2 * (line % height) + first_row;
            float* to = target + (row * 2 * width + q) * channels;
            for (int64_t c = 0; c < width; ++c) std::copy_n(from + c * channels, channels, to + 2 * c * channels);
        }
    });
}

// Elements of a frame that are convolved at once. No offset inside oneDNN may exceed 31 bits. Its kernels for AVX2 pass
// over all that they are given once for each block of channels, and we once for each tap of time: there, what a band of
// rows reads and writes is to stay in cache. Decodes of Wan2.1's sizes are 1.2 to 1.5 times as fast with such bands;
// with the kernels for AVX-512, which see to this themselves, 1.15 to 1.25 times slower.
int64_t suitable_band(int threads) {
    constexpr int64_t kMost = int64_t{1} << 28, kPerThread = int64_t{1} << 18;
    constexpr auto kAvx512 = static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
    const auto isa = static_cast<unsigned>(dnnl::get_effective_cpu_isa());  // bits, a wider set has those of a narrower
    return (isa & kAvx512) == kAvx512 ? kMost : std::min(kPerThread * threads, kMost);
}

std::vector<const float*> frames_of(const Tensor& x) {
    std::vector<const float*> frames;
    for (int64_t t = 0; t < x.dim(0); ++t) frames.push_back(x.slice(t, t + 1).data<float>());
    return frames;
}

}  // namespace

void conv3d(Context& ctx, std::span<const float* const> frames, const ops::Prepared& weight, const ops::ConvEnd& end,
            const ops::FrameConv& frame, int64_t stride_t, Tensor& y, int64_t band_elements) {
    State& cpu = state(ctx);
    const Tensor *bias = end.bias, *residual = end.residual;
    const bool relu = end.relu;
    if (band_elements == 0) band_elements = suitable_band(ctx.threads());
    if (residual && residual->raw() != std::as_const(y).raw()) copy_into(ctx, y, *residual);
    FramePrimitives& primitives =
        primitives_for(cpu, frame, {bias != nullptr, residual != nullptr, relu}, band_elements);
    std::vector<Tensor> taps = weight.blobs;
    if (const Desc& layout = *static_cast<const Desc*>(weight.layout.get()); layout != primitives.weights) {
        for (Tensor& tap : taps) tap = relaid(ctx, tap, layout, primitives.weights);
    }
    const Tensor shift = bias ? as_f32(ctx, *bias) : Tensor();
    const int64_t frame_size = frame.out_h() * frame.out_w() * frame.co;
    for (int64_t f = 0; f < y.dim(0); ++f) {
        for (BandPrimitives& band : primitives.bands) {
            bool started = false;
            const float* const* sources = &frames[static_cast<size_t>(f * stride_t)];
            const auto last = std::find_if(std::reverse_iterator(sources + taps.size()), std::reverse_iterator(sources),
                                           [](const float* source) { return source != nullptr; });
            for (size_t k = 0; k < taps.size(); ++k) {
                const float* source = sources[k];
                if (!source) continue;
                std::unordered_map<int, dnnl::memory> arguments{
                    {DNNL_ARG_SRC, view(band.shape.src, cpu.engine, source + band.in_offset)},
                    {DNNL_ARG_WEIGHTS, view(primitives.weights, cpu.engine, taps[k].data<float>())},
                    {DNNL_ARG_DST,
                     view(band.shape.dst, cpu.engine, y.data<float>() + f * frame_size + band.out_offset)}};
                if (bias && !started) {
                    arguments.emplace(DNNL_ARG_BIAS, view(primitives.bias, cpu.engine, shift.data<float>()));
                }
                const bool is_last = sources + k + 1 == last.base();
                primitive_of(primitives, band, !started, is_last, cpu.engine).execute(cpu.stream, arguments);
                started = true;
            }
            require(started, "conv3d: output frame ", f, " sees no input frame");
        }
    }
    cpu.stream.wait();
}

// Each parity of output row and column sees a 2x2 kernel on the small frame: 16 instead of 36 products per input pixel.
void upsample_conv2d(Context& ctx, const Tensor& x, const ops::Prepared& weight, const ops::ConvEnd& end,
                     ops::UpsamplePadding pad, Tensor& y) {
    const std::vector<const float*> frames = frames_of(x);
    for (int64_t p = 0; p < 2; ++p) {
        // Without the zero row above, y starts with an odd row.
        const int64_t top = p == 0 ? pad.top : 0, bottom = p == 0 ? 0 : pad.bottom,
                      first_row = pad.top == 1 ? p : 1 - p;
        Tensor phase = empty(ctx, {x.dim(0), x.dim(1) - 1 + top + bottom, x.dim(2), y.dim(3)});
        if (phase.numel() == 0) continue;
        for (int64_t q = 0; q < 2; ++q) {
            const ops::FrameConv frame{.h = x.dim(1),
                                       .w = x.dim(2),
                                       .ci = x.dim(3),
                                       .co = y.dim(3),
                                       .kh = 2,
                                       .kw = 2,
                                       .top = top,
                                       .bottom = bottom,
                                       .left = 1 - q,
                                       .right = q};
            const ops::Prepared kernel{{frame.co, frame.ci, 1, 2, 2},
                                       ops::Prepared::Format::taps,
                                       {weight.blobs[static_cast<size_t>(2 * p + q)]},
                                       weight.layout};
            conv3d(ctx, frames, kernel, end, frame, 1, phase);
            interleave(ctx, phase, first_row, q, y);
        }
    }
}

ops::Prepared arrange_taps(Context& ctx, const Stored& weight, const ops::FrameConv* frame) {
    const Shape& s = weight.shape();
    const int64_t co = s[0], ci = s[1], kt = s[2], kh = s[3], kw = s[4];
    constexpr int64_t kCommon = 64;
    const ops::FrameConv common{.h = kCommon,
                                .w = kCommon,
                                .ci = ci,
                                .co = co,
                                .kh = kh,
                                .kw = kw,
                                .top = kh / 2,
                                .bottom = kh / 2,
                                .left = kw / 2,
                                .right = kw / 2};
    State& cpu = state(ctx);
    const auto layout = std::make_shared<Desc>(
        primitives_for(cpu, frame ? *frame : common, {.bias = true}, suitable_band(ctx.threads())).weights);
    const Tensor values = weight.encoding() ? as_f32(ctx, weight) : weight.numbers();
    ops::Prepared p{s, ops::Prepared::Format::taps, {}, layout};
    for (int64_t k = 0; k < kt; ++k)
        p.blobs.push_back(relaid(ctx, tap_of(ctx, values, k), Desc({co, ci, kh, kw}, kF32, Tag::oihw), *layout));
    return p;
}

ops::Prepared arrange_phases(Context& ctx, const Stored& weight, const ops::FrameConv* frame) {
    ops::Prepared p{weight.shape(), ops::Prepared::Format::phases, {}, nullptr};
    const Tensor values = weight.encoding() ? as_f32(ctx, weight) : weight.numbers();
    for (int64_t phase = 0; phase < 4; ++phase) {
        const ops::Prepared one = arrange_taps(ctx, phase_kernel(ctx, values, phase / 2, phase % 2), frame);
        if (!p.layout) p.layout = one.layout;
        p.blobs.push_back(one.blobs[0]);
    }
    return p;
}

}  // namespace t3video::cpu
