// Films that begin with a picture or are made from a video, with the smallest models.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "job/job_files.h"
#include "session/session.h"
#include "support/errors.h"
#include "support/films.h"
#include "support/pictures.h"
#include "support/tensors.h"

namespace t3video::session {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class InputFilm : public ::testing::Test {
  protected:
    film::Request request(const std::string& name, const std::string& model) const {
        film::Request r = tiny_request(folder_ / (name + ".y4m"), model);
        r.settings.width = r.settings.height = 64;
        r.settings.steps = 3;
        r.settings.cfg = 3;
        r.seed = 7;
        r.overwrite = true;  // tests make one film after the other under a name
        return r;
    }
    film::Request from_image(const std::string& name, const media::Image& image) const {
        film::Request r = request(name, "wan22-tiny");
        r.inputs.image = folder_ / "start.png";
        media::write_png(r.inputs.image, image);
        return r;
    }
    film::Request from_video(const std::string& name, double strength) const {
        film::Request r = request(name, "wan21-tiny");
        r.inputs.video = write_pictures(folder_ / "in", 7);
        r.inputs.strength = strength;
        return r;
    }
    Result run(const film::Request& r) { return session_.make(r, observer_); }
    static sampling::SampleState state(const film::Request& r) {
        return job::read_stages(r.job_folder(), 1).latents.value();
    }
    // Frames [n, H, W, 3] of -1..1 by the plain formula, encoded apart from the session.
    Tensor encoded(const film::Request& r, const std::vector<media::Image>& frames) {
        const film::Networks networks = film::load_networks(film::find_model(r.model, r.parts));
        Tensor video = empty_on_host({int64_t(frames.size()), frames[0].height, frames[0].width, 3});
        float* out = video.data<float>();
        for (const media::Image& frame : frames) {
            for (const uint8_t level : frame.rgb) *out++ = static_cast<float>(2.0 * level / 255.0 - 1.0);
        }
        return networks.vae.encode(ctx_, video);
    }

    Context ctx_;
    Session session_{Context()};
    Listener observer_;
    TemporaryFolder folder_;
};

// Largest difference between frame 0 of x [C, T, h, w] and `first` [C, 1, h, w].
double first_frame_error(const Tensor& x, const Tensor& first) {
    const int64_t frame = x.dim(2) * x.dim(3);
    double error = 0;
    for (int64_t c = 0; c < x.dim(0); ++c) {
        for (int64_t i = 0; i < frame; ++i) {
            const float a = x.data<float>()[c * x.dim(1) * frame + i], b = first.data<float>()[c * frame + i];
            error = std::max(error, std::abs(double(a) - double(b)));
        }
    }
    return error;
}

TEST_F(InputFilm, FirstLatentFrameIsTheEncodedImage) {
    for (const film::Attention attention : {film::Attention::full, film::Attention::t3}) {
        for (const char* solver : {"euler", "unipc"}) {
            fs::remove_all(folder_ / "a.job");
            film::Request r = from_image("a", picture(64, 64));
            r.settings.solver = solver;
            r.attention = attention;
            if (attention == film::Attention::t3) {
                r.layout = write_file(folder_ / "layout.json",
                                      R"({"grid": [2, 2, 2], "window_counts": [[2, 1, 1], [1, 2, 1], [1, 1, 2]]})");
            }
            run(r);
            const Tensor first = encoded(r, {picture(64, 64)});
            EXPECT_LT(first_frame_error(state(r).x, first), 1e-4) << solver;
            film::Request free = request("free", "wan22-tiny");
            free.settings.solver = solver;
            run(free);
            EXPECT_GT(first_frame_error(state(free).x, first), 0.1);
        }
    }
}

// The film's later frames depend on the picture too, through the transformer.
TEST_F(InputFilm, AnotherPictureUnderTheSameNameMakesAnotherFilm) {
    const film::Request r = from_image("a", picture(64, 64));
    const std::string film = read_file(run(r).video);
    const Tensor latent = clone(ctx_, state(r).x);
    EXPECT_EQ(read_file(run(r).video), film);
    from_image("a", picture(64, 64, 20));
    EXPECT_NE(read_file(run(r).video), film);
    const Tensor other = state(r).x;
    const int64_t frame = latent.dim(2) * latent.dim(3);
    double difference = 0;
    for (int64_t i = frame; i < 2 * frame; ++i)
        difference = std::max(difference, std::abs(double(latent.data<float>()[i]) - double(other.data<float>()[i])));
    EXPECT_GT(difference, 1e-4);
}

TEST_F(InputFilm, InterruptedFilmGoesOnWithItsPicture) {
    const film::Request whole = from_image("a", picture(80, 64)), part = from_image("b", picture(80, 64));
    const std::string film = read_file(run(whole).video);
    fs::copy(whole.job_folder(), part.job_folder());
    const auto input = job::read_stages(part.job_folder(), 1).input;
    ASSERT_TRUE(input.has_value());
    EXPECT_EQ(input->shape(), (Shape{48, 1, 4, 4}));
    fs::remove(part.job_folder() / "latents.safetensors");
    EXPECT_EQ(read_file(run(part).video), film);  // from the encoded picture
    // That it was taken from the job shows in one that says something else.
    fs::remove(part.job_folder() / "latents.safetensors");
    fs::remove(part.output);
    job::Job(part.job_folder(), job::request_of_job(part.job_folder())).save_input(zeros(ctx_, {48, 1, 4, 4}));
    EXPECT_NE(read_file(run(part).video), film);
}

TEST_F(InputFilm, PicturesAreCroppedOrStretched) {
    const media::Image wide = picture(128, 64);
    media::Image middle(64, 64);
    for (int64_t y = 0; y < 64; ++y) std::copy_n(wide.pixel(32, y), 64 * 3, middle.pixel(0, y));
    film::Request r = from_image("a", wide);
    run(r);
    EXPECT_LT(first_frame_error(state(r).x, encoded(r, {middle})), 1e-4);
    r.inputs.fit = film::Fit::stretch;
    run(r);
    EXPECT_GT(first_frame_error(state(r).x, encoded(r, {middle})), 0.01);
}

TEST_F(InputFilm, FullStrengthIsTextToVideo) {
    const film::Request plain = request("plain", "wan21-tiny"), video = from_video("video", 1);
    EXPECT_EQ(read_file(run(plain).video), read_file(run(video).video));
    EXPECT_FALSE(fs::exists(video.job_folder() / "input.safetensors"));
}

// x = (1 - sigma) z + sigma noise, then steps whose size shrinks with sigma: at small strength the latent stays by z.
TEST_F(InputFilm, SmallStrengthStaysNearTheVideo) {
    const auto distance = [&](const std::string& name, double strength) {
        const film::Request r = from_video(name, strength);
        run(r);
        std::vector<media::Image> frames;
        for (int64_t i = 0; i < 5; ++i) frames.push_back(picture(64, 64, i));
        return relative_error(state(r).x, encoded(r, frames));
    };
    const double little = distance("a", 1e-4), some = distance("b", 0.2);
    EXPECT_LT(little, 0.01);
    EXPECT_GT(some, 10 * little);
}

TEST_F(InputFilm, PlanCountsEncoding) {
    const film::Networks networks = film::load_networks(film::find_model(kGolden / "wan22-tiny/model"));
    size_t waiting = 0;
    const auto plan = [&](film::Source source, double strength = 1, const Material& material = {}) {
        const film::Settings settings{
            .width = 128, .height = 128, .frames = 9, .solver = "euler", .source = source, .strength = strength};
        const film::Film film = film::make_film({}, networks.traits(), settings, film::Attention::full);
        return plan_film(networks, film, material, {.allowed = size_t{4} << 30, .input_bytes = waiting});
    };
    const auto stage = [](const plan::Plan& p) { return *p.find("encode"); };
    using film::Source;
    const plan::StagePlan image = stage(plan(Source::image)), video = stage(plan(Source::video, 0.5));
    EXPECT_GT(image.work.convolution, 0);
    EXPECT_GT(video.work.convolution, 5 * image.work.convolution);
    EXPECT_GT(video.bytes, image.bytes);
    waiting = 1000;
    const plan::Plan with_frames = plan(Source::image);
    EXPECT_EQ(stage(with_frames).bytes, image.bytes + waiting);
    waiting = 0;
    EXPECT_EQ(with_frames.find("text")->bytes, plan(Source::image).find("text")->bytes + 1000) << "they wait meanwhile";
    EXPECT_EQ(plan(Source::noise).stages.size(), 3U);
    EXPECT_EQ(plan(Source::video, 1.0).stages.size(), 3U);
    Material encoded, begun;
    encoded.input_latent = empty_on_host({1});
    EXPECT_EQ(plan(Source::image, 1, encoded).stages.size(), 3U);
    begun.latents.emplace().step = 1;
    EXPECT_EQ(plan(Source::video, 0.5, begun).stages.size(), 3U);
    EXPECT_EQ(plan(Source::image, 1, begun).stages.size(), 4U);
}

TEST_F(InputFilm, WrongInputsAreRefusedBeforeAnyWork) {
    const auto refused = [&](const film::Request& r, const std::vector<std::string>& says) {
        expect_invalid([&] { run(r); }, says);
        EXPECT_FALSE(fs::exists(r.job_folder()));
        EXPECT_FALSE(fs::exists(r.output));
    };
    const film::Request image = from_image("a", picture(64, 64)), video = from_video("a", 0.5);
    film::Request r = image;
    r.inputs.video = video.inputs.video;
    refused(r, {"image and video"});
    r = image;
    r.model = video.model;
    refused(r, {"image", "text-to-video", "TI2V"});
    r = image;
    r.inputs.strength = 0.5;
    refused(r, {"strength", "video"});
    for (const double strength : {0.0, -1.0, 1.5, std::nan("")}) {
        r = video;
        r.inputs.strength = strength;
        refused(r, {"strength", "more than 0"});
    }
    r = image;
    r.inputs.image = folder_ / "none.png";
    refused(r, {"none.png", "no such file"});
    r.inputs.image = write_file(folder_ / "text.png", "no picture");
    refused(r, {"text.png"});
    const std::string half = read_file(image.inputs.image);
    r.inputs.image = write_file(folder_ / "half.png", half.substr(0, half.size() / 2));
    refused(r, {"half.png", "damaged"});
    r = video;
    r.settings.solver = "unipc";
    refused(r, {"solver unipc", "strength", "0.5", "euler"});
    r = video;
    r.inputs.video = folder_ / "none";
    refused(r, {"none", "no such file"});
    r = request("b", "wan21-tiny");
    r.inputs.fit = film::Fit::stretch;
    refused(r, {"fit"});
}

}  // namespace
}  // namespace t3video::session
