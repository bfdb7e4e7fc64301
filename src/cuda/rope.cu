// RMS norm over a token's whole width and rotary position embedding of its heads, in one pass:
// y[2j] = n[2j] cos - n[2j+1] sin, y[2j+1] = n[2j] sin + n[2j+1] cos, n = the norm of x, or x itself. Bound by memory:
// x is read once into registers, y is written once; weights come from shared memory, angles from cache. At 33,792 rows
// of bf16 q and k an H200 moves 3.5 TB/s at 1536 columns and 3.7 at 3072, 83 and 87 % of what it copies at. A warp
// holds one token. Where heads divide what a warp reads at once, all packs of a lane lie at the same offset in their
// heads, so that a lane needs the angles of one pack; they are looked up once for all operands. Other widths, and rows
// wider than registers hold, are read pair by pair, twice, the second time from cache.
#include "cuda/rope.h"

#include "cuda/convert.h"
#include "cuda/rms_backward.cuh"

namespace t3video::cuda {
namespace {

// Small blocks: a bf16 row of 1536 takes some 95 registers a thread; five such blocks fit, but only two of 256 threads.
constexpr int kThreads = 128, kWarps = kThreads / 32;
constexpr int kMostOperands = 3;

struct Axis {
    const float *cosine, *sine;  // [positions, pairs]
    int pairs;                   // of a head
};

// Indices are 32-bit: 64-bit divisions, which are loops of instructions, would outweigh the rotation itself.
struct Rotation {
    static constexpr bool kTurns = true;

    Axis t, h, w;
    unsigned height, width;  // of the grid
    unsigned first;          // token of row 0, where there is no list
    unsigned period;         // tokens of a sample; 0: one sample
    const int64_t* tokens;
    int head;  // elements of a head

    // Positions along t, h and w.
    __device__ uint3 position(int64_t row) const {
        unsigned token = tokens ? static_cast<unsigned>(tokens[row]) : first + static_cast<unsigned>(row);
        if (period > 0) token %= period;
        const unsigned line = token / width;
        return {line / height, line % height, token % width};
    }
    // Cosine and sine of a pair of a head. Selected rather than branched over: lanes of a warp are on different axes.
    __device__ float2 angle(uint3 position, int pair) const {
        const bool on_t = pair < t.pairs, on_h = pair < t.pairs + h.pairs;
        const float* cosine = on_t ? t.cosine : on_h ? h.cosine : w.cosine;
        const float* sine = on_t ? t.sine : on_h ? h.sine : w.sine;
        const unsigned at = on_t ? position.x * t.pairs : on_h ? position.y * h.pairs : position.z * w.pairs;
        const unsigned entry = at + pair - (on_t ? 0 : on_h ? t.pairs : t.pairs + h.pairs);
        return {__ldg(cosine + entry), __ldg(sine + entry)};
    }
};

// y may be x.
template <class T>
struct Operand {
    const T* x;
    const float* weight;
    float eps;
    T* y;
};

template <class T>
struct Operands {
    Operand<T> all[kMostOperands] = {};
    int count;
    int64_t rows;
    int width;
};

__device__ float2 rotate(float x, float y, float2 angle) {
    return {fmaf(x, angle.x, -y * angle.y), fmaf(x, angle.y, y * angle.x)};
}

__device__ float rms_factor(float squares, int width, float eps) {
    return 1.0f / sqrtf(squares / static_cast<float>(width) + eps);
}

// The weights lie in shared memory, ones where there are none. Read from cache, through which x passes as well, they
// cost an eighth of the rate at 3072 columns.
template <int N, int kItems, class T>
__global__ void __launch_bounds__(kThreads, kItems <= 6 ? 5 : 1)
    norm_rope_rows(__grid_constant__ const Operands<T> operands, __grid_constant__ const Rotation rotation) {
    const int lane = threadIdx.x % 32, width = operands.width, packs = width / N;
    extern __shared__ float4 shared[];
    for (int k = 0; k < operands.count; ++k) {
        const float* weight = operands.all[k].weight;
        for (int c = threadIdx.x; c < width / 4; c += kThreads) {
            shared[k * (width / 4) + c] = weight ? reinterpret_cast<const float4*>(weight)[c] : float4{1, 1, 1, 1};
        }
    }
    const float* weights = reinterpret_cast<const float*>(shared);
    __syncthreads();
    const int64_t first = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
    for (int64_t row = first; row < operands.rows; row += int64_t{gridDim.x} * kWarps) {
        float2 angles[N / 2];
        for (int k = 0; k < operands.count; ++k) {
            const Operand<T>& operand = operands.all[k];
            RowRegisters<T, N, kItems> v;
            v.read(operand.x + row * width, packs, lane, 32, true);
            if (k == 0) {
                const uint3 position = rotation.position(row);
#pragma unroll
                for (int j = 0; j < N / 2; ++j) {
                    angles[j] = rotation.angle(position, (lane * N + 2 * j) % rotation.head / 2);
                }
            }
            const float factor =
                operand.weight ? rms_factor(warp_sum(v.squares(0.0f, packs, lane, 32)), width, operand.eps) : 1.0f;
#pragma unroll
            for (int i = 0; i < kItems; ++i) {
                const int p = lane + i * 32;
                if (p >= packs) continue;
                const Pack<float, N> scale = load<N>(weights + k * width + p * N);
                Pack<T, N> result;
#pragma unroll
                for (int j = 0; j < N; j += 2) {
                    const float2 angle{angles[j / 2].x * factor, angles[j / 2].y * factor};
                    const float2 turned = rotate(to_float(v.pack[i].value[j]) * scale.value[j],
                                                 to_float(v.pack[i].value[j + 1]) * scale.value[j + 1], angle);
                    result.value[j] = from_float<T>(turned.x);
                    result.value[j + 1] = from_float<T>(turned.y);
                }
                store(operand.y + row * width + p * N, result);
            }
        }
    }
}

template <class T>
__global__ void __launch_bounds__(kThreads) norm_rope_rows_of_any_width(__grid_constant__ const Operands<T> operands,
                                                                        __grid_constant__ const Rotation rotation) {
    const int lane = threadIdx.x % 32, width = operands.width;
    const int64_t first = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
    for (int64_t row = first; row < operands.rows; row += int64_t{gridDim.x} * kWarps) {
        const uint3 position = rotation.position(row);
        for (int k = 0; k < operands.count; ++k) {
            const auto& [x, weight, eps, y] = operands.all[k];
            const T* v = x + row * width;
            float factor = 1.0f;
            if (weight) {
                float squares = 0;
                for (int c = lane; c < width; c += 32) squares = fmaf(to_float(v[c]), to_float(v[c]), squares);
                factor = rms_factor(warp_sum(squares), width, eps);
            }
            for (int c = lane * 2; c < width; c += 64) {
                const float2 scale = weight ? float2{weight[c], weight[c + 1]} : float2{1.0f, 1.0f};
                const float2 turned = rotate(to_float(v[c]) * factor * scale.x, to_float(v[c + 1]) * factor * scale.y,
                                             rotation.angle(position, c % rotation.head / 2));
                y[row * width + c] = from_float<T>(turned.x);
                y[row * width + c + 1] = from_float<T>(turned.y);
            }
        }
    }
}

Axis axis(const Tensor& cosine, const Tensor& sine) {
    return {in<float>(cosine), in<float>(sine), static_cast<int>(cosine.dim(1))};
}

template <class T>
void launch(const State& s, const Operands<T>& operands, const Rotation& rotation) {
    constexpr int N = kPack<T>;
    const int64_t blocks = (operands.rows + kWarps - 1) / kWarps;
    bool vectors = fits_registers<N>(operands.width) && 32 * N % rotation.head == 0;
    for (int k = 0; k < operands.count; ++k) {
        vectors = vectors && aligned(operands.all[k].x, operands.all[k].weight, operands.all[k].y);
    }
    if (vectors) {
        visit_items<N>(operands.width, 32, [&]<int kItems>() {
            const auto kernel = norm_rope_rows<N, kItems, T>;
            const size_t shared = sizeof(float) * static_cast<size_t>(operands.count * operands.width);
            kernel<<<resident_blocks(s, kernel, kThreads, shared, blocks), kThreads, shared, s.stream>>>(operands,
                                                                                                         rotation);
        });
    } else {
        norm_rope_rows_of_any_width<<<blocks_for(s, blocks), kThreads, 0, s.stream>>>(operands, rotation);
    }
    check_launch();
}

Rotation rotation_of(const Tensor& x, const ops::RopeTable& table, const ops::Tokens& tokens) {
    const Grid& grid = table.grid;
    require(x.dim(1) <= (1 << 30) && table.samples * grid.tokens() <= (int64_t{1} << 31), "norm_rope: rows of ",
            x.dim(1), " elements, ", table.samples, " samples of ", grid.tokens(), " tokens");
    const Axis t = axis(table.cos_t, table.sin_t), h = axis(table.cos_h, table.sin_h),
               w = axis(table.cos_w, table.sin_w);
    return {t,
            h,
            w,
            static_cast<unsigned>(grid.h),
            static_cast<unsigned>(grid.w),
            static_cast<unsigned>(tokens.first),
            table.samples > 1 ? static_cast<unsigned>(grid.tokens()) : 0,
            tokens.ids.defined() ? in<int64_t>(tokens.ids) : nullptr,
            2 * (t.pairs + h.pairs + w.pairs)};
}

}  // namespace

void norm_rope(Context& ctx, std::span<const ops::NormRope> operands, const ops::RopeTable& table,
               const ops::Tokens& tokens) {
    const Tensor& front = operands[0].x;
    require(operands.size() <= kMostOperands, "norm_rope: ", operands.size(), " tensors");
    const Rotation rotation = rotation_of(front, table, tokens);
    Tensor weights[kMostOperands];  // as f32, until the kernel is on its way
    visit(front.dtype(), [&]<class T>() {
        Operands<T> all{
            .count = static_cast<int>(operands.size()), .rows = front.dim(0), .width = static_cast<int>(front.dim(1))};
        for (size_t k = 0; k < operands.size(); ++k) {
            const auto& [x, weight, eps, y] = operands[k];
            if (weight) weights[k] = as_f32(ctx, *weight);
            all.all[k] = {in<T>(x), weight ? in<float>(weights[k]) : nullptr, eps, out<T>(y)};
        }
        launch(state(ctx), all, rotation);
    });
}

// As in cuda/rms_backward.cuh, one operand after the other: each needs shared memory for its sums.
void norm_rope_backward(Context& ctx, std::span<const ops::NormRopeGradient> operands, const ops::RopeTable& table,
                        const ops::Tokens& tokens) {
    const Rotation rotation = rotation_of(operands[0].x, table, tokens);
    for (const auto& [x, weight, eps, dy, dx, dweight] : operands) {
        const Tensor scale = weight ? as_f32(ctx, *weight) : Tensor();
        visit(x.dtype(), [&]<class T>() {
            const RmsBackward<T, T> p{
                in<T>(x), weight ? in<float>(scale) : nullptr, eps, in<T>(dy), out<T>(dx), nullptr,
                x.dim(0), static_cast<int>(x.dim(1))};
            rms_backward(ctx, p, rotation, 32 * kPack<T> % rotation.head == 0, weight ? dweight : nullptr);
        });
    }
}

}  // namespace t3video::cuda
