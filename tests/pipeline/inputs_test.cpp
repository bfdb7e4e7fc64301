// Films that begin with a picture or are made from a video, with the smallest models.
#include "pipeline/inputs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/log.h"
#include "media/film_reader.h"
#include "media/png.h"
#include "pipeline/generate.h"
#include "pipeline/job_files.h"
#include "pipeline/plan.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/images.h"
#include "support/tensors.h"

namespace t3video::pipeline {
namespace {

using namespace testing;
namespace fs = std::filesystem;

const fs::path kGolden = T3VIDEO_TEST_DATA "/golden";

media::Image picture(int64_t width, int64_t height, int64_t shift = 0) {
    media::Image image(width, height);
    for (int64_t y = 0; y < height; ++y) {
        for (int64_t x = 0; x < width; ++x) {
            uint8_t* pixel = image.pixel(x, y);
            pixel[0] = static_cast<uint8_t>(128 + 90 * std::sin(double(x + shift) / 9));
            pixel[1] = static_cast<uint8_t>(128 + 90 * std::cos(double(y - shift) / 7));
            pixel[2] = static_cast<uint8_t>(40 + shift + x % 64);
        }
    }
    return image;
}

class InputsTest : public ::testing::Test {
  protected:
    InputsTest() { set_quiet(true); }
    ~InputsTest() override { set_quiet(false); }

    Request request(const std::string& name, const std::string& model) const {
        Request r;
        r.prompt = "A red ball drifts left.";
        r.model = kGolden / model / "model";
        r.parts.tokenizer = kGolden / "tokenizer/spiece.model";
        r.settings = {.width = 64,
                      .height = 64,
                      .frames = 5,
                      .steps = 3,
                      .fps = 8,
                      .cfg = 3,
                      .solver = "euler",
                      .negative_prompt = "fog"};
        r.seed = 7;
        r.output = folder_ / (name + ".y4m");
        r.overwrite = true;  // tests make one film after the other under a name
        return r;
    }
    Request from_image(const std::string& name, const media::Image& image) const {
        Request r = request(name, "wan22-tiny");
        r.inputs.image = folder_ / "start.png";
        media::write_png(r.inputs.image, image);
        return r;
    }
    Request from_video(const std::string& name, double strength) const {
        Request r = request(name, "wan21-tiny");
        r.inputs.video = folder_ / "in";
        r.inputs.strength = strength;
        fs::create_directories(r.inputs.video);
        for (int64_t i = 0; i < 7; ++i)
            media::write_png(r.inputs.video / (std::to_string(i) + ".png"), picture(64, 64, i));
        return r;
    }
    Result run(const Request& r) {
        Progress progress(false, true);
        return generate(ctx_, r, progress);
    }
    static sampling::SampleState state(const Request& r) { return read_stages(r.job_folder(), 1).latents.value(); }
    // Frames [n, H, W, 3] of -1..1 by the plain formula, encoded apart from generate().
    Tensor encoded(const Request& r, const std::vector<media::Image>& frames) {
        const Models models = load_models(find_model(r.model, r.parts));
        Tensor video = empty_on_host({int64_t(frames.size()), frames[0].height, frames[0].width, 3});
        float* out = video.data<float>();
        for (const media::Image& frame : frames) {
            for (const uint8_t level : frame.rgb) *out++ = static_cast<float>(2.0 * level / 255.0 - 1.0);
        }
        return models.vae.encode(ctx_, video);
    }

    Context ctx_;
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

TEST_F(InputsTest, FirstLatentFrameIsTheEncodedImage) {
    for (const Attention attention : {Attention::full, Attention::t3}) {
        for (const char* solver : {"euler", "unipc"}) {
            fs::remove_all(folder_ / "a.job");
            Request r = from_image("a", picture(64, 64));
            r.settings.solver = solver;
            r.attention = attention;
            if (attention == Attention::t3) {
                r.layout = write_file(folder_ / "layout.json",
                                      R"({"grid": [2, 2, 2], "window_counts": [[2, 1, 1], [1, 2, 1], [1, 1, 2]]})");
            }
            run(r);
            const Tensor first = encoded(r, {picture(64, 64)});
            EXPECT_LT(first_frame_error(state(r).x, first), 1e-4) << solver;
            Request free = request("free", "wan22-tiny");
            free.settings.solver = solver;
            run(free);
            EXPECT_GT(first_frame_error(state(free).x, first), 0.1);
        }
    }
}

// The film's later frames depend on the picture too, through the transformer.
TEST_F(InputsTest, AnotherPictureUnderTheSameNameMakesAnotherFilm) {
    const Request r = from_image("a", picture(64, 64));
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

TEST_F(InputsTest, InterruptedFilmGoesOnWithItsPicture) {
    const Request whole = from_image("a", picture(80, 64)), part = from_image("b", picture(80, 64));
    const std::string film = read_file(run(whole).video);
    fs::copy(whole.job_folder(), part.job_folder());
    const auto input = read_stages(part.job_folder(), 1).input;
    ASSERT_TRUE(input.has_value());
    EXPECT_EQ(input->shape(), (Shape{48, 1, 4, 4}));
    fs::remove(part.job_folder() / "latents.safetensors");
    EXPECT_EQ(read_file(run(part).video), film);  // from the encoded picture
    // That it was taken from the job shows in one that says something else.
    fs::remove(part.job_folder() / "latents.safetensors");
    fs::remove(part.output);
    Job(part.job_folder(), request_of_job(part.job_folder())).save_input(zeros(ctx_, {48, 1, 4, 4}));
    EXPECT_NE(read_file(run(part).video), film);
}

TEST_F(InputsTest, PicturesAreCroppedOrStretched) {
    const media::Image wide = picture(128, 64);
    media::Image middle(64, 64);
    for (int64_t y = 0; y < 64; ++y) std::copy_n(wide.pixel(32, y), 64 * 3, middle.pixel(0, y));
    Request r = from_image("a", wide);
    run(r);
    EXPECT_LT(first_frame_error(state(r).x, encoded(r, {middle})), 1e-4);
    r.inputs.fit = Fit::stretch;
    run(r);
    EXPECT_GT(first_frame_error(state(r).x, encoded(r, {middle})), 0.01);
}

TEST_F(InputsTest, FullStrengthIsTextToVideo) {
    const Request plain = request("plain", "wan21-tiny"), video = from_video("video", 1);
    EXPECT_EQ(read_file(run(plain).video), read_file(run(video).video));
    EXPECT_FALSE(fs::exists(video.job_folder() / "input.safetensors"));
}

// x = (1 - sigma) z + sigma noise, then steps whose size shrinks with sigma: at small strength the latent stays by z.
TEST_F(InputsTest, SmallStrengthStaysNearTheVideo) {
    const auto distance = [&](const std::string& name, double strength) {
        const Request r = from_video(name, strength);
        run(r);
        std::vector<media::Image> frames;
        for (int64_t i = 0; i < 5; ++i) frames.push_back(picture(64, 64, i));
        return relative_error(state(r).x, encoded(r, frames));
    };
    const double little = distance("a", 1e-4), some = distance("b", 0.2);
    EXPECT_LT(little, 0.01);
    EXPECT_GT(some, 10 * little);
}

TEST_F(InputsTest, VideosDecideWhatTheUserLeavesOpen) {
    Request r = from_video("a", 0.5);
    r.settings.frames.reset();
    r.settings.solver.reset();
    r.settings.width.reset();
    r.settings.height.reset();
    const ModelFiles files = find_model(r.model, r.parts);
    const ModelTraits traits = load_models(files).traits();
    Input input = open_input(r.inputs, files, traits, r.settings);
    EXPECT_EQ(input.frames, 7);
    EXPECT_GT(reading_bytes(input, plan_frames(128, 64, 5, 16)), input.bytes);
    EXPECT_EQ(reading_bytes({}, plan_frames(128, 64, 5, 16)), 0);
    input.fps = 12.5;
    r.settings.fps.reset();
    const SettingChoices found = with_input(input, files, traits, r.settings);
    EXPECT_EQ(found.frames, 5);
    EXPECT_EQ(found.fps, 12.5);
    EXPECT_EQ(found.solver, "euler");
    // A square within 832x480 pixels: both whole cells.
    EXPECT_EQ((Size{*found.width, *found.height}), (Size{640, 624}));
    EXPECT_EQ(found.strength, 0.5);
    r.settings.frames = 9;
    input = open_input(r.inputs, files, traits, r.settings);
    expect_invalid([&] { with_input(input, files, traits, r.settings); }, {"--frames 9", "has 7", "--frames 5"});
    r.settings.frames = 5;
    r.settings.solver = "unipc";
    expect_invalid([&] { run(r); }, {"strength", "euler"});
    EXPECT_FALSE(fs::exists(r.job_folder()));
}

TEST(Inputs, SizeFollowsThePicture) {
    constexpr int64_t kArea = 1280 * 704;  // TI2V-5B's
    EXPECT_EQ(size_by_shape(1280, 704, kArea, 32), (Size{1280, 704}));
    EXPECT_EQ(size_by_shape(704, 1280, kArea, 32), (Size{704, 1280}));
    // 4:3: width first gives 1088x800 (1.36), height first 1120x800 (1.4): the former is nearer. A tie: height first.
    EXPECT_EQ(size_by_shape(4000, 3000, kArea, 32), (Size{1088, 800}));
    EXPECT_EQ(size_by_shape(100, 100, kArea, 32), (Size{960, 928}));
    EXPECT_EQ(size_by_shape(100000, 1, kArea, 32).height, 32);
    // Height first starts at area / width, as in the official code: here a rounding error below 1440.
    EXPECT_EQ(size_by_shape(176, 405, kArea, 32), (Size{640, 1408}));
}

TEST_F(InputsTest, PlanCountsEncoding) {
    const ModelFiles files = find_model(kGolden / "wan22-tiny/model", {});
    const Models models = load_models(files);
    size_t reading = 0;
    const auto plan = [&](SettingChoices choices, const Done& done = {}) {
        choices.width = choices.height = 128;
        choices.frames = 9;
        choices.solver = "euler";
        const Film film = make_film(files, models.traits(), choices, Attention::full, {});
        return plan_film(models, film, {.allowed = size_t{4} << 30, .reading = reading}, done);
    };
    const auto stage = [](const Plan& p) {
        for (const StagePlan& s : p.stages) {
            if (s.name == "encode") return s;
        }
        return StagePlan();
    };
    const StagePlan image = stage(plan({.source = Source::image})),
                    video = stage(plan({.source = Source::video, .strength = 0.5}));
    EXPECT_GT(image.work.convolution, 0);
    EXPECT_GT(video.work.convolution, 5 * image.work.convolution);
    EXPECT_GT(video.bytes, image.bytes);
    reading = 1000;
    EXPECT_EQ(stage(plan({.source = Source::image})).bytes, image.bytes + reading);
    EXPECT_EQ(plan({}).stages.size(), 3U);
    EXPECT_EQ(plan({.source = Source::video, .strength = 1.0}).stages.size(), 3U);
    EXPECT_EQ(plan({.source = Source::image}, {.encode = true}).stages.size(), 3U);
    EXPECT_EQ(plan({.source = Source::video, .strength = 0.5}, {.steps = 1}).stages.size(), 3U);
    EXPECT_EQ(plan({.source = Source::image}, {.steps = 1}).stages.size(), 4U);
}

TEST_F(InputsTest, WrongInputsAreRefusedBeforeAnyWork) {
    const auto refused = [&](const Request& r, const std::vector<std::string>& says) {
        expect_invalid([&] { run(r); }, says);
        EXPECT_FALSE(fs::exists(r.job_folder()));
        EXPECT_FALSE(fs::exists(r.output));
    };
    const Request image = from_image("a", picture(64, 64)), video = from_video("a", 0.5);
    Request r = image;
    r.inputs.video = video.inputs.video;
    refused(r, {"--image and --video"});
    r = image;
    r.model = video.model;
    refused(r, {"--image", "text-to-video", "TI2V"});
    r = image;
    r.inputs.strength = 0.5;
    refused(r, {"--strength", "--video"});
    for (const double strength : {0.0, -1.0, 1.5, std::nan("")}) {
        r = video;
        r.inputs.strength = strength;
        refused(r, {"--strength", "more than 0"});
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
    refused(r, {"--solver unipc", "--strength", "0.5", "euler"});
    r = video;
    r.inputs.video = folder_ / "none";
    refused(r, {"none", "no such file"});
    r = request("b", "wan21-tiny");
    r.inputs.fit = Fit::stretch;
    refused(r, {"--fit"});
}

}  // namespace
}  // namespace t3video::pipeline
