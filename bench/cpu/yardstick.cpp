// What oneDNN itself reaches on this machine: the matrix products of a Wan2.1-1.3B block and the convolutions of the
// Wan2.1 VAE's decode, in f32, warm, in the layouts that it prefers, with nothing between them. t3video's rates are
// measured against these (bench/cpu/all.sh). Prints a line "NAME SECONDS FLOP" per figure.
// usage: t3video_yardstick [THREADS]
#include <omp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "cpu/onednn.h"

namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
using Dims = dnnl::memory::dims;
constexpr auto kF32 = dnnl::memory::data_type::f32;

struct Machine {
    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{engine};
};

// Memory with values in it, so that its pages exist and none is a denormal.
dnnl::memory filled(Machine& m, const Desc& desc) {
    dnnl::memory memory(desc, m.engine);
    auto* values = static_cast<float*>(memory.get_data_handle());
    const auto count = static_cast<int64_t>(desc.get_size() / sizeof(float));
#pragma omp parallel for
    for (int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(i % 7 - 3) * 0.01f;
    return memory;
}

// Median seconds of a run. One below 0.3 s is repeated for about as long; a longer one warms up by itself.
template <class Run>
double seconds_of(Run&& run) {
    std::vector<double> times;
    double total = 0;
    while (total < 0.3) {
        const auto start = std::chrono::steady_clock::now();
        run();
        times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        total += times.back();
    }
    if (times.size() > 1) times.erase(times.begin());
    std::ranges::sort(times);
    return times[times.size() / 2];
}

// The layers of a block without attention: q, k, v and output of the self attention, q and output of the cross
// attention, and the two of the feed-forward network.
void matrix_products(Machine& m, int64_t tokens) {
    std::vector<std::array<int64_t, 2>> layers(6, {1536, 1536});
    layers.push_back({1536, 8960});
    layers.push_back({8960, 1536});
    struct Layer {
        dnnl::matmul product;
        std::unordered_map<int, dnnl::memory> arguments;
    };
    std::vector<Layer> products;
    double flop = 0;
    for (const auto& [in, out] : layers) {
        const Desc x({tokens, in}, kF32, Tag::ab), w({in, out}, kF32, Tag::any), y({tokens, out}, kF32, Tag::ab);
        const auto product = t3video::cpu::describe_matmul(m.engine, x, w, nullptr, y);
        products.push_back({dnnl::matmul(product),
                            {{DNNL_ARG_SRC, filled(m, x)},
                             {DNNL_ARG_WEIGHTS, filled(m, product.weights_desc())},
                             {DNNL_ARG_DST, filled(m, y)}}});
        flop += 2.0 * double(tokens) * double(in) * double(out);
    }
    const double seconds = seconds_of([&] {
        for (Layer& layer : products) layer.product.execute(m.stream, layer.arguments);
        m.stream.wait();
    });
    std::printf("matmul-%d %.5f %.6g\n", int(tokens), seconds, flop);
}

// `calls` convolutions that give `frames` frames of h x w pixels; kt frames back in time, k x k in space.
struct Conv {
    int64_t calls, ci, co, kt, k, frames, h, w;

    double flop() const { return 2.0 * double(calls * ci * co * kt * k * k * frames) * double(h * w); }
};

// The convolutions of the decoder for a latent of t frames of h x w pixels: a stage holds three residual blocks of two;
// the first three double the frames in space, the first two also in time, where the first frame stands for itself.
std::vector<Conv> decoder(int64_t t, int64_t h, int64_t w) {
    const int64_t t1 = 2 * t - 1, t2 = 2 * t1 - 1;
    return {{1, 16, 16, 1, 1, t, h, w},  // behind the latent
            {1, 16, 384, 3, 3, t, h, w},
            {10, 384, 384, 3, 3, t, h, w},  // two blocks in the middle, three of the first stage
            {1, 384, 768, 3, 1, t - 1, h, w},
            {1, 384, 192, 1, 3, t1, 2 * h, 2 * w},
            {1, 192, 384, 3, 3, t1, 2 * h, 2 * w},
            {1, 192, 384, 1, 1, t1, 2 * h, 2 * w},  // the way around the block that widens
            {5, 384, 384, 3, 3, t1, 2 * h, 2 * w},
            {1, 384, 768, 3, 1, t1 - 1, 2 * h, 2 * w},
            {1, 384, 192, 1, 3, t2, 4 * h, 4 * w},
            {6, 192, 192, 3, 3, t2, 4 * h, 4 * w},
            {1, 192, 96, 1, 3, t2, 8 * h, 8 * w},
            {6, 96, 96, 3, 3, t2, 8 * h, 8 * w},
            {1, 96, 3, 3, 3, t2, 8 * h, 8 * w}};
}

// Seconds of one call that gives `frames` frames; `past` zero frames stand in front of the ones given.
double call(Machine& m, const Conv& c, int64_t frames, int64_t past) {
    const bool flat = c.kt == 1;  // frames are a batch of pictures
    const int64_t border = c.k / 2, in_frames = frames + c.kt - 1 - past;
    const Dims src = flat ? Dims{frames, c.ci, c.h, c.w} : Dims{1, c.ci, in_frames, c.h, c.w};
    const Dims dst = flat ? Dims{frames, c.co, c.h, c.w} : Dims{1, c.co, frames, c.h, c.w};
    const Dims weights = flat ? Dims{c.co, c.ci, c.k, c.k} : Dims{c.co, c.ci, c.kt, c.k, c.k};
    const Dims strides(flat ? 2 : 3, 1), after = flat ? Dims{border, border} : Dims{0, border, border};
    Dims before = after;
    if (!flat) before[0] = past;
    const Desc bias({c.co}, kF32, Tag::x);
    const auto description = t3video::cpu::describe_conv(
        m.engine, dnnl::algorithm::convolution_auto,
        {Desc(src, kF32, Tag::any), Desc(weights, kF32, Tag::any), Desc(dst, kF32, Tag::any), strides, before, after},
        &bias);
    const std::unordered_map<int, dnnl::memory> arguments{{DNNL_ARG_SRC, filled(m, description.src_desc())},
                                                          {DNNL_ARG_WEIGHTS, filled(m, description.weights_desc())},
                                                          {DNNL_ARG_BIAS, filled(m, bias)},
                                                          {DNNL_ARG_DST, filled(m, description.dst_desc())}};
    const dnnl::convolution_forward convolution(description);
    return seconds_of([&] {
        convolution.execute(m.stream, arguments);
        m.stream.wait();
    });
}

// Each shape in the faster of two ways: the whole clip in one call, or a frame at a time. A shape is timed once and
// counted as often as the decoder calls it.
void convolutions(Machine& m, const std::string& name, int64_t t, int64_t h, int64_t w) {
    double seconds = 0, flop = 0;
    for (const Conv& c : decoder(t, h, w)) {
        const double whole = call(m, c, c.frames, c.kt - 1), single = call(m, c, 1, 0) * double(c.frames);
        seconds += double(c.calls) * std::min(whole, single);
        flop += c.flop();
    }
    std::printf("conv-%s %.4f %.6g\n", name.c_str(), seconds, flop);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1) omp_set_num_threads(std::max(1, std::atoi(argv[1])));
    Machine m;
    matrix_products(m, 1530);
    matrix_products(m, 512);
    convolutions(m, "256", 2, 32, 32);
    convolutions(m, "272p", 3, 34, 60);
}
