// Films with step caches through a session: jobs that are stopped and go on, records, identities, notes.
#include <gtest/gtest.h>

#include "job/film_record.h"
#include "session/cache_notes.h"
#include "session/calibrate.h"
#include "session/make_fixture.h"
#include "support/errors.h"

namespace t3video::session {
namespace {

class CachedFilms : public MakeTest {
  protected:
    // Of the smallest model, with a table of its own.
    film::Request cached(const std::string& name, const std::string& cache, const std::string& solver = "unipc") {
        film::Request r = request(name);
        r.settings.steps = 10;
        r.settings.solver = solver;
        r.settings.cache = film::parse_cache(Field("cache", cache));
        if (!cache.starts_with("easy") && cache != "none") r.settings.cache_table = table();
        return r;
    }
    fs::path table() {
        return write_file(folder_ / "table.json",
                          R"({"model": {"name": "tiny", "dim": 96, "layers": 5, "channels": 16},
                              "attention": "T3 windows 2x1x1 on 2x2x2 tokens",
                              "teacache": {"coefficients": [0.1, 0.1], "threshold": 0.35},
                              "teacache_ret": {"coefficients": [0.1, 0.1], "threshold": 0.35},
                              "magcache": {"threshold": 0.1, "K": 2, "retention": 0.2,
                                           "positive": [1, 1.02, 0.97, 0.95], "negative": [1, 1.03, 0.99]}})");
    }
    std::string computed_of(const film::Request& r) {
        const auto latents = job::read_stages(r.job_folder(), 1).latents.value();
        const auto found = latents.further.find(kComputedPasses);
        return found == latents.further.end() ? "" : sampling::computed_text(found->second);
    }
};

const char* const kCaches[] = {"easy:1.5,3", "tea", "tea-ret", "mag"};

TEST_F(CachedFilms, GoOnFromAnyStep) {
    for (const std::string cache : kCaches) {
        const film::Request whole = cached("whole", cache);
        const std::string expected = film(whole);
        const std::string computed = computed_of(whole);
        EXPECT_NE(computed, "1-10") << cache;
        for (int64_t step = 1; step < 10; ++step) {
            film::Request r = cached("parts", cache);
            fs::remove_all(r.job_folder());
            fs::remove(r.output);
            std::stop_source stop;
            observer_.at = [&](const std::string& stage, int64_t done) {
                if (stage == "denoise" && done == step) stop.request_stop();
            };
            EXPECT_THROW(session_.make(r, observer_, stop.get_token()), Stopped);
            observer_.at = nullptr;
            EXPECT_EQ(job::read_stages(r.job_folder(), 1).latents.value().step, step);
            EXPECT_EQ(film(r) == expected, true) << cache << " after step " << step;
            EXPECT_EQ(computed_of(r), computed) << cache << " after step " << step;
        }
    }
}

TEST_F(CachedFilms, AreOtherFilmsThanPlainOnes) {
    film::Request r = cached("ball", "none");
    const std::string plain = film(r);
    EXPECT_EQ(computed_of(r), "");
    std::vector<std::string> films{plain};
    const auto another = [&](const std::string& cache) {
        film::Request with = cached("ball", cache);
        films.push_back(film(with));
        for (size_t i = 0; i + 1 < films.size(); ++i) EXPECT_FALSE(films[i] == films.back()) << cache;
        return with;
    };
    another("easy:1.5,3");
    const film::Request tea = another("tea:0.35");
    another("tea:0.9");
    // Another table is another film, even under the same name.
    std::string text = read_file(tea.settings.cache_table);
    const auto changed = [&](const std::string& from, const std::string& to) {
        text.replace(text.find(from), from.size(), to);
        write_file(folder_ / "other.json", text);
        film::Request other = tea;
        other.settings.cache_table = folder_ / "other.json";
        return other;
    };
    film(tea);
    EXPECT_TRUE(session_.make(tea, observer_).was_there);
    film::Request renamed = changed("\"tiny\"", "\"another name\"");
    EXPECT_TRUE(session_.make(renamed, observer_).was_there) << "what it is called does not count";
    film::Request other = changed("[0.1, 0.1]", "[0.1, 0.4]");
    fs::remove(other.output);
    EXPECT_FALSE(session_.make(other, observer_).was_there);
    EXPECT_NE(computed_of(other), "");
}

TEST_F(CachedFilms, SayWhatWasComputed) {
    film::Request r = cached("ball", "mag", "euler");
    r.settings.guidance_interval = sampling::GuidanceInterval{0.4, 0.99};
    r.output = folder_ / "frames/";
    r.contact_sheet = false;
    run(r);
    const std::string computed = computed_of(r);
    EXPECT_EQ(computed.find("positive "), 0U) << computed;
    const auto latents = job::read_stages(r.job_folder(), 1).latents.value();
    EXPECT_EQ(observer_.computed_steps, sampling::computed_steps(latents.further.at(kComputedPasses)));
    EXPECT_LT(observer_.computed_steps, 10);
    EXPECT_EQ(observer_.notes_of("MagCache by the table of tiny"), 1U);
    EXPECT_EQ(observer_.notes_of("was made with T3 windows 2x1x1 on 2x2x2 tokens, this film has full attention"), 1U);
    EXPECT_EQ(observer_.notes_of("Guidance in "), 1U);
    const std::string record = job::film_record(ctx_, {{}, "id", "cpu", "f32"}, {}, computed);
    EXPECT_EQ(job::parse_film_record(record).value().computed, computed);
}

TEST_F(CachedFilms, NeverSkippingIsSaid) {
    film::Request r = cached("ball", "easy");
    run(r);
    EXPECT_EQ(observer_.notes_of("never skips a pass of 10 steps: the first 10 and the last are always computed"), 1U);
    EXPECT_EQ(computed_of(r), "1-10");
    run(cached("other", "mag:1e-9,4,1"));
    EXPECT_EQ(observer_.notes_of("never skips a pass of 10 steps"), 2U);
}

// Before any work, in one line.
TEST_F(CachedFilms, WithoutATableTheyAreRefused) {
    film::Request r = cached("ball", "none");
    for (const char* cache : {"tea", "tea-ret", "mag"}) {
        r.settings.cache = film::parse_cache(Field("cache", cache));
        expect_invalid([&] { session_.make(r, observer_); },
                       {cache, "no table is known for a transformer of 5 layers of width 96",
                        "t3video calibrate makes one; easy needs none"});
    }
    EXPECT_FALSE(fs::exists(r.job_folder()));
    r.settings.cache = film::parse_cache(Field("cache", "easy"));
    r.settings.cache_table = table();
    expect_invalid([&] { session_.make(r, observer_); }, {"cache-table", "is for a cache of tea, tea-ret or mag"});
}

// A table measured on the model's own films serves it, and says what was measured.
TEST_F(CachedFilms, CalibrateThemselves) {
    film::Request r = request("ball");
    r.settings.steps = 10;
    r.settings.solver = "euler";
    const std::vector<std::string> prompts{"A ball.", "A kite."};
    const film::CacheTable table = calibrate(session_, r, prompts, observer_);
    EXPECT_EQ(table.sizes, (film::TransformerSizes{96, 5, 16}));
    EXPECT_EQ(table.attention, "full attention");
    ASSERT_TRUE(table.mag && table.tea && table.tea_ret);
    EXPECT_EQ(table.mag->ratios[0].size(), 10U);
    EXPECT_EQ(table.mag->ratios[1].size(), 10U);
    EXPECT_EQ(table.mag->ratios[0][0], 1);
    EXPECT_NE(table.mag->ratios[0], table.mag->ratios[1]);
    EXPECT_EQ(table.tea->coefficients.size(), 5U);
    EXPECT_NE(table.tea->coefficients, table.tea_ret->coefficients);
    EXPECT_NE(table.source.find("2 films of 32x32, 5 frames, 10 steps of euler"), std::string::npos) << table.source;
    EXPECT_EQ(film::to_json(calibrate(session_, r, prompts, observer_)), film::to_json(table)) << "again the same";

    film::Request with = cached("with", "mag:0.5", "euler");
    with.settings.cache_table = write_file(folder_ / "own.json", film::to_json(table).dump());
    run(with);
    EXPECT_NE(computed_of(with), "1-10");
    EXPECT_EQ(observer_.notes_of("was made with"), 0U);
    r.settings.steps = 7;
    expect_invalid([&] { calibrate(session_, r, prompts, observer_); }, {"steps", "expected at least 8"});
}

// Residuals by hand: those of the first two steps of a film.
TEST_F(CachedFilms, CalibrationMeasuresTheLayers) {
    film::Request r = request("ball");
    r.settings.steps = 8;
    r.settings.solver = "euler";
    r.settings.shift = 5;
    const film::CacheTable table = calibrate(session_, r, std::vector<std::string>{r.prompt}, observer_);
    run(r);
    const film::Networks networks = film::load_networks(film::find_model(r.model, r.parts));
    const models::WanDit& dit = networks.dit();
    const job::Embeddings rows = job::read_stages(r.job_folder(), 1).embeddings.value();
    const auto schedule = film::solver_of({.solver = "euler"}).schedule({.steps = 8, .shift = 5});
    const t3::LayoutWindows windows(ctx_, t3::full_attention({2, 2, 2}));
    Tensor x = make_noise(ctx_, {16, 2, 4, 4}, r.seed, r.noise, 132);
    const auto positive = dit.embed_text(ctx_, rows.positive, models::kTextRows - rows.positive.dim(0)),
               negative = dit.embed_text(ctx_, rows.negative, models::kTextRows - rows.negative.dim(0));
    Tensor before;
    for (size_t i = 0; i < 3; ++i) {
        std::vector<models::DitBranchState> states{dit.enter(ctx_, x, schedule.timesteps[i], {positive})};
        const Tensor entered = clone(ctx_, states[0].x);
        dit.blocks(ctx_, states, windows, 0, dit.config().layers);
        Tensor residual = clone(ctx_, states[0].x);
        for (int64_t j = 0; j < residual.numel(); ++j) residual.data<float>()[j] -= entered.data<float>()[j];
        const Tensor with = dit.leave(ctx_, states[0]),
                     without = dit.forward(ctx_, x, schedule.timesteps[i], negative, windows);
        for (int64_t j = 0; j < x.numel(); ++j) {
            const float v = without.data<float>()[j] + 3 * (with.data<float>()[j] - without.data<float>()[j]);
            x.data<float>()[j] += float(schedule.sigmas[i + 1] - schedule.sigmas[i]) * v;
        }
        if (before.defined()) {
            double sum = 0;
            const int64_t tokens = residual.dim(0), width = residual.dim(1);
            for (int64_t t = 0; t < tokens; ++t) {
                double now = 0, then = 0;
                for (int64_t c = t * width; c < (t + 1) * width; ++c) {
                    now += double{residual.data<float>()[c]} * residual.data<float>()[c];
                    then += double{before.data<float>()[c]} * before.data<float>()[c];
                }
                sum += std::sqrt(now / then);
            }
            EXPECT_NEAR(table.mag->ratios[0][i], sum / double(tokens), 1e-5) << i;
        }
        before = residual;
    }
}

}  // namespace
}  // namespace t3video::session
