// One session for many films: each is made as by a new one, whatever came before it.
#include "session/session.h"

#include <gtest/gtest.h>

#include "checkpoint/tensor_source.h"
#include "core/error.h"
#include "support/errors.h"
#include "support/films.h"
#include "support/pictures.h"
#include "support/tensors.h"

namespace t3video::session {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class SessionTest : public ::testing::Test {
  protected:
    // Of two steps, under a name of its own.
    film::Request request(const std::string& model = "wan21-tiny") {
        film::Request r = tiny_request(folder_ / concat("film", ++count_, ".y4m"), model);
        r.settings.steps = 2;
        return r;
    }
    film::Request of_video() {
        film::Request r = request();
        r.inputs.video = write_pictures(folder_ / "in", 5);
        r.inputs.strength = 0.9;
        return r;
    }
    // The same film elsewhere.
    film::Request again(const film::Request& r) {
        film::Request other = r;
        other.output = folder_ / concat("film", ++count_, ".y4m");
        return other;
    }
    static std::string film_by(Session& session, const film::Request& r, Observer& observer) {
        return read_file(session.make(r, observer).video);
    }
    // As a session of its own makes it.
    std::string fresh(const film::Request& r) {
        Session session{Context()};
        Observer observer;
        return film_by(session, again(r), observer);
    }
    std::string film(const film::Request& r) { return film_by(session_, r, observer_); }
    // The session's, then a fresh one's.
    void expect_fresh(const film::Request& r) {
        const std::string made = film(r);
        EXPECT_EQ(made, fresh(r)) << r.output;
    }

    TemporaryFolder folder_;
    Session session_{Context()};
    Listener observer_;
    int count_ = 0;
};

TEST_F(SessionTest, FilmsAreThoseOfFreshSessions) {
    film::Request larger = request(), longer = request(), unguided = request(), other = request("wan22-tiny"),
                  seed = request();
    larger.settings.width = 96;
    longer.settings.frames = 9;
    unguided.settings.cfg = 1;
    seed.seed = 5;
    std::vector<std::string> films;
    for (const film::Request& r : {request(), larger, other, longer, unguided, seed, of_video(), request()}) {
        films.push_back(film(r));
        EXPECT_EQ(films.back(), fresh(r)) << r.output;
    }
    EXPECT_EQ(films.front(), films.back());
    EXPECT_NE(films.front(), films[5]);
}

TEST_F(SessionTest, TheSecondFilmPreparesNothing) {
    const film::Request first = request();
    film::Request second = request();
    second.seed = 3;
    film(first);
    EXPECT_EQ(observer_.notes_of("Weights of"), 1U);
    for (const plan::StagePlan& stage : observer_.plan->stages) EXPECT_FALSE(stage.ready) << stage.name;
    observer_.notes.clear();
    expect_fresh(second);
    EXPECT_EQ(observer_.notes_of("Weights of"), 0U) << ::testing::PrintToString(observer_.notes);
    ASSERT_EQ(observer_.plan->stages.size(), 3U);
    for (const plan::StagePlan& stage : observer_.plan->stages) EXPECT_TRUE(stage.ready) << stage.name;
    film(request("wan22-tiny"));
    EXPECT_EQ(observer_.notes_of("Weights of"), 1U) << "of another model";
}

// With little memory the networks of one stage leave for those of another, and come back.
TEST_F(SessionTest, PackedWeightsWaitWhereMemoryAllows) {
    film::Request r;
    r.prompt = "A ball.";
    r.settings = {.width = 64, .height = 64, .frames = 13, .steps = 3, .cfg = 3};
    const auto packed = [&](Session& session, size_t films) {
        std::string expected;
        for (size_t i = 0; i < films; ++i) {
            r.output = folder_ / concat("packed", ++count_, ".y4m");
            observer_.notes.clear();
            const std::string made = film_by(session, r, observer_);
            if (expected.empty()) expected = made;
            EXPECT_EQ(made, expected);
        }
        return observer_.notes_of("packed in");
    };
    Session roomy(Context(), int64_t{2} << 30);
    EXPECT_EQ(packed(roomy, 1), 2U) << ::testing::PrintToString(observer_.notes);  // denoise and decode
    EXPECT_EQ(packed(roomy, 1), 0U) << ::testing::PrintToString(observer_.notes);
    const size_t denoise = observer_.plan->find("denoise")->bytes, decode = observer_.plan->find("decode")->bytes;
    EXPECT_TRUE(observer_.plan->find("denoise")->ready);
    EXPECT_GT(observer_.plan->find("denoise")->held, size_t{1} << 20);
    Session tight(Context(), static_cast<int64_t>(std::max(denoise, decode)));
    EXPECT_EQ(packed(tight, 2), 2U) << "one at a time: " << ::testing::PrintToString(observer_.notes);
}

// Who makes one film has nothing wait for another.
TEST_F(SessionTest, OfOneFilmNothingWaits) {
    Session session(Context(), 0, Lifetime::one_film);
    const film::Request r = request();
    EXPECT_EQ(film_by(session, r, observer_), fresh(r));
    for (const plan::StagePlan& stage : observer_.plan->stages) EXPECT_EQ(stage.beside, 0U) << stage.name;
    observer_.notes.clear();
    film_by(session, again(r), observer_);
    EXPECT_GT(observer_.notes_of("Weights of"), 0U);
}

struct Trouble {
    const char* name;
    void (*make)(std::stop_source& stop);
};

// In every stage, at its beginning and in its course; then the next film.
TEST_F(SessionTest, SurvivesWhateverEndsAFilm) {
    const Trouble troubles[] = {
        {"stop", [](std::stop_source& stop) { stop.request_stop(); }},
        {"error", [](std::stop_source&) { throw Error("the observer has had enough"); }},
        {"memory", [](std::stop_source&) { throw OutOfMemory("no more memory"); }},
        {"other", [](std::stop_source&) { throw std::runtime_error("no error of ours"); }},
    };
    film::Request video = of_video();
    video.settings.width = video.settings.height = 96;  // so large that frames are decoded one by one
    const std::string expected = fresh(video), plain = fresh(request());
    for (const Trouble& trouble : troubles) {
        for (const char* stage : {"text", "encode", "denoise", "decode"}) {
            for (const int64_t done : {0, 1}) {
                const std::string what = concat(trouble.name, " in ", stage, " at ", done);
                const film::Request r = again(video);
                std::stop_source stop;
                bool met = false;
                Listener troubled;
                troubled.at = [&](const std::string& name, int64_t at) {
                    if (met || name != stage || at != done) return;
                    met = true;
                    trouble.make(stop);
                };
                try {
                    session_.make(r, troubled, stop.get_token());
                    ADD_FAILURE() << what << ": the film was made";
                } catch (const Stopped&) {
                    EXPECT_STREQ(trouble.name, "stop") << what;
                } catch (const OutOfMemory&) {
                    EXPECT_STREQ(trouble.name, "memory") << what;
                } catch (const Error&) {
                    EXPECT_STREQ(trouble.name, "error") << what;
                } catch (const std::runtime_error&) {
                    EXPECT_STREQ(trouble.name, "other") << what;
                }
                EXPECT_TRUE(met) << what;
                EXPECT_FALSE(fs::exists(r.output)) << what;
                EXPECT_EQ(film(request()), plain) << what << ": another film";
                if (done == 0) fs::remove_all(r.job_folder());  // from the beginning
                EXPECT_EQ(film(r), expected) << what << ": the film itself";
            }
        }
    }
}

// Before anything is made there is nothing to keep.
TEST_F(SessionTest, StopsBeforeTheFilmBegins) {
    const film::Request r = of_video();
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THROW(session_.make(r, observer_, stop.get_token()), Stopped);
    EXPECT_FALSE(fs::exists(r.job_folder()));
    EXPECT_FALSE(observer_.plan);
    expect_fresh(r);
}

class Replaced : public SessionTest {
  protected:
    Replaced() { fs::copy(kGolden / "wan21-tiny/model", folder_ / "model", fs::copy_options::recursive); }
    film::Request request() {
        film::Request r = SessionTest::request();
        r.model = folder_ / "model";
        return r;
    }
    fs::path weights() const { return folder_ / "model/diffusion_pytorch_model.safetensors"; }
    // The transformer's file with another last byte but one: a small other number.
    std::string other_weights() const {
        std::string bytes = read_file(weights());
        bytes[bytes.size() - 2] = static_cast<char>(bytes[bytes.size() - 2] ^ 0x40);
        return bytes;
    }
    void rename_over() const { fs::rename(write_file(folder_ / "new.safetensors", other_weights()), weights()); }
};

TEST_F(Replaced, AModelIsOpenedAnew) {
    const std::string first = film(request());
    rename_over();
    const film::Request r = request();
    const std::string second = film(r);
    EXPECT_EQ(second, fresh(r));
    EXPECT_NE(second, first);
    EXPECT_EQ(observer_.notes_of("Weights of denoise"), 2U);
}

// Not only the one that the next film asks for.
TEST_F(Replaced, SoAreOthersOfTheSameFile) {
    film::Request with_vae = request();
    fs::copy(folder_ / "model/Wan2.1_VAE.pth", folder_ / "vae.pth");
    with_vae.parts.vae = folder_ / "vae.pth";
    film(with_vae);
    film(request());
    write_file(weights(), other_weights());  // in place: mappings of before show it too
    fs::last_write_time(weights(), fs::file_time_type::clock::now() + std::chrono::seconds(9));
    const film::Request r = request();
    expect_fresh(r);
    with_vae = again(with_vae);
    expect_fresh(with_vae);
}

// Another session may still have open what was there before.
TEST_F(Replaced, SessionsSideBySide) {
    film(request());
    write_file(weights(), other_weights());
    fs::last_write_time(weights(), fs::file_time_type::clock::now() + std::chrono::seconds(9));
    const film::Request r = request();
    const std::string by_another = fresh(r);
    EXPECT_EQ(film(r), by_another);
}

// While a film is made of it, the file that was opened counts.
TEST_F(Replaced, InTheMidstOfAFilm) {
    const film::Request r = request();
    const std::string expected = fresh(r);
    observer_.at_begin = [&](const Beginning&) { rename_over(); };
    EXPECT_EQ(film(r), expected);
    observer_.at_begin = nullptr;
    const film::Request next = request();
    expect_fresh(next);
    // Written over in place, it is a mixture: no film comes of it, and the next is of the new weights.
    observer_.at = [&](const std::string& stage, int64_t done) {
        if (stage == "denoise" && done == 0)
            fs::last_write_time(weights(), fs::file_time_type::clock::now() + std::chrono::seconds(9));
    };
    film::Request mixture = request();
    mixture.seed = 3;
    expect_invalid([&] { film(mixture); }, {weights().string(), "was changed while it was used"});
    observer_.at = nullptr;
    expect_fresh(mixture);
}

// Their hash and their frames come of one reading.
TEST_F(SessionTest, InputsAreReadOnce) {
    const film::Request r = of_video();
    const std::string expected = fresh(r);
    observer_.at_begin = [&](const Beginning& begun) {
        EXPECT_EQ(begun.input.width, 64);
        fs::remove_all(r.inputs.video);
    };
    EXPECT_EQ(film(r), expected);
    EXPECT_FALSE(fs::exists(r.inputs.video));
}

TEST_F(SessionTest, EstimatesAreThePlansOfFilms) {
    film::Request longer = request("wan22-tiny");
    longer.settings.frames = 9;
    for (const film::Request& r : {request(), longer, of_video(), request()}) {
        Session session(Context(), int64_t{1} << 30);
        const Estimate estimate = session.estimate(r, observer_);
        EXPECT_TRUE(estimate.refusal.empty()) << estimate.refusal.plain();
        EXPECT_FALSE(fs::exists(r.job_folder()));
        session.make(r, observer_);
        ASSERT_EQ(estimate.plan.stages.size(), observer_.plan->stages.size());
        for (size_t i = 0; i < estimate.plan.stages.size(); ++i) {
            const plan::StagePlan &a = estimate.plan.stages[i], &b = observer_.plan->stages[i];
            EXPECT_EQ(a.name, b.name);
            EXPECT_EQ(a.bytes, b.bytes) << a.name;
            EXPECT_EQ(a.residency, b.residency) << a.name;
            EXPECT_EQ(a.band_rows, b.band_rows) << a.name;
            EXPECT_EQ(a.seconds, b.seconds) << a.name;
        }
    }
}

TEST_F(SessionTest, EstimatesSayWhatDoesNotFit) {
    film::Request r = request();
    r.settings.width = r.settings.height = 1024;
    Session session(Context(), int64_t{110} << 20);
    const Estimate estimate = session.estimate(r, observer_);
    EXPECT_NE(estimate.refusal.plain().find("may be used; what fits: "), std::string::npos);
    expect_invalid([&] { session.make(r, observer_); }, {estimate.refusal.plain()});
}

// Pictures on the way, of the size of the latent.
TEST_F(SessionTest, PreviewsAreShown) {
    film::Request r = request();
    r.preview_every = 1;
    expect_fresh(r);
    ASSERT_EQ(observer_.previews.size(), 2U);
    EXPECT_EQ(observer_.previews[0].width, 4);
    EXPECT_TRUE(fs::exists(r.preview_path()));
}

// What a front door wants to find again lies in the job, and is no part of the film.
TEST_F(SessionTest, FrontDoorsFindTheirNotesAgain) {
    film::Request r = request();
    r.front_door = R"({"door": "a server", "id": 7})";
    EXPECT_EQ(film(r), fresh(request()));
    EXPECT_EQ(job::front_door_of(r.job_folder()), nlohmann::json::parse(r.front_door));
    const film::Request none = request();
    film(none);
    EXPECT_TRUE(job::front_door_of(none.job_folder()).is_null());
}

}  // namespace
}  // namespace t3video::session
