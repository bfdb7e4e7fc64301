// Hopper's own instructions (sm_90a), one per function: barriers in shared memory that count bytes, loads of boxes of a
// tensor by the copy engine, matrix products of a warpgroup. PTX ISA 8.0, sections 9.7.12 and following.
#pragma once

#include <cuda.h>
#include <cuda_bf16.h>

#include <cstdint>

namespace t3video::cuda::hopper {

__device__ inline uint32_t shared_address(const void* p) {
    return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}

// --- barriers -------------------------------------------------------------------------------------------------------

__device__ inline void init_barrier(uint64_t* barrier, int arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(arrivals) : "memory");
}
// Makes initialised barriers visible to the copy engine.
__device__ inline void fence_barriers() {
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
__device__ inline void arrive(uint32_t barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
// Arrives and has the phase wait for so many bytes of copies.
__device__ inline void arrive_expecting(uint32_t barrier, uint32_t bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}
// Until the phase of this parity is complete.
__device__ inline void wait(uint32_t barrier, uint32_t parity) {
    asm volatile(
        "{\n"
        ".reg .pred done;\n"
        "again:\n"
        "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
        "@done bra finished;\n"
        "bra again;\n"
        "finished:\n"
        "}\n" ::"r"(barrier),
        "r"(parity)
        : "memory");
}

// Which buffer comes next, and how often the ring has been gone around, by parity.
struct Ring {
    int stage = 0;
    uint32_t parity = 0;
    __device__ void next(int stages) {
        if (++stage == stages) {
            stage = 0;
            parity ^= 1;
        }
    }
};

// --- copies ---------------------------------------------------------------------------------------------------------

// The box of the tensor whose first element has these coordinates, innermost first; what lies outside reads as zero.
__device__ inline void load_box(uint32_t to, const CUtensorMap& tensor, uint32_t barrier, int c0, int c1, int c2,
                                int c3) {
    asm volatile(
        "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], "
        "[%2];" ::"r"(to),
        "l"(&tensor), "r"(barrier), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
        : "memory");
}
__device__ inline void load_box(uint32_t to, const CUtensorMap& tensor, uint32_t barrier, int c0, int c1, int c2,
                                int c3, int c4) {
    asm volatile(
        "cp.async.bulk.tensor.5d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6, %7}], "
        "[%2];" ::"r"(to),
        "l"(&tensor), "r"(barrier), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4)
        : "memory");
}
// Loads into the L2 cache; address and size are multiples of 16 bytes.
__device__ inline void prefetch(const void* from, uint32_t bytes) {
    asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(from), "r"(bytes) : "memory");
}
__device__ inline void prefetch(const CUtensorMap& tensor) {
    asm volatile("prefetch.tensormap [%0];" ::"l"(&tensor) : "memory");
}

// --- pairs of bf16 ---------------------------------------------------------------------------------------------------

__device__ inline uint32_t pack(float low, float high) {
    const __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
    return *reinterpret_cast<const uint32_t*>(&both);
}
__device__ inline float low_of(uint32_t both) {
    return __uint_as_float(both << 16);
}
__device__ inline float high_of(uint32_t both) {
    return __uint_as_float(both & 0xffff0000u);
}

// --- registers of a warpgroup ---------------------------------------------------------------------------------------

template <int kCount>
__device__ inline void fewer_registers() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kCount));
}
template <int kCount>
__device__ inline void more_registers() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kCount));
}

// --- matrix products ------------------------------------------------------------------------------------------------

// An operand in shared memory whose rows hold kRowBytes (64 or 128) of the summed dimension, swizzled as the copy
// engine does it: the swizzle follows the address, so an operand may start at any row. Rows follow one another by
// eights; `eights` bytes lie between one eight and the next.
template <int kRowBytes>
__device__ inline uint64_t operand(uint32_t address, uint32_t eights) {
    static_assert(kRowBytes == 64 || kRowBytes == 128);
    constexpr uint64_t kSwizzle = kRowBytes == 128 ? 1 : 2;
    return (kSwizzle << 62) | (uint64_t{eights >> 4} << 32) | (uint64_t{1} << 16) | (address >> 4);
}

__device__ inline void begin_products() {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ inline void commit_products() {
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
// Until at most so many committed groups are under way.
template <int kLeft>
__device__ inline void await_products() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kLeft) : "memory");
}

#define T3_OUT8(d, i)                                                                                           \
    "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), \
        "+f"(d[i + 7])
#define T3_OUT32(d, i) T3_OUT8(d, i), T3_OUT8(d, i + 8), T3_OUT8(d, i + 16), T3_OUT8(d, i + 24)
#define T3_NAMES0 "%0, %1, %2, %3, %4, %5, %6, %7"
#define T3_NAMES8 "%8, %9, %10, %11, %12, %13, %14, %15"
#define T3_NAMES16 "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define T3_NAMES32 "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define T3_NAMES48 "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define T3_NAMES64                                                                                              \
    "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, " \
    "%85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
// a, b: the names of the operands behind the sums
#define T3_PRODUCT(shape, names, a, b) \
    "wgmma.mma_async.sync.aligned." shape ".f32.bf16.bf16 {" names "}, " a ", " b ", 1, 1, 1, 0, 0;"

// sums += A B^T, A: [64, 16], B: [N, 16] in bf16. Thread i of the warpgroup holds the columns
// 8j + i%4*2 + {0, 1} of rows i/32*16 + i%32/4 (sums 4j, 4j+1) and, eight rows below, 4j+2, 4j+3.
template <int N>
__device__ inline void multiply(float (&d)[N / 2], uint64_t a, uint64_t b) {
    if constexpr (N == 16) {
        asm volatile(T3_PRODUCT("m64n16k16", T3_NAMES0, "%8", "%9") : T3_OUT8(d, 0) : "l"(a), "l"(b));
    } else if constexpr (N == 64) {
        asm volatile(T3_PRODUCT("m64n64k16", T3_NAMES0 ", " T3_NAMES8 ", " T3_NAMES16, "%32", "%33")
                     : T3_OUT32(d, 0)
                     : "l"(a), "l"(b));
    } else if constexpr (N == 96) {
        asm volatile(T3_PRODUCT("m64n96k16", T3_NAMES0 ", " T3_NAMES8 ", " T3_NAMES16 ", " T3_NAMES32, "%48", "%49")
                     : T3_OUT32(d, 0), T3_OUT8(d, 32), T3_OUT8(d, 40)
                     : "l"(a), "l"(b));
    } else if constexpr (N == 128) {
        asm volatile(T3_PRODUCT("m64n128k16", T3_NAMES0 ", " T3_NAMES8 ", " T3_NAMES16 ", " T3_NAMES32 ", " T3_NAMES48,
                                "%64", "%65")
                     : T3_OUT32(d, 0), T3_OUT32(d, 32)
                     : "l"(a), "l"(b));
    } else {
        static_assert(N == 192);
        asm volatile(
            T3_PRODUCT("m64n192k16",
                       T3_NAMES0 ", " T3_NAMES8 ", " T3_NAMES16 ", " T3_NAMES32 ", " T3_NAMES48 ", " T3_NAMES64, "%96",
                       "%97")
            : T3_OUT32(d, 0), T3_OUT32(d, 32), T3_OUT32(d, 64)
            : "l"(a), "l"(b));
    }
}

#undef T3_PRODUCT
#undef T3_NAMES64
#undef T3_NAMES48
#undef T3_NAMES32
#undef T3_NAMES16
#undef T3_NAMES8
#undef T3_NAMES0
#undef T3_OUT32
#undef T3_OUT8

}  // namespace t3video::cuda::hopper
