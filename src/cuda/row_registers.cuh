// Rows that a group of lanes keeps in registers, so that statistics and result cost one read.
#pragma once

#include "cuda/kernel.cuh"

namespace t3video::cuda {

// A row of `packs` packs of N elements, lane l of the group holding packs l, l + lanes, ... (at most kItems of them).
template <class T, int N, int kItems>
struct RowRegisters {
    Pack<T, N> pack[kItems];

    // Zeros where the row has no pack, or everywhere if it is not `present`. `once`: as load_once.
    template <bool once = false>
    __device__ void read(const T* row, int packs, int lane, int lanes, bool present) {
#pragma unroll
        for (int i = 0; i < kItems; ++i) {
            const int p = lane + i * lanes;
            pack[i] = Pack<T, N>{};
            if (present && p < packs) pack[i] = once ? load_once<N>(row + p * N) : load<N>(row + p * N);
        }
    }

    // Elements of 16 bits are made floats anew after this, where the compiler would keep those of an earlier use, in
    // twice the registers.
    __device__ void forget_floats() {
        if constexpr (sizeof(T) < sizeof(float)) {
#pragma unroll
            for (int i = 0; i < kItems; ++i) {
#pragma unroll
                for (size_t w = 0; w < sizeof(pack[i]) / sizeof(unsigned); ++w)
                    asm volatile("" : "+r"(reinterpret_cast<unsigned*>(&pack[i])[w]));
            }
        }
    }

    // Sum of (x - mean)^2 over this lane's elements that lie in the row.
    __device__ float squares(float mean, int packs, int lane, int lanes) const {
        float sum = 0;
#pragma unroll
        for (int i = 0; i < kItems; ++i) {
            if (lane + i * lanes >= packs) continue;
#pragma unroll
            for (int j = 0; j < N; ++j) {
                const float d = to_float(pack[i].value[j]) - mean;
                sum = fmaf(d, d, sum);
            }
        }
        return sum;
    }

    __device__ float sum() const {
        float sum = 0;
#pragma unroll
        for (int i = 0; i < kItems; ++i) {
#pragma unroll
            for (int j = 0; j < N; ++j) sum += to_float(pack[i].value[j]);
        }
        return sum;
    }
};

// Packs per lane that fit in registers: rows of up to 5120 floats or 6144 16-bit elements in the 32 lanes of a warp.
template <int N>
constexpr int kMostItems = N == 4 ? 40 : 24;

// Lanes that share a row of `packs` packs: as few as hold it in three packs each, at most a warp.
inline int lanes_for(int64_t packs) {
    int lanes = 1;
    while (lanes < 32 && lanes * 3 < packs) lanes *= 2;
    return lanes;
}

// The same as the kernel of kItems packs per lane sees it: where rows are wider than three packs per lane, a number
// that the compiler knows, and with it the offset of each pack.
template <int kItems>
__device__ inline int known_lanes(int lanes) {
    return kItems > 3 ? 32 : lanes;
}

// Whether packs divide rows of `width` elements and the registers of a warp hold one.
template <int N>
bool fits_registers(int64_t width) {
    return width % N == 0 && width / N <= 32 * kMostItems<N>;
}

// f<kItems>() with the smallest of a few numbers of packs per lane that suffices where `lanes` share a row. The numbers
// are those of rows of 1536, 3072 and 5120 elements, in packs of 8 and of 4, and of narrow rows.
template <int N, class F>
void visit_items(int64_t width, int lanes, F&& f) {
    const int64_t items = (width / N + lanes - 1) / lanes;
    require(items <= kMostItems<N>, "kernel: rows of ", items, " packs per lane");
    if (items <= 3) return f.template operator()<3>();
    if (items <= 6) return f.template operator()<6>();
    if (items <= 12) return f.template operator()<12>();
    if (items <= 24) return f.template operator()<24>();
    if constexpr (kMostItems < N >> 24) f.template operator()<kMostItems<N>>();
}

}  // namespace t3video::cuda
