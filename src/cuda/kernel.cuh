// What kernels share: element types, 16-byte accesses, sums over lanes, activations, launch sizes.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "cuda/state.h"
#include "tensor/tensor.h"

namespace t3video::cuda {

template <class T>
constexpr DType dtype_on_device();
template <>
constexpr DType dtype_on_device<float>() {
    return DType::f32;
}
template <>
constexpr DType dtype_on_device<double>() {
    return DType::f64;
}
template <>
constexpr DType dtype_on_device<__nv_bfloat16>() {
    return DType::bf16;
}
template <>
constexpr DType dtype_on_device<__half>() {
    return DType::f16;
}
template <>
constexpr DType dtype_on_device<int64_t>() {
    return DType::i64;
}
template <>
constexpr DType dtype_on_device<uint8_t>() {
    return DType::u8;
}

// The tensor's first element in device memory.
template <class T>
const T* in(const Tensor& x) {
    require(x.dtype() == dtype_on_device<T>() && x.device() == Device::cuda, "kernel: operand of ", x.dtype(), " on ",
            x.device() == Device::cuda ? "the GPU" : "the host");
    return reinterpret_cast<const T*>(x.raw());
}
template <class T>
T* out(Tensor& x) {
    return const_cast<T*>(in<T>(x));
}

// f<T>() with T = float or __nv_bfloat16, by the tensor's type.
template <class F>
void visit(DType dtype, F&& f) {
    if (dtype == DType::f32) return f.template operator()<float>();
    require(dtype == DType::bf16, "kernel: no arithmetic on ", dtype);
    f.template operator()<__nv_bfloat16>();
}

template <class T>
__device__ inline float to_float(T x) {
    return static_cast<float>(x);
}
template <class T>
__device__ inline T from_float(float x) {
    return static_cast<T>(x);
}

// N elements read or written at once; more than 16 bytes take several accesses.
template <class T, int N>
struct alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) Pack {
    T value[N];
};

// What a pack is moved as: the widest word that divides it. Said outright, as nvcc may take packs of 16-bit types apart
// into accesses of their elements.
template <class T, int N>
using Word = std::conditional_t<
    N * sizeof(T) % 16 == 0, uint4,
    std::conditional_t<N * sizeof(T) % 8 == 0, uint2,
                       std::conditional_t<N * sizeof(T) % 4 == 0, unsigned,
                                          std::conditional_t<N * sizeof(T) % 2 == 0, unsigned short, unsigned char>>>>;

// access(word, i) for all words of a pack.
template <class T, int N, class F>
__device__ inline void for_each_word(Pack<T, N>& values, F&& access) {
#pragma unroll
    for (size_t i = 0; i < sizeof(values) / sizeof(Word<T, N>); ++i)
        access(reinterpret_cast<Word<T, N>*>(&values)[i], i);
}

template <int N, class T>
__device__ inline Pack<T, N> load(const T* from) {
    return *reinterpret_cast<const Pack<T, N>*>(from);
}
// Of what nothing writes while the kernel runs: such reads may overtake writes.
template <int N, class T>
__device__ inline Pack<T, N> load_constant(const T* from) {
    Pack<T, N> values;
    for_each_word(values, [&](auto& word, size_t i) { word = __ldg(reinterpret_cast<const Word<T, N>*>(from) + i); });
    return values;
}
// Of what is out of the caches before it is needed again: the first to leave them.
template <int N, class T>
__device__ inline Pack<T, N> load_once(const T* from) {
    Pack<T, N> values;
    for_each_word(values, [&](auto& word, size_t i) { word = __ldcs(reinterpret_cast<const Word<T, N>*>(from) + i); });
    return values;
}
// Into the card's memory; shared memory has other instructions.
template <class T, int N>
__device__ inline void store(T* to, Pack<T, N> values) {
    for_each_word(values, [&](auto& word, size_t i) { __stwb(reinterpret_cast<Word<T, N>*>(to) + i, word); });
}
template <class T, int N>
__device__ inline void store_once(T* to, Pack<T, N> values) {
    for_each_word(values, [&](auto& word, size_t i) { __stcs(reinterpret_cast<Word<T, N>*>(to) + i, word); });
}

// Elements per access of a loop over these types: 16 bytes of the widest.
template <class... T>
constexpr int kPack = static_cast<int>(16 / std::max({sizeof(T)...}));

// Whether an access of 16 bytes may start at each of the pointers.
template <class... T>
bool aligned(const T*... pointers) {
    return ((reinterpret_cast<uintptr_t>(pointers) % 16 == 0) && ...);
}

// The largest of 16, 8, 4 and 2 bytes that divides both row lengths and both addresses: what can be moved at once.
inline size_t common_unit(size_t row_a, size_t row_b, const void* a, const void* b) {
    const size_t bits = row_a | row_b | reinterpret_cast<uintptr_t>(a) | reinterpret_cast<uintptr_t>(b) | 16;
    return bits & (~bits + 1);
}
// f<Unit>() with a type of so many bytes.
template <class F>
void visit_unit(size_t bytes, F&& f) {
    if (bytes == sizeof(uint4)) return f.template operator()<uint4>();
    if (bytes == sizeof(uint2)) return f.template operator()<uint2>();
    if (bytes == sizeof(uint32_t)) return f.template operator()<uint32_t>();
    require(bytes == sizeof(uint16_t), "kernel: cannot move ", bytes, " bytes");
    f.template operator()<uint16_t>();
}

// `count` blocks of work, at most what fills the card several times over; kernels stride over the rest.
inline unsigned blocks_for(const State& s, int64_t count) {
    return static_cast<unsigned>(std::clamp<int64_t>(count, 1, int64_t{s.traits.multiprocessors} * 64));
}

// As many blocks as the card holds at once, at most `count`: for kernels whose blocks prepare something before their
// loop. Allows the kernel its shared memory.
template <class Kernel>
unsigned resident_blocks(const State& s, Kernel* kernel, int threads, size_t shared, int64_t count) {
    int each = 0;
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared)));
    check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&each, kernel, threads, shared));
    require(each > 0, "kernel: ", threads, " threads with ", shared, " bytes of shared memory do not fit");
    return static_cast<unsigned>(std::clamp<int64_t>(count, 1, int64_t{s.traits.multiprocessors} * each));
}

// A block of threads over columns and rows, columns fastest: narrow rows share a block. Threads start at column
// blockIdx.x * blockDim.x + threadIdx.x and row blockIdx.y * blockDim.y + threadIdx.y and stride over further rows.
struct RowLaunch {
    dim3 grid, block;
};
inline RowLaunch over_rows(const State& s, int64_t rows, int64_t columns) {
    constexpr int64_t kThreads = 256, kWidest = 128;
    int64_t wide = 1;
    while (wide < std::min(columns, kWidest)) wide *= 2;
    const int64_t tall = kThreads / wide;
    const int64_t across = std::max<int64_t>((columns + wide - 1) / wide, 1);
    const int64_t most = std::clamp<int64_t>(int64_t{s.traits.multiprocessors} * 64 / across, 1, 65535);
    const int64_t down = std::clamp<int64_t>((rows + tall - 1) / tall, 1, most);
    return {{static_cast<unsigned>(across), static_cast<unsigned>(down)},
            {static_cast<unsigned>(wide), static_cast<unsigned>(tall)}};
}
// Launches launch<N>(how): N = 1 where 16-byte accesses would not stay inside a row or not be aligned.
template <int N, class F, class... T>
void launch_rows(const State& s, int64_t rows, int64_t width, F&& launch, const T*... operands) {
    if (width % N == 0 && aligned(operands...)) {
        launch.template operator()<N>(over_rows(s, rows, width / N));
    } else {
        launch.template operator()<1>(over_rows(s, rows, width));
    }
    check_launch();
}
__device__ inline int64_t first_column() {
    return int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
}
__device__ inline int64_t first_row() {
    return int64_t{blockIdx.y} * blockDim.y + threadIdx.y;
}
__device__ inline int64_t row_step() {
    return int64_t{gridDim.y} * blockDim.y;
}

// x / (1 + exp(-x)). The exponent stops at 80, where the denominator is 5e34: beyond 2^126 __fdividef returns 0 or NaN.
__device__ inline float silu_of(float x) {
    return __fdividef(x, 1.0f + __expf(fminf(-x, 80.0f)));
}
// 0.5 x (1 + tanh(u)) = x / (1 + exp(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3)
__device__ inline float gelu_tanh_of(float x) {
    const float minus_2u = -1.5957691216057308f * fmaf(0.044715f, x * x * x, x);
    return __fdividef(x, 1.0f + __expf(fminf(minus_2u, 80.0f)));
}

// Sum over the aligned group of `lanes` (a power of two up to 32) that a thread is in, in every thread of the group.
// All threads of the warp take part.
__device__ inline float group_sum(float x, int lanes) {
    for (int offset = lanes / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(0xffffffffu, x, offset);
    return x;
}
// Sum over the threads of a warp, in every one of them.
template <class T>
__device__ inline T warp_sum(T x) {
    for (int offset = 16; offset > 0; offset /= 2) x += __shfl_xor_sync(0xffffffffu, x, offset);
    return x;
}
// Sum over the kThreads of a block, in every one of them and always in the same order.
template <int kThreads, class T>
__device__ inline T block_sum(T x) {
    __shared__ T warps[kThreads / 32];
    x = warp_sum(x);
    __syncthreads();  // all have read the sum before
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = x;
    __syncthreads();
    T sum = 0;
    for (int w = 0; w < kThreads / 32; ++w) sum += warps[w];
    return sum;
}

}  // namespace t3video::cuda
