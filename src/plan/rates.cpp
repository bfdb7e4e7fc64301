// Measures rates at sizes like those of the models, and keeps them.
#include "plan/rates.h"

#include <algorithm>
#include <cmath>
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
    int64_t rows, in, out;  // of a linear layer
    struct Windows {
        int64_t tokens, count;
    } long_windows, short_windows;  // of attention with 12 heads
    int64_t head_width;
    struct {
        int64_t height, width, channels;
    } inner, outer;  // of 3x3x3 convolutions over 4 frames
    int64_t bytes;   // of the tensor that is added to
};
constexpr Sizes kLarge{16896,           1536, 8960, {32640, 2}, {1344, 48}, 128, {272, 480, 384}, {544, 1920, 96},
                       int64_t{1} << 30};
constexpr Sizes kSmall{1024, 1024, 1024, {1024, 2}, {128, 8}, 128, {32, 32, 192}, {64, 64, 96}, int64_t{1} << 25};

// Whether the large sizes fit into the memory that this context may use.
bool has_room(const Context& ctx) {
    return ctx.device() == Device::cuda && ctx.allocator().limit() >= size_t{4} << 30;
}

// Some work, and how long it took.
struct Timed {
    Work work;
    double seconds = 0;
};

// Runs without a pause for at least so long: clocks, interruptions and the waits between runs do not show. The first
// run makes plans and is not timed.
Timed timed(Context& ctx, double least, const std::function<void()>& run) {
    run();
    for (double runs = 1;;) {
        const Work before = ctx.work();
        ops::Stopwatch watch(ctx);
        for (double i = 0; i < runs; ++i) {
            ctx.poll();
            run();
        }
        const double seconds = watch.seconds();
        if (seconds >= least) return {ctx.work() - before, seconds};
        constexpr double kMoreThanNeeded = 1.2, kMostTimes = 100;
        runs = std::ceil(runs * std::clamp(kMoreThanNeeded * least / seconds, 2.0, kMostTimes));
    }
}

// What is measured: on the CPU for 0.05 s of each kind. A GPU that rests runs at its highest clock and, once busy,
// finds its power limit within tenths of a second: then an H200 takes 8 % longer for products, attention and
// convolutions, as it does through a whole film. So it first multiplies for a while, and rests no more until the last
// kind is measured.
class Measurement {
  public:
    Measurement(Context& ctx, const Sizes& sizes)
        : ctx_(ctx), sizes_(sizes), least_(ctx.device() == Device::cuda ? 0.1 : 0.05) {}

    Timed matrix();
    Timed attention(const Sizes::Windows& windows);
    Timed convolution(int64_t height, int64_t width, int64_t channels);
    Timed moved();

  private:
    Tensor random(Shape shape, float deviation = 1) {
        return ops::random_normal(ctx_, std::move(shape), ctx_.compute_type(), ++seed_, 0, deviation);
    }

    Context& ctx_;
    const Sizes& sizes_;
    double least_;  // seconds
    uint64_t seed_ = 0;
};

Timed Measurement::matrix() {
    constexpr double kWarmUp = 0.8;  // seconds
    const Tensor x = random({sizes_.rows, sizes_.in}), w = random({sizes_.out, sizes_.in}, 0.02f);
    const auto run = [&] { ops::linear(ctx_, x, w); };
    if (ctx_.device() == Device::cuda) timed(ctx_, kWarmUp, run);
    return timed(ctx_, least_, run);
}

Timed Measurement::attention(const Sizes::Windows& windows) {
    constexpr int64_t kHeads = 12;
    const Shape shape{windows.tokens * windows.count, kHeads * sizes_.head_width};
    const Tensor q = random(shape), k = random(shape), v = random(shape);
    ops::TokenWindows contiguous, strided;  // as T3's two branches
    for (int64_t w = 0; w <= windows.count; ++w) contiguous.starts.push_back(w * windows.tokens);
    strided.starts = contiguous.starts;
    contiguous.order.resize(static_cast<size_t>(shape[0]));
    std::iota(contiguous.order.begin(), contiguous.order.end(), 0);
    for (int64_t w = 0; w < windows.count; ++w)
        for (int64_t i = w; i < shape[0]; i += windows.count) strided.order.push_back(i);
    ops::upload_windows(ctx_, contiguous);
    ops::upload_windows(ctx_, strided);
    const ops::TokenWindows* const branches[] = {&contiguous, &strided};
    return timed(ctx_, least_, [&] { ops::window_attention(ctx_, q, k, v, kHeads, 1.0f / 11.3f, branches); });
}

Timed Measurement::convolution(int64_t height, int64_t width, int64_t channels) {
    const Tensor x = random({4, height, width, channels}), w = random({channels, channels, 3, 3, 3}, 0.02f);
    return timed(ctx_, least_, [&] {
        ops::conv3d(ctx_, x, w, nullptr, {.pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1});
    });
}

Timed Measurement::moved() {
    Tensor x = zeros(ctx_, {sizes_.bytes / 4}), h = zeros(ctx_, {sizes_.bytes / 4}, ctx_.compute_type());
    return timed(ctx_, least_, [&] { ops::add_to(ctx_, x, h); });
}

// Of memory of the host that is not pinned, and, on the way back, new.
void measure_transfers(Context& ctx, const Sizes& sizes, Rates& r) {
    Tensor host = empty_on_host({sizes.bytes / 16});
    std::ranges::fill(host.span<float>(), 1.0f);
    const Tensor there = to_device(ctx, host);
    const auto rate = [&](auto&& transfer) {
        ops::Stopwatch watch(ctx);
        transfer();
        return double(host.bytes()) / watch.seconds();
    };
    r.upload = rate([&] { to_device(ctx, host); });
    r.download = rate([&] { to_host(ctx, there); });
}

// What the rates belong to.
std::string key_of(const Context& ctx) {
    const bool gpu = ctx.device() == Device::cuda;
    return concat(gpu ? ops::describe(ctx.traits()) : concat(processor_name(), ", ", ctx.threads(), " threads"), ", ",
                  gpu && !has_room(ctx) ? "little memory, " : "", ctx.compute_type(), ", t3video " T3VIDEO_VERSION);
}

json to_json(const Rates& r) {
    return {{"matrix", r.matrix}, {"attention", r.attention}, {"convolution", r.convolution},
            {"bytes", r.bytes},   {"upload", r.upload},       {"download", r.download}};
}

// Nothing for an entry that this program did not write.
std::optional<Rates> from_json(const json& entry) {
    Rates r;
    const std::pair<const char*, double*> fields[] = {{"matrix", &r.matrix},           {"attention", &r.attention},
                                                      {"convolution", &r.convolution}, {"bytes", &r.bytes},
                                                      {"upload", &r.upload},           {"download", &r.download}};
    for (const auto& [name, value] : fields) {
        if (!entry.is_object() || !entry.contains(name) || !entry[name].is_number()) return std::nullopt;
        *value = entry[name].get<double>();
    }
    const bool usable =
        r.matrix > 0 && r.attention > 0 && r.convolution > 0 && r.bytes > 0 && r.upload >= 0 && r.download >= 0;
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
    Measurement measured(ctx, s);
    const Timed matrix = measured.matrix(), of_long = measured.attention(s.long_windows),
                of_short = measured.attention(s.short_windows),
                inner = measured.convolution(s.inner.height, s.inner.width, s.inner.channels),
                outer = measured.convolution(s.outer.height, s.outer.width, s.outer.channels), moved = measured.moved();
    Rates r;
    r.bytes = moved.work.bytes / moved.seconds;
    r.matrix = matrix.work.matrix / matrix.seconds;
    // What attention moves beside its arithmetic is counted as such.
    const auto of_attention = [&](const Timed& t) { return t.work.attention / (t.seconds - t.work.bytes / r.bytes); };
    // Of the FLOP of a 4K film 70 % are in the long windows of one pattern of five.
    constexpr double kLong = 0.7;
    r.attention = 1 / (kLong / of_attention(of_long) + (1 - kLong) / of_attention(of_short));
    // A decode spends about as many FLOP on its inner, wide layers as on its outer, narrow ones.
    const auto of_convolution = [](const Timed& t) { return t.work.convolution / t.seconds; };
    r.convolution = 2 / (1 / of_convolution(inner) + 1 / of_convolution(outer));
    if (ctx.device() == Device::cuda) measure_transfers(ctx, s, r);
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
