// Plans of long and large films: counted in part, and as if every step, slice, band and frame had been.
#include <gtest/gtest.h>

#include <array>

#include "core/error.h"
#include "film/published.h"
#include "ops/quantize.h"
#include "session/planned.h"

namespace t3video::session {
namespace {

Context counting(const DeviceTraits& target, bool skips) {
    const bool cpu = target.id.kind == Device::cpu;
    return Context({.device = Device::meta,
                    .compute_type = cpu ? DType::f32 : DType::bf16,
                    .allocator = cpu ? make_meta_pool() : make_meta_allocator(),
                    .traits = target,
                    .skips_repeats = skips},
                   1);
}

// `run` takes the same memory to the byte and does the same work on a context that leaves out what repeats itself.
template <class Run>
void expect_same(const std::string& what, const Run& run) {
    for (const DeviceTraits& target : {DeviceTraits{}, DeviceTraits{.id = {Device::cuda}},
                                       DeviceTraits{.id = {Device::cuda}, .sm_90a_code = true}}) {
        Context all = counting(target, false), some = counting(target, true);
        run(all);
        run(some);
        EXPECT_EQ(all.allocator().peak(), some.allocator().peak()) << what;
        const auto near = [&](double a, double b) { EXPECT_NEAR(a, b, 1e-12 * a) << what; };
        near(all.work().matrix, some.work().matrix);
        near(all.work().attention, some.work().attention);
        near(all.work().convolution, some.work().convolution);
        near(all.work().bytes, some.work().bytes);
    }
}

struct LatentCase {
    int64_t frames, rows, columns;
};

// Few and many frames in one call, whole frames and bands of different heights, ends that are shorter.
const LatentCase kLatents[] = {{1, 8, 8},    {2, 90, 30}, {5, 32, 56}, {9, 100, 60},
                               {40, 20, 20}, {101, 4, 6}, {700, 2, 2}};

TEST(LongPlan, DecodesAsAllFrames) {
    for (const char* name : {"wan2.1-1.3b", "wan2.2-5b"}) {
        const film::Networks networks = film::published_networks(name);
        for (const auto& [frames, rows, columns] : kLatents) {
            for (const int64_t bands : {0, 3, 8}) {
                if (bands > 0 && (rows < 20 || frames > 40)) continue;
                const int64_t cell = networks.vae.config().stride_hw();
                const Shape latent{networks.vae.config().z, frames, rows, columns};
                expect_same(concat(name, " ", latent, ", ", bands, " bands"), [&](Context& ctx) {
                    const auto sink = [&](const Tensor& x, int64_t, int64_t) { ops::quantize_u8(ctx, x); };
                    networks.vae.decode(ctx, empty(ctx, latent), sink,
                                        {.band_rows = bands == 0 ? 0 : (rows + bands - 1) / bands * cell});
                });
            }
        }
    }
}

TEST(LongPlan, EncodesAsAllFrames) {
    for (const char* name : {"wan2.1-1.3b", "wan2.2-5b"}) {
        const film::Networks networks = film::published_networks(name);
        for (const auto& [latent_frames, rows, columns] : kLatents) {
            const int64_t cell = networks.vae.config().stride_hw(), height = rows * cell, width = columns * cell;
            const int64_t count = (latent_frames - 1) * 4 + 1;
            expect_same(concat(name, ' ', width, 'x', height, ", ", count, " frames"), [&](Context& ctx) {
                networks.vae.encode(ctx, count, height, width, [&](int64_t, int64_t frames) {
                    return empty(ctx, {frames, height, width, 3});
                });
            });
        }
    }
}

TEST(LongPlan, DenoisesAsAllSlices) {
    const film::Networks networks = film::published_networks("wan2.1-1.3b");
    const t3::WindowLayout layouts[] = {t3::full_attention({3, 5, 7}),
                                        t3::full_attention({9, 60, 104}),
                                        {{21, 136, 240}, {{21, 1, 1}, {1, 17, 30}, {3, 17, 8}}},
                                        {{33, 31, 97}, {{2, 3, 4}, {5, 1, 8}}}};
    for (const t3::WindowLayout& layout : layouts) {
        expect_same(concat(layout.grid), [&](Context& ctx) {
            const Tensor x = empty(ctx, {16, layout.grid.t, 2 * layout.grid.h, 2 * layout.grid.w});
            const t3::LayoutWindows windows(ctx, layout);
            const auto text = networks.dit().embed_text(ctx, empty(ctx, {models::kTextRows - 1, 4096}), 1);
            networks.dit().forward(ctx, x, 500, text, windows);
            networks.dit().forward(ctx, x, 500, std::array{models::DitBranch{text}, models::DitBranch{text}}, windows);
        });
    }
}

plan::Machine machine_with(Device device, size_t allowed) {
    return {.device = {.id = {device}},
            .compute_type = device == Device::cpu ? DType::f32 : DType::bf16,
            .allowed = allowed,
            .packing = allowed,
            .decode_budget = static_cast<int64_t>(allowed / 2)};
}

// These would take minutes to hours frame by frame, and lists of their tokens more memory than there is.
TEST(LongPlan, TheLargestFilmsArePlanned) {
    const film::Networks networks = film::published_networks("wan2.1-1.3b");
    for (const auto& [width, height, frames] : {std::array<int64_t, 3>{16384, 16384, 1021},
                                                {16, 16384, 1'000'001},
                                                {16, 16, 1'000'001},
                                                {832, 480, 100'001}}) {
        for (const Device device : {Device::cpu, Device::cuda}) {
            film::Film film = film_of(networks, {.width = width, .height = height, .frames = frames});
            film.settings.source = film::Source::video;
            film.settings.strength = 0.5;
            film.settings.solver = "euler";
            const plan::Plan plan = plan_film(networks, film, done(), machine_with(device, size_t{64} << 30));
            ASSERT_EQ(plan.stages.size(), 3U);
            const double tokens = double(film.size.grid.tokens());
            EXPECT_GT(double(plan.stages[1].bytes), tokens * 1536 * (4 + 4 * 2)) << width << 'x' << height;
            EXPECT_GT(plan.stages[2].work.convolution, 1e9 * double(frames)) << width << 'x' << height;
        }
    }
}

// A film of twice the frames after the first takes twice the work to decode, in the memory of the shorter one.
TEST(LongPlan, DecodingGrowsWithFrames) {
    const film::Networks networks = film::published_networks("wan2.1-1.3b");
    const plan::Machine machine = machine_with(Device::cuda, size_t{900} << 30);
    const auto decode = [&](int64_t frames) { return plan_decode(networks.vae, {16, frames, 60, 104}, machine); };
    const plan::StagePlan once = decode(1'001), twice = decode(2'001), thrice = decode(3'001);
    EXPECT_EQ(once.band_rows, 0);
    EXPECT_DOUBLE_EQ(thrice.work.convolution - twice.work.convolution, twice.work.convolution - once.work.convolution);
    EXPECT_LT(double(thrice.bytes), 1.2 * double(once.bytes));
}

TEST(LongPlan, StopsWhereThePollThrows) {
    const film::Networks networks = film::published_networks("wan2.1-1.3b");
    const film::Film film = film_of(networks, {.width = 832, .height = 480, .frames = 81});
    const plan::Machine machine = machine_with(Device::cpu, size_t{64} << 30);
    std::stop_source stop;
    int polls = 0;
    const plan::Poll poll = [&] {
        if (++polls == 100) stop.request_stop();
        stop_early(stop.get_token());
    };
    EXPECT_THROW(plan_film(networks, film, {}, machine, poll), Stopped);
    EXPECT_EQ(polls, 100);
}

}  // namespace
}  // namespace t3video::session
