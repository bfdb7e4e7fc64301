// Looks at values in pieces, as f32.
#include "checkpoint/finite.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "checkpoint/scaled.h"
#include "core/parallel.h"

namespace t3video::checkpoint {

bool is_finite(const Stored& x, int threads) {
    if (x.numel() == 0) return true;
    constexpr int64_t kInCache = 1 << 18;  // values, whose f32 copy is read while it is in cache
    const int64_t group = x.encoding() ? x.encoding()->group() : 1,
                  piece = std::max<int64_t>(1, kInCache / group) * group;
    const Stored flat = x.reshape({x.numel()});
    const auto values = [&](int64_t begin, int64_t end) {
        if (!x.encoding()) return decoded(flat.numbers().slice(begin, end));
        Tensor y = empty_on_host({end - begin});
        x.encoding()->decode(begin, end - begin, y.data<float>());
        return y;
    };
    std::atomic<bool> finite{true};
    parallel_for(threads, 0, (x.numel() + piece - 1) / piece, 1, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last && finite; ++i) {
            const Tensor y = values(i * piece, std::min(x.numel(), (i + 1) * piece));
            if (!std::ranges::all_of(y.span<float>(), [](float value) { return std::isfinite(value); })) finite = false;
        }
    });
    return finite;
}

void require_finite_tensor(const Stored& x, const std::string& name, const std::filesystem::path& file, int threads) {
    const bool updated = x.type_name().ends_with("+lora");
    require_valid(
        is_finite(x, threads), file.string(), ": tensor '", name, "' ", x.shape(),
        updated ? ", with what LoRAs add to it," : "", " holds values that are infinite or not numbers; ",
        updated ? "give the LoRAs smaller weights, or fetch the files again" : "fetch or convert the file again");
}

void require_finite_file(const std::filesystem::path& file, int threads) {
    for (const auto& [name, stored] : fold_scales(open_tensors(file)).tensors) {
        if (stored.tensor.is_float()) require_finite_tensor(stored.tensor, name, stored.file, threads);
    }
}

}  // namespace t3video::checkpoint
