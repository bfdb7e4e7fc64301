// A block takes a window of a head. Scores and their gradients stay in shared memory in f32; rows pass through it a few
// channels at a time, twice: for the scores, and for what they multiply. Bound by the additions and by shared memory,
// as no matrix units take part.
#include "cuda/small_windows_backward.h"

#include "cuda/kernel.cuh"

namespace t3video::cuda {
namespace {

constexpr int kChannels = 16;  // at a time: 32 bytes of a row of bf16, what memory reads at least

struct Launch {
    const int64_t* order;
    int64_t stride;  // elements from row to row
    int tokens, width;
    float scale;
    bool average;
};

template <class T>
struct Operands {
    const T *q, *k, *v, *dy;
    T *dq, *dk, *dv;
};

template <int kRows>
struct Memory {
    // One more in a row spreads a column over the banks.
    float q[kRows][kChannels + 1], k[kRows][kChannels + 1], v[kRows][kChannels + 1], dy[kRows][kChannels + 1];
    float p[kRows][kRows + 1], ds[kRows][kRows + 1];
};

// Of windows of up to kRows tokens; a thread takes kTile x kTile scores.
template <class T, int kRows, int kTile>
__global__ __launch_bounds__((kRows / kTile) * (kRows / kTile)) void backward(Launch l, Operands<T> x) {
    constexpr int kAcross = kRows / kTile, kThreads = kAcross * kAcross, kWarps = kThreads / 32;
    static_assert(kThreads % 32 == 0 && kThreads >= kChannels && kRows * kChannels % kThreads == 0);
    extern __shared__ __align__(16) unsigned char bytes[];
    auto& m = *reinterpret_cast<Memory<kRows>*>(bytes);
    const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
    const int64_t begin = int64_t{blockIdx.x} * l.tokens, column = int64_t{blockIdx.y} * l.width;
    const auto place = [&](int row, int channel) {
        const int64_t i = begin + row;
        return (l.order ? __ldg(l.order + i) : i) * l.stride + column + channel;
    };
    // Zeros where the window has no row and the head no channel.
    const auto fetch = [&](const T* from, int first, float(&to)[kRows][kChannels + 1]) {
        for (int i = thread; i < kRows * kChannels; i += kThreads) {
            const int row = i / kChannels, c = i % kChannels;
            to[row][c] = row < l.tokens && first + c < l.width ? to_float(from[place(row, first + c)]) : 0.0f;
        }
    };

    // scores = q k^T, dp = dy v^T
    float scores[kTile][kTile] = {}, dp[kTile][kTile] = {};
    const int across = thread % kAcross, down = thread / kAcross;
    for (int first = 0; first < l.width; first += kChannels) {
        __syncthreads();
        fetch(x.q, first, m.q);
        fetch(x.k, first, m.k);
        fetch(x.v, first, m.v);
        fetch(x.dy, first, m.dy);
        __syncthreads();
#pragma unroll 4
        for (int c = 0; c < kChannels; ++c) {
            float q[kTile], k[kTile], v[kTile], dy[kTile];
#pragma unroll
            for (int i = 0; i < kTile; ++i) {
                q[i] = m.q[down + i * kAcross][c];
                dy[i] = m.dy[down + i * kAcross][c];
                k[i] = m.k[across + i * kAcross][c];
                v[i] = m.v[across + i * kAcross][c];
            }
#pragma unroll
            for (int i = 0; i < kTile; ++i) {
#pragma unroll
                for (int j = 0; j < kTile; ++j) {
                    scores[i][j] = fmaf(q[i], k[j], scores[i][j]);
                    dp[i][j] = fmaf(dy[i], v[j], dp[i][j]);
                }
            }
        }
    }
#pragma unroll
    for (int i = 0; i < kTile; ++i) {
#pragma unroll
        for (int j = 0; j < kTile; ++j) {
            m.p[down + i * kAcross][across + j * kAcross] = scores[i][j] * l.scale;
            m.ds[down + i * kAcross][across + j * kAcross] = dp[i][j];
        }
    }
    __syncthreads();

    // p = softmax(scores), ds = p * (dp - sum of p * dp): a warp takes a row, a lane every 32nd key.
    for (int row = thread / 32; row < l.tokens; row += kWarps) {
        float largest = -INFINITY, sum = 0, weighted = 0;
        for (int key = lane; key < l.tokens; key += 32) largest = fmaxf(largest, m.p[row][key]);
        for (int step = 16; step > 0; step /= 2) largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, step));
        for (int key = lane; key < l.tokens; key += 32) {
            const float weight = expf(m.p[row][key] - largest);
            m.p[row][key] = weight;
            sum += weight;
            weighted = fmaf(weight, m.ds[row][key], weighted);
        }
        const float inverse = 1.0f / warp_sum(sum), mean = warp_sum(weighted) * inverse;
        for (int key = lane; key < l.tokens; key += 32) {
            const float probability = m.p[row][key] * inverse;
            m.p[row][key] = probability;
            m.ds[row][key] = probability * (m.ds[row][key] - mean);
        }
    }

    // dq = scale ds k, dk = scale ds^T q, dv = p^T dy: a thread takes a channel of several rows.
    constexpr int kEach = kRows * kChannels / kThreads, kStep = kThreads / kChannels;
    const int c = thread % kChannels, own = thread / kChannels;
    for (int first = 0; first < l.width; first += kChannels) {
        __syncthreads();
        fetch(x.q, first, m.q);
        fetch(x.k, first, m.k);
        fetch(x.dy, first, m.dy);
        __syncthreads();
        float dq[kEach] = {}, dk[kEach] = {}, dv[kEach] = {};
        for (int j = 0; j < l.tokens; ++j) {
            const float q = m.q[j][c], k = m.k[j][c], dy = m.dy[j][c];
#pragma unroll
            for (int i = 0; i < kEach; ++i) {
                const int row = own + i * kStep;
                dq[i] = fmaf(m.ds[row][j], k, dq[i]);
                dk[i] = fmaf(m.ds[j][row], q, dk[i]);
                dv[i] = fmaf(m.p[j][row], dy, dv[i]);
            }
        }
        const auto write = [&](T& to, float value) {
            to = from_float<T>(l.average ? 0.5f * (value + to_float(to)) : value);
        };
#pragma unroll
        for (int i = 0; i < kEach; ++i) {
            const int row = own + i * kStep;
            if (row >= l.tokens || first + c >= l.width) continue;
            const int64_t at = place(row, first + c);
            write(x.dq[at], l.scale * dq[i]);
            write(x.dk[at], l.scale * dk[i]);
            write(x.dv[at], dv[i]);
        }
    }
}

}  // namespace

void small_window_backward(Context& ctx, const SmallWindowsBackward& a, const Tensor& q, const Tensor& k,
                           const Tensor& v, const Tensor& dy, ops::AttentionGradients& d) {
    require(a.tokens >= 1 && a.tokens <= kSmallWindow && a.heads < 65536, "small_window_backward: windows of ",
            a.tokens, " tokens, ", a.heads, " heads");
    if (a.count == 0) return;
    const State& s = state(ctx);
    const Launch l{.order = a.order,
                   .stride = q.dim(1),
                   .tokens = static_cast<int>(a.tokens),
                   .width = static_cast<int>(q.dim(1) / a.heads),
                   .scale = a.scale,
                   .average = a.average};
    const dim3 blocks(static_cast<unsigned>(a.count), static_cast<unsigned>(a.heads));
    visit(q.dtype(), [&]<class T>() {
        const Operands<T> x{in<T>(q), in<T>(k), in<T>(v), in<T>(dy), out<T>(d.q), out<T>(d.k), out<T>(d.v)};
        const auto launch = [&](auto* kernel, int threads, size_t shared) {
            check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared)));
            kernel<<<blocks, threads, shared, s.stream>>>(l, x);
        };
        if (a.tokens <= 8) return launch(backward<T, 8, 1>, 64, sizeof(Memory<8>));
        if (a.tokens <= 16) return launch(backward<T, 16, 2>, 64, sizeof(Memory<16>));
        if (a.tokens <= 32) return launch(backward<T, 32, 4>, 64, sizeof(Memory<32>));
        launch(backward<T, 64, 4>, 256, sizeof(Memory<64>));
    });
    check_launch();
}

}  // namespace t3video::cuda
