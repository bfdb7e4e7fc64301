// Measures rates at sizes like those of the models, and keeps them.
#include "plan/rates.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <numeric>
#include <optional>

#include "core/input_file.h"
#include "core/json.h"
#include "core/parallel.h"
#include "ops/attention.h"
#include "ops/conv3d.h"
#include "ops/devices.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/random.h"
#include "ops/stopwatch.h"

namespace t3video::plan {
namespace {

using nlohmann::json;

// Sizes of the measured work. On a GPU those of a 4K film with Wan2.1-1.3B, on the CPU what takes tenths of a second.
struct Sizes {
    int64_t rows, in, out;                // of a linear layer
    int64_t window, windows, head_width;  // of window attention with 12 heads
    struct {
        int64_t height, width, channels;
    } inner, outer;  // of 3x3x3 convolutions over 4 frames
    int64_t bytes;   // of the tensor that is added to
};
constexpr Sizes kLarge{16896, 1536, 8960, 32640, 2, 128, {272, 480, 384}, {544, 1920, 96}, int64_t{1} << 30};
constexpr Sizes kSmall{1024, 1024, 1024, 1024, 2, 128, {32, 32, 192}, {64, 64, 96}, int64_t{1} << 26};

// Whether the large sizes fit into the memory that this context may use.
bool has_room(const Context& ctx) {
    return ctx.device() == Device::cuda && ctx.allocator().limit() >= size_t{4} << 30;
}

// Work per second; the first run makes plans and is not timed.
double rate(Context& ctx, double Work::*kind, const std::function<void()>& run) {
    run();
    constexpr double kLeast = 0.05;  // seconds: clocks and interruptions do not show
    const Work before = ctx.work();
    ops::Stopwatch watch(ctx);
    double seconds = 0;
    while (seconds < kLeast) {
        ctx.poll();
        run();
        seconds = watch.seconds();
    }
    return (ctx.work() - before).*kind / seconds;
}

double matrix_rate(Context& ctx, const Sizes& s) {
    const Tensor x = ops::random_normal(ctx, {s.rows, s.in}, ctx.compute_type(), 1, 0, 1),
                 w = ops::random_normal(ctx, {s.out, s.in}, ctx.compute_type(), 2, 0, 0.02f);
    return rate(ctx, &Work::matrix, [&] { ops::linear(ctx, x, w); });
}

double attention_rate(Context& ctx, const Sizes& s) {
    constexpr int64_t kHeads = 12;
    const Shape shape{s.window * s.windows, kHeads * s.head_width};
    const Tensor q = ops::random_normal(ctx, shape, ctx.compute_type(), 3, 0, 1),
                 k = ops::random_normal(ctx, shape, ctx.compute_type(), 4, 0, 1),
                 v = ops::random_normal(ctx, shape, ctx.compute_type(), 5, 0, 1);
    ops::TokenWindows contiguous, strided;  // as T3's two branches
    for (int64_t w = 0; w <= s.windows; ++w) contiguous.starts.push_back(w * s.window);
    strided.starts = contiguous.starts;
    contiguous.order.resize(static_cast<size_t>(shape[0]));
    std::iota(contiguous.order.begin(), contiguous.order.end(), 0);
    for (int64_t w = 0; w < s.windows; ++w)
        for (int64_t i = w; i < shape[0]; i += s.windows) strided.order.push_back(i);
    ops::upload_windows(ctx, contiguous);
    ops::upload_windows(ctx, strided);
    const ops::TokenWindows* const branches[] = {&contiguous, &strided};
    return rate(ctx, &Work::attention, [&] { ops::window_attention(ctx, q, k, v, kHeads, 1.0f / 11.3f, branches); });
}

double convolution_rate(Context& ctx, int64_t height, int64_t width, int64_t channels) {
    const Tensor x = ops::random_normal(ctx, {4, height, width, channels}, ctx.compute_type(), 6, 0, 1),
                 w = ops::random_normal(ctx, {channels, channels, 3, 3, 3}, ctx.compute_type(), 7, 0, 0.02f);
    return rate(ctx, &Work::convolution, [&] {
        ops::conv3d(ctx, x, w, nullptr, {.pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1});
    });
}

double byte_rate(Context& ctx, int64_t bytes) {
    Tensor x = zeros(ctx, {bytes / 4}), h = zeros(ctx, {bytes / 4}, ctx.compute_type());
    return rate(ctx, &Work::bytes, [&] { ops::add_to(ctx, x, h); });
}

double upload_rate(Context& ctx) {
    Tensor host = empty_on_host({int64_t{64} << 20});
    std::ranges::fill(host.span<float>(), 1.0f);
    to_device(ctx, host);
    ops::Stopwatch watch(ctx);
    to_device(ctx, host);
    return double(host.bytes()) / watch.seconds();
}

// What the rates belong to.
std::string key_of(const Context& ctx) {
    const bool gpu = ctx.device() == Device::cuda;
    return concat(gpu ? ops::describe(ctx.traits()) : concat(processor_name(), ", ", ctx.threads(), " threads"), ", ",
                  gpu && !has_room(ctx) ? "little memory, " : "", ctx.compute_type(), ", t3video " T3VIDEO_VERSION);
}

json to_json(const Rates& r) {
    return {{"matrix", r.matrix},
            {"attention", r.attention},
            {"convolution", r.convolution},
            {"bytes", r.bytes},
            {"upload", r.upload}};
}

// Nothing for an entry that this program did not write.
std::optional<Rates> from_json(const json& entry) {
    Rates r;
    const std::pair<const char*, double*> fields[] = {{"matrix", &r.matrix},
                                                      {"attention", &r.attention},
                                                      {"convolution", &r.convolution},
                                                      {"bytes", &r.bytes},
                                                      {"upload", &r.upload}};
    for (const auto& [name, value] : fields) {
        if (!entry.is_object() || !entry.contains(name) || !entry[name].is_number()) return std::nullopt;
        *value = entry[name].get<double>();
    }
    const bool usable = r.matrix > 0 && r.attention > 0 && r.convolution > 0 && r.bytes > 0 && r.upload >= 0;
    return usable ? std::optional(r) : std::nullopt;
}

// Under another name first: a program that reads at the same time sees the old file or the new one.
void write(const std::filesystem::path& file, const json& all) {
    std::error_code ignored;
    std::filesystem::create_directories(file.parent_path(), ignored);
    const std::filesystem::path part = file.string() + ".part";
    std::ofstream out(part);
    out << all.dump(2) << '\n';
    out.close();
    if (out.good()) std::filesystem::rename(part, file, ignored);
    std::filesystem::remove(part, ignored);
}

}  // namespace

double Rates::seconds(const Work& work) const {
    return work.matrix / matrix + work.attention / attention + work.convolution / convolution + work.bytes / bytes;
}

Rates measure_rates(Context& ctx) {
    const Sizes& s = has_room(ctx) ? kLarge : kSmall;
    Rates r;
    r.matrix = matrix_rate(ctx, s);
    r.attention = attention_rate(ctx, s);
    // A decode spends about as many FLOP on its inner, wide layers as on its outer, narrow ones.
    const double inner = convolution_rate(ctx, s.inner.height, s.inner.width, s.inner.channels),
                 outer = convolution_rate(ctx, s.outer.height, s.outer.width, s.outer.channels);
    r.convolution = 2 / (1 / inner + 1 / outer);
    r.bytes = byte_rate(ctx, s.bytes);
    if (ctx.device() == Device::cuda) r.upload = upload_rate(ctx);
    ctx.allocator().trim();
    return r;
}

Rates rates_of(Context& ctx, const std::filesystem::path& file) {
    json all;
    try {
        all = parse_json_or_discard(read_text_file(file, "rates"));
    } catch (const InvalidRequest&) {  // measured anew
    }
    const std::string key = key_of(ctx);
    if (!all.is_object()) all = json::object();
    if (all.contains(key)) {
        if (const auto kept = from_json(all[key])) return *kept;
    }
    const Rates rates = measure_rates(ctx);
    all[key] = to_json(rates);
    if (!file.empty()) write(file, all);
    return rates;
}

std::filesystem::path rates_file() {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return std::filesystem::path(value ? value : "");
    };
    if (const auto cache = variable("XDG_CACHE_HOME"); !cache.empty()) return cache / "t3video" / "rates.json";
    const auto home = variable("HOME");
    return home.empty() ? home : home / ".cache" / "t3video" / "rates.json";
}

}  // namespace t3video::plan
