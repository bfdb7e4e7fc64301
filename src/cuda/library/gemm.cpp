// cuBLASLt picks a kernel per problem, except for large products on Hopper, where we know a better one; the choice is
// kept, so that a forward pass asks nothing twice.
#include "cuda/library/gemm.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <tuple>

#include "core/bounded_cache.h"

namespace t3video::cuda {
namespace {

cudaDataType_t type_of(DType dtype) {
    require(dtype == DType::f32 || dtype == DType::bf16, "gemm: no products of ", dtype);
    return dtype == DType::f32 ? CUDA_R_32F : CUDA_R_16BF;
}

// Owners of cuBLASLt's descriptors.
struct Layout {
    Layout(DType dtype, int64_t rows, int64_t columns, int64_t stride, int64_t batch, int64_t step) {
        check(cublasLtMatrixLayoutCreate(&handle, type_of(dtype), static_cast<uint64_t>(rows),
                                         static_cast<uint64_t>(columns), stride));
        const auto count = static_cast<int32_t>(batch);
        check(cublasLtMatrixLayoutSetAttribute(handle, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count));
        check(
            cublasLtMatrixLayoutSetAttribute(handle, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &step, sizeof step));
    }
    ~Layout() { cublasLtMatrixLayoutDestroy(handle); }
    Layout(const Layout&) = delete;
    Layout& operator=(const Layout&) = delete;
    cublasLtMatrixLayout_t handle = nullptr;
};

struct Operation {
    explicit Operation(const Gemm& g) {
        check(cublasLtMatmulDescCreate(&handle, CUBLAS_COMPUTE_32F, CUDA_R_32F));
        // cuBLAS is column-major: what it calls A is our b, and its result our c transposed.
        set(CUBLASLT_MATMUL_DESC_TRANSA, g.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
        set(CUBLASLT_MATMUL_DESC_TRANSB, g.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
        set(CUBLASLT_MATMUL_DESC_EPILOGUE, g.bias ? (g.gelu ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_BIAS)
                                                  : (g.gelu ? CUBLASLT_EPILOGUE_GELU : CUBLASLT_EPILOGUE_DEFAULT));
        if (g.bias) set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, type_of(g.out));
    }
    ~Operation() { cublasLtMatmulDescDestroy(handle); }
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;
    template <class T>
    void set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
        check(cublasLtMatmulDescSetAttribute(handle, attribute, &value, sizeof value));
    }
    cublasLtMatmulDesc_t handle = nullptr;
};

// Largest power of two up to 256 that divides address and row length in bytes.
uint32_t alignment(const void* data, int64_t stride, DType dtype) {
    const uint64_t bits = reinterpret_cast<uint64_t>(data) | static_cast<uint64_t>(stride) * size_of(dtype) | 256;
    return static_cast<uint32_t>(bits & -bits);
}

// How a large product is cut, where we know better than cuBLAS.
struct Tiles {
    cublasLtMatmulTile_t tile;
    uint32_t custom_option, swizzle;  // as cuBLAS's own list has them for such tiles, or found by trying all
    cublasLtClusterShape_t cluster = CUBLASLT_CLUSTER_SHAPE_2x1x1;
};

// Of products of bf16 with tiles of 128x128 enough to occupy the card several times, in rows that the copy engine can
// read. With fewer than five tiles a multiprocessor cuBLAS's choice can be the better one. Small tiles, 128x128, where
// sums are short: the ends of larger ones, with bias and GELU, keep the matrix units waiting. Tiles of 128x256, which
// read less, where they are long. Gained over the first of cuBLAS's list on an H200 at its power limit: 3 to 8 % for
// 1536 to 1536 and 1536 to 8960 with GELU, 2 % for 3072 to 3072 and 3072 to 14336 with GELU; over 128x128 5 % for 8960
// to 1536, 3 % for 14336 to 3072. Of 400 ways to cut each product of 33,792 rows the best took 1 to 3 % less than these
// for 1536 to 1536, 1536 to 8960 with GELU, and what is added to f32 rows from 8960 or 14336. Products of a backward (b
// not transposed, or a transposed and added to c) were not measured and are cuBLAS's choice.
std::optional<Tiles> known_tiles(const State& s, const Gemm& g, uint32_t alignment_of_all) {
    const int64_t tiles = (g.m + 127) / 128 * ((g.n + 127) / 128);
    const bool large = g.in == DType::bf16 && g.batch == 1 && alignment_of_all >= 16 &&
                       tiles >= int64_t{5} * s.traits.multiprocessors && s.traits.major == 9;
    if (!large || g.a_transposed || !g.b_transposed) return std::nullopt;
    constexpr auto kAlone = CUBLASLT_CLUSTER_SHAPE_1x1x1;
    if (g.k >= 4096 && g.out == DType::f32) {
        if (g.n <= 2048) return Tiles{CUBLASLT_MATMUL_TILE_256x128, 5, 0, kAlone};
        return Tiles{CUBLASLT_MATMUL_TILE_128x256, 7, 1};
    }
    if (g.k >= 4096) return Tiles{CUBLASLT_MATMUL_TILE_128x256, 5, 1};
    if (g.k <= 2048 && g.gelu) return Tiles{CUBLASLT_MATMUL_TILE_128x128, 3, 1, kAlone};
    return Tiles{CUBLASLT_MATMUL_TILE_128x128, 1, g.k <= 2048 && g.out == DType::bf16};
}

cublasLtMatmulAlgo_t with_tiles(cublasLtMatmulAlgo_t algorithm, const Tiles& tiles) {
    const auto set = [&](cublasLtMatmulAlgoConfigAttributes_t attribute, uint32_t value) {
        check(cublasLtMatmulAlgoConfigSetAttribute(&algorithm, attribute, &value, sizeof value));
    };
    set(CUBLASLT_ALGO_CONFIG_TILE_ID, tiles.tile);
    set(CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION, tiles.custom_option);
    set(CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING, tiles.swizzle);
    set(CUBLASLT_ALGO_CONFIG_STAGES_ID, CUBLASLT_MATMUL_STAGES_64xAUTO);
    const auto cluster = static_cast<uint16_t>(tiles.cluster);
    check(cublasLtMatmulAlgoConfigSetAttribute(&algorithm, CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID, &cluster,
                                               sizeof cluster));
    return algorithm;
}

// A product as cuBLAS is told of it, and the algorithm that computes it.
struct GemmAlgorithm {
    GemmAlgorithm(State& s, const Gemm& g, uint32_t align_a, uint32_t align_b, uint32_t align_c, const void* any_bias)
        : operation(g),
          a(g.in, g.b_transposed ? g.k : g.n, g.b_transposed ? g.n : g.k, g.ldb, g.batch, g.step_b),
          b(g.in, g.a_transposed ? g.m : g.k, g.a_transposed ? g.k : g.m, g.lda, g.batch, g.step_a),
          c(g.out, g.n, g.m, g.ldc, g.batch, g.step_c) {
        if (g.bias) operation.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, any_bias);
        cublasLtMatmulPreference_t wish = nullptr;
        check(cublasLtMatmulPreferenceCreate(&wish));
        const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
            check(cublasLtMatmulPreferenceSetAttribute(wish, attribute, &value, sizeof value));
        };
        set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspaceBytes);
        set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, align_b);
        set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, align_a);
        set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, align_c);
        set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, align_c);
        cublasLtMatmulHeuristicResult_t result{};
        int found = 0;
        const auto status = cublasLtMatmulAlgoGetHeuristic(s.blas, operation.handle, a.handle, b.handle, c.handle,
                                                           c.handle, wish, 1, &result, &found);
        cublasLtMatmulPreferenceDestroy(wish);
        require(status == CUBLAS_STATUS_SUCCESS && found == 1, "gemm: cuBLAS has no kernel for ", g.m, "x", g.n, "x",
                g.k, " of ", g.in);
        algorithm = result.algo;
        const std::optional<Tiles> tiles = known_tiles(s, g, std::min({align_a, align_b, align_c}));
        if (!tiles) return;
        const cublasLtMatmulAlgo_t other = with_tiles(algorithm, *tiles);
        if (cublasLtMatmulAlgoCheck(s.blas, operation.handle, a.handle, b.handle, c.handle, c.handle, &other,
                                    &result) == CUBLAS_STATUS_SUCCESS &&
            result.workspaceSize <= kWorkspaceBytes)
            algorithm = other;
    }

    Operation operation;
    Layout a, b, c;
    cublasLtMatmulAlgo_t algorithm{};
};

using Key = std::tuple<int64_t, int64_t, int64_t, DType, DType, int64_t, int64_t, int64_t, bool, bool, int64_t, int64_t,
                       int64_t, int64_t, bool, bool, bool, uint32_t, uint32_t, uint32_t>;
// A film asks for some dozens.
using GemmAlgorithms = BoundedCache<Key, std::unique_ptr<GemmAlgorithm>, 1024>;

}  // namespace

void gemm(State& s, const Gemm& g, const void* a, const void* b, void* c, const void* bias) {
    const uint32_t align_a = alignment(a, g.lda, g.in), align_b = alignment(b, g.ldb, g.in),
                   align_c = alignment(c, g.ldc, g.out);
    const Key key{
        g.m,     g.n,      g.k,      g.in,     g.out,  g.lda,  g.ldb,        g.ldc,   g.a_transposed, g.b_transposed,
        g.batch, g.step_a, g.step_b, g.step_c, g.bias, g.gelu, g.accumulate, align_a, align_b,        align_c};
    const auto choose = [&] { return std::make_unique<GemmAlgorithm>(s, g, align_a, align_b, align_c, bias); };
    GemmAlgorithm* const chosen = s.cache<GemmAlgorithms>("gemm").get(key, choose).get();
    if (g.bias) chosen->operation.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    const float beta = g.accumulate ? 1.0f : 0.0f;
    check(cublasLtMatmul(s.blas, chosen->operation.handle, &g.alpha, b, chosen->a.handle, a, chosen->b.handle, &beta, c,
                         chosen->c.handle, c, chosen->c.handle, &chosen->algorithm, s.workspace->data(),
                         kWorkspaceBytes, s.stream));
}

}  // namespace t3video::cuda
