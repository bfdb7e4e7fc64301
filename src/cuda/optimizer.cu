// AdamW, and the norm of gradients. Bound by memory: everything is read once, and written once. With moments in 8 bits
// a warp takes a block of them: decodes it, and encodes what became of it once the largest magnitude is known.
#include "cuda/optimizer.h"

#include "core/dynamic_code.h"
#include "cuda/column_sums.cuh"

namespace t3video::cuda {
namespace {

constexpr int kThreads = 256;

template <int N>
__global__ void __launch_bounds__(kThreads) sum_squares(const float* x, int64_t n, double* partials) {
    const int64_t first = int64_t{blockIdx.x} * kThreads + threadIdx.x, step = int64_t{gridDim.x} * kThreads;
    const int64_t packs = n / N;
    double sum = 0;  // f64, so that squares cannot overflow
#pragma unroll 4
    for (int64_t p = first; p < packs; p += step) {
        const Pack<float, N> v = load_once<N>(x + p * N);
#pragma unroll
        for (int j = 0; j < N; ++j) sum = fma(double{v.value[j]}, double{v.value[j]}, sum);
    }
    for (int64_t i = packs * N + first; i < n; i += step) sum = fma(double{x[i]}, double{x[i]}, sum);
    sum = block_sum<kThreads>(sum);
    if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

// m = beta1 m + (1 - beta1) g,   v = beta2 v + (1 - beta2) g^2,
// w = w (1 - rate * decay) - rate * (m / correction1) / (sqrt(v / correction2) + eps),   g = factor * gradient
__device__ void adam_step(const ops::AdamStep& step, float gradient, float& w, float& m, float& v) {
    const float g = step.factor * gradient;
    m = fmaf(step.beta1, m, (1.0f - step.beta1) * g);
    v = fmaf(step.beta2, v, (1.0f - step.beta2) * g * g);
    const float direction = m / step.correction1 / (sqrtf(v / step.correction2) + step.eps);
    w = fmaf(-step.rate, fmaf(step.decay, w, direction), w);  // 1 - rate * decay would be rounded to 6e-8
}

template <int N, class R>
__device__ void store_rounded(R* to, const Pack<float, N>& w) {
    Pack<R, N> rounded;
#pragma unroll
    for (int j = 0; j < N; ++j) rounded.value[j] = from_float<R>(w.value[j]);
    store(to, rounded);
}

template <int N, class R>
__global__ void __launch_bounds__(kThreads)
    adamw_in_f32(__grid_constant__ const ops::AdamStep step, const float* gradient, float* weights, float* m, float* v,
                 R* rounded, int64_t packs) {
    const int64_t first = int64_t{blockIdx.x} * kThreads + threadIdx.x, stride = int64_t{gridDim.x} * kThreads;
    for (int64_t p = first; p < packs; p += stride) {
        const int64_t at = p * N;
        const Pack<float, N> g = load_once<N>(gradient + at);
        Pack<float, N> w = load<N>(static_cast<const float*>(weights + at)),
                       a = load_once<N>(static_cast<const float*>(m + at)),
                       b = load_once<N>(static_cast<const float*>(v + at));
#pragma unroll
        for (int j = 0; j < N; ++j) adam_step(step, g.value[j], w.value[j], a.value[j], b.value[j]);
        store(weights + at, w);
        store_once(m + at, a);
        store_once(v + at, b);
        if (rounded) store_rounded(rounded + at, w);
    }
}

__constant__ const DynamicCode kCodes[2] = {dynamic_code(true), dynamic_code(false)};  // of m and of v

// A code table in shared memory, with a gap after each 32 entries: steps of a search are powers of two, and would all
// lie in the same bank.
class Codes {
  public:
    __device__ void read(const DynamicCode& code) {
        for (int c = threadIdx.x; c < 256; c += kThreads) {
            value_[c] = code.value[c];
            above_[c + c / 32] = code.above[c];
        }
    }
    __device__ float decode(uint8_t code) const { return value_[code]; }
    __device__ uint8_t encode(float x) const { return nearest_code(*this, x); }
    constexpr float operator[](size_t c) const { return above_[c + c / 32]; }  // for nearest_code

  private:
    float value_[256], above_[256 + 8];
};

__device__ float warp_max(float x) {
    for (int offset = 16; offset > 0; offset /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, offset));
    return x;
}

struct CodedMoment {
    uint8_t* codes;
    float* scales;
};

// Part k of a lane's eight elements of a block: N neighbours, those of the lanes one behind another.
template <int N, class R>
__global__ void __launch_bounds__(kThreads)
    adamw_in_8_bits(__grid_constant__ const ops::AdamStep step, const float* gradient, float* weights, CodedMoment m,
                    CodedMoment v, R* rounded, int64_t n) {
    constexpr int kParts = ops::kMomentBlock / 32 / N, kWarps = kThreads / 32;
    __shared__ Codes codes[2];
    for (int k = 0; k < 2; ++k) codes[k].read(kCodes[k]);
    __syncthreads();
    const int lane = threadIdx.x % 32;
    const int64_t blocks = (n + ops::kMomentBlock - 1) / ops::kMomentBlock;
    for (int64_t block = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32; block < blocks;
         block += int64_t{gridDim.x} * kWarps) {
        const int64_t first = block * ops::kMomentBlock + lane * N;
        const float m_scale = m.scales[block], v_scale = v.scales[block];
        Pack<float, N> g[kParts] = {}, w[kParts] = {}, a[kParts] = {}, b[kParts] = {};
        Pack<uint8_t, N> a_codes[kParts] = {}, b_codes[kParts] = {};
#pragma unroll
        for (int k = 0; k < kParts; ++k) {
            const int64_t at = first + k * 32 * N;
            if (at >= n) continue;
            g[k] = load_once<N>(gradient + at);
            w[k] = load<N>(static_cast<const float*>(weights + at));
            a_codes[k] = load_once<N>(static_cast<const uint8_t*>(m.codes + at));
            b_codes[k] = load_once<N>(static_cast<const uint8_t*>(v.codes + at));
        }
        float m_largest = 0, v_largest = 0;
#pragma unroll
        for (int k = 0; k < kParts; ++k) {
            if (first + k * 32 * N >= n) continue;
#pragma unroll
            for (int j = 0; j < N; ++j) {
                a[k].value[j] = codes[0].decode(a_codes[k].value[j]) * m_scale;
                b[k].value[j] = codes[1].decode(b_codes[k].value[j]) * v_scale;
                adam_step(step, g[k].value[j], w[k].value[j], a[k].value[j], b[k].value[j]);
                m_largest = fmaxf(m_largest, fabsf(a[k].value[j]));
                v_largest = fmaxf(v_largest, b[k].value[j]);
            }
        }
        m_largest = warp_max(m_largest);
        v_largest = warp_max(v_largest);
        if (lane == 0) {
            m.scales[block] = m_largest;
            v.scales[block] = v_largest;
        }
#pragma unroll
        for (int k = 0; k < kParts; ++k) {
            const int64_t at = first + k * 32 * N;
            if (at >= n) continue;
#pragma unroll
            for (int j = 0; j < N; ++j) {
                a_codes[k].value[j] = codes[0].encode(m_largest > 0 ? a[k].value[j] / m_largest : 0.0f);
                b_codes[k].value[j] = codes[1].encode(v_largest > 0 ? b[k].value[j] / v_largest : 0.0f);
            }
            store(weights + at, w[k]);
            store_once(m.codes + at, a_codes[k]);
            store_once(v.codes + at, b_codes[k]);
            if (rounded) store_rounded(rounded + at, w[k]);
        }
    }
}

}  // namespace

double sum_of_squares(Context& ctx, std::span<const Tensor> tensors) {
    const State& s = state(ctx);
    const auto blocks_of = [&](const Tensor& x) {
        return std::clamp<int64_t>(x.numel() / (4 * kThreads), 1, sum_blocks(s.traits));
    };
    int64_t count = 0;
    for (const Tensor& x : tensors) count += blocks_of(x);
    Tensor partials = empty(ctx, {count + 1}, DType::f64);
    double* to = out<double>(partials);
    for (const Tensor& x : tensors) {
        const auto blocks = static_cast<unsigned>(blocks_of(x));
        const float* values = in<float>(x);
        if (aligned(values)) {
            sum_squares<4><<<blocks, kThreads, 0, s.stream>>>(values, x.numel(), to);
        } else {
            sum_squares<1><<<blocks, kThreads, 0, s.stream>>>(values, x.numel(), to);
        }
        check_launch();
        to += blocks;
    }
    return sum_of_partials(ctx, partials);
}

void adamw(Context& ctx, const ops::AdamStep& step, const Tensor& gradient, Tensor& w, ops::AdamMoment& m,
           ops::AdamMoment& v, Tensor* rounded) {
    require(m.in_8_bits() == v.in_8_bits(), "adamw: only one of the moments in 8 bits");
    const State& s = state(ctx);
    const int64_t n = w.numel();
    const float* g = in<float>(gradient);
    float* to = out<float>(w);
    visit(rounded ? rounded->dtype() : DType::f32, [&]<class R>() {
        R* copy = rounded ? out<R>(*rounded) : nullptr;
        const auto launch_f32 = [&]<int N>(float* a, float* b) {
            const unsigned blocks = blocks_for(s, (n / N + kThreads - 1) / kThreads);
            adamw_in_f32<N><<<blocks, kThreads, 0, s.stream>>>(step, g, to, a, b, copy, n / N);
        };
        const auto launch_8_bits = [&]<int N>(const CodedMoment& a, const CodedMoment& b) {
            constexpr int64_t kElements = kThreads / 32 * ops::kMomentBlock;  // of a block of threads
            const unsigned blocks = blocks_for(s, (n + kElements - 1) / kElements);
            adamw_in_8_bits<N><<<blocks, kThreads, 0, s.stream>>>(step, g, to, a, b, copy, n);
        };
        const bool vectors = n % 4 == 0 && aligned(g, to, copy);
        if (m.in_8_bits()) {
            const CodedMoment a{out<uint8_t>(m.values), out<float>(m.scales)},
                b{out<uint8_t>(v.values), out<float>(v.scales)};
            if (vectors && aligned(a.codes, b.codes)) {
                launch_8_bits.template operator()<4>(a, b);
            } else {
                launch_8_bits.template operator()<1>(a, b);
            }
        } else {
            float *a = out<float>(m.values), *b = out<float>(v.values);
            if (vectors && aligned(a, b)) {
                launch_f32.template operator()<4>(a, b);
            } else {
                launch_f32.template operator()<1>(a, b);
            }
        }
    });
    check_launch();
}

}  // namespace t3video::cuda
