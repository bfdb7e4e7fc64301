// From prompt to film with the smallest model: files, resuming, crop.
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "session/make_fixture.h"
#include "support/errors.h"
#include "support/images.h"
#include "support/tensors.h"

namespace t3video::session {
namespace {

TEST_F(MakeTest, MakesAFilm) {
    const film::Request r = request("ball");
    const Result result = run(r);
    EXPECT_EQ(result.video, r.output);
    EXPECT_EQ(result.contact_sheet, folder_ / "ball.png");
    EXPECT_EQ(result.job_folder, folder_ / "ball.job");
    EXPECT_EQ(result.settings.shift, 5);
    EXPECT_EQ(result.size.grid, (Grid{2, 2, 2}));
    const Y4m film = read_y4m(result.video);
    EXPECT_EQ(film.frames.size(), 5U);
    EXPECT_EQ(film.width, 32);
    EXPECT_EQ(film.height, 32);
    EXPECT_EQ(film.fps, "8:1");
    EXPECT_GT(read_png(result.contact_sheet).width, 3 * 32);
    std::set<std::string> left;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path()))
        left.insert(fs::relative(entry.path(), folder_.path()));
    EXPECT_EQ(left, (std::set<std::string>{"ball.y4m", "ball.png", "ball.job", "ball.job/request.json",
                                           "ball.job/embeddings.safetensors", "ball.job/latents.safetensors",
                                           "ball.job/decode.json", "ball.job/files.json"}));
}

TEST_F(MakeTest, MakesAFolderOfPictures) {
    film::Request r = request("ball");
    const std::string before = read_y4m(run(r).video).frames.at(4);
    r.output = folder_ / "frames/";
    fs::rename(folder_ / "ball.job", folder_ / "frames.job");  // the same latents
    const Result result = run(r);
    EXPECT_FALSE(fs::exists(folder_ / "ball.job"));
    EXPECT_EQ(result.contact_sheet, folder_ / "frames.png");
    EXPECT_TRUE(read_png(result.contact_sheet) == read_png(folder_ / "ball.png"));
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_ / "frames")) names.insert(entry.path().filename());
    EXPECT_EQ(names, (std::set<std::string>{"00000.png", "00001.png", "00002.png", "00003.png", "00004.png"}));
    // The same frame as in the file: luma of its first pixel.
    const media::Image last = read_png(folder_ / "frames/00004.png");
    const double luma = 0.2126 * last.rgb[0] + 0.7152 * last.rgb[1] + 0.0722 * last.rgb[2];
    EXPECT_NEAR(static_cast<uint8_t>(before[0]), 16 + 219 * luma / 255, 0.6);
}

// One frame of odd sides as a picture of its own; what lies beside it has other names.
TEST_F(MakeTest, MakesOnePicture) {
    film::Request r = request("ball");
    r.output = folder_ / "one.png";
    expect_invalid([&] { run(r); }, {"one.png is one picture", "5 frames", "%05d.png", "frames 1"});
    EXPECT_FALSE(fs::exists(folder_ / "one.job"));
    r.settings.frames = 1;
    r.settings.width = 31;
    r.settings.height = 27;
    const Result result = run(r);
    EXPECT_EQ(result.video, folder_ / "one.png");
    EXPECT_TRUE(result.contact_sheet.empty());
    const media::Image picture = read_png(folder_ / "one.png");
    EXPECT_EQ(picture.width, 31);
    EXPECT_EQ(picture.height, 27);
    EXPECT_TRUE(run(r).was_there);
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path())) names.insert(entry.path().filename());
    EXPECT_EQ(names, (std::set<std::string>{"one.png", "one.job"}));

    // Decoded to another name, whose contact sheet would have the picture's: it takes one of its own.
    const std::string bytes = read_file(folder_ / "one.png");
    r.output = folder_ / "one.y4m";
    r.job = folder_ / "one.job";
    EXPECT_EQ(session_.decode(r, observer_).contact_sheet, folder_ / "one.sheet.png");
    EXPECT_EQ(read_file(folder_ / "one.png"), bytes);
}

// Where no table is for the size, windows of the published one's extents: on a grid of two frames of four tokens, some
// patterns are full attention, and one has the frames.
TEST_F(MakeTest, WindowsForAnySize) {
    film::Request r = request("ball");
    const std::string full = film(r);
    r.attention = film::Attention::t3;
    r.output = folder_ / "windows.y4m";
    EXPECT_NE(film(r), full);
    EXPECT_TRUE(run(r).was_there);
}

TEST_F(MakeTest, RerunTakesTheJobAndGivesTheSameBytes) {
    const film::Request r = request("ball");
    const std::string first = film(r);
    fs::remove(r.output);
    EXPECT_EQ(film(r), first);

    // That the second film came from the job shows in a job that says something else.
    sampling::SampleState state = job::read_stages(r.job_folder(), 1).latents.value();
    EXPECT_EQ(state.step, 4);
    state.x = zeros(ctx_, state.x.shape());
    save(r, state);
    EXPECT_NE(film(r), first);
}

TEST_F(MakeTest, SameRequestInAnotherPlaceGivesTheSameBytes) {
    const film::Request a = request("a");
    film::Request b = request("b");
    b.job = folder_ / "elsewhere";
    b.contact_sheet = false;
    EXPECT_EQ(film(a), film(b));
    nlohmann::json one = job::request_of_job(a.job_folder()), other = job::request_of_job(folder_ / "elsewhere");
    EXPECT_EQ(one["output"], a.output.string());
    EXPECT_EQ(other["output"], b.output.string());
    one.erase("output");
    other.erase("output");
    EXPECT_EQ(one, other);
    EXPECT_FALSE(fs::exists(folder_ / "b.png"));
    b.seed = 8;
    EXPECT_NE(film(a), film(b));
}

TEST_F(MakeTest, InterruptedDenoisingGoesOn) {
    const film::Request whole = request("whole"), resumed = request("resumed");
    const std::string expected = film(whole);
    for (const int64_t step : {1, 2, 3}) {
        sampling::SampleState state = state_after(step, whole);
        ASSERT_EQ(state.step, step);
        interrupted(whole, resumed, state);
        EXPECT_EQ(film(resumed), expected) << "from step " << step;
        EXPECT_EQ(read_file(resumed.job_folder() / "latents.safetensors"),
                  read_file(whole.job_folder() / "latents.safetensors"));
        // What others remember goes on with it.
        state.further["cache"] = randn(ctx_, {3, 2}, 12);
        interrupted(whole, resumed, state);
        EXPECT_EQ(film(resumed), expected) << "from step " << step;
        const auto further = job::read_stages(resumed.job_folder(), 1).latents.value().further;
        EXPECT_EQ(relative_error(further.at("cache"), state.further.at("cache")), 0);
        state.further.clear();
        // From another state it ends elsewhere: it did go on from there.
        state.x = randn(ctx_, state.x.shape(), 11);
        interrupted(whole, resumed, state);
        EXPECT_NE(film(resumed), expected) << "from step " << step;
    }
}

TEST_F(MakeTest, DamagedOrForeignStagesAreMadeAgain) {
    const film::Request r = request("ball");
    const std::string expected = film(r);
    const auto restore = [&](auto damage) {
        damage();
        EXPECT_EQ(film(r), expected);
    };
    restore([&] { write_file(r.job_folder() / "latents.safetensors", "damaged"); });
    restore([&] {
        write_file(r.job_folder() / "embeddings.safetensors", "damaged");
        fs::remove(r.job_folder() / "latents.safetensors");
    });
    restore([&] { save(r, {2, randn(ctx_, {16, 1, 4, 4}, 1), {}}); });
    restore([&] { save(r, {5, randn(ctx_, {16, 2, 4, 4}, 1), {}}); });  // of 4 steps
    restore([&] {
        Tensor x = randn(ctx_, {16, 2, 4, 4}, 1);
        x.data<float>()[0] = std::numeric_limits<float>::quiet_NaN();
        save(r, {2, x, {}});
    });
}

TEST_F(MakeTest, CropsToTheSizeAskedFor) {
    film::Request r = request("ball");
    r.settings.width = 30;
    r.settings.height = 26;
    const Result result = run(r);
    EXPECT_EQ(result.size.width, 32);
    EXPECT_EQ(result.size.height, 32);
    const Y4m film = read_y4m(result.video);
    EXPECT_EQ(film.frames.size(), 5U);
    EXPECT_EQ(film.width, 30);
    EXPECT_EQ(film.height, 26);
    // The middle of the whole film, whose job serves both: cropping comes after the latents.
    const auto before = fs::last_write_time(r.job_folder() / "latents.safetensors");
    r.settings.width = r.settings.height = 32;
    run(r);
    EXPECT_EQ(fs::last_write_time(r.job_folder() / "latents.safetensors"), before);
}

// Too little memory for whole frames: low bands. The same latents, the same file, cropped or not.
TEST_F(MakeTest, DecodesTheSameFilmInBands) {
    for (const bool cropped : {false, true}) {
        film::Request r = request(cropped ? "cropped" : "ball");
        r.settings.height = cropped ? 508 : 512;
        r.settings.steps = 1;
        const std::string film_whole = film(r), sheet_whole = read_file(r.sheet_path());
        // A byte less than whole frames take.
        const plan::StagePlan whole = *observer_.plan->find("decode");
        ASSERT_EQ(whole.band_rows, 0);
        Session tight(Context(), static_cast<int64_t>(whole.bytes) - 1);
        fs::remove(r.output);
        tight.make(r, observer_);
        ASSERT_GT(observer_.plan->find("decode")->band_rows, 0);
        EXPECT_EQ(read_file(r.output), film_whole);
        EXPECT_EQ(read_file(r.sheet_path()), sheet_whole);
    }
}

TEST_F(MakeTest, WithoutGuidanceThereIsNoNegativePrompt) {
    film::Request r = request("ball");
    r.settings.cfg = 1;
    run(r);
    const auto embeddings = job::read_stages(r.job_folder(), 1).embeddings;
    ASSERT_TRUE(embeddings);
    EXPECT_FALSE(embeddings->negative.defined());
}

// Not even what another film's job holds goes for one that does not fit.
TEST_F(MakeTest, AFilmThatDoesNotFitTakesNoJob) {
    const film::Request first = request("ball");
    run(first);
    const std::string latents = read_file(first.job_folder() / "latents.safetensors");
    film::Request large = request("ball");
    large.settings.width = large.settings.height = 512;
    large.overwrite = true;
    Session small(Context(), int64_t{110} << 20);
    expect_invalid([&] { small.make(large, observer_); }, {"may be used"});
    EXPECT_TRUE(observer_.stages.size() == 3U) << "only those of the first film";
    EXPECT_EQ(read_file(first.job_folder() / "latents.safetensors"), latents);
}

TEST_F(MakeTest, JobFoldersAreNoOutput) {
    const film::Request first = request("ball");
    run(first);
    film::Request second = request("other");
    for (const fs::path& output : {first.job_folder(), first.job_folder() / ""}) {
        second.output = output;
        expect_invalid([&] { run(second); }, {"is a job folder"});
    }
}

// A film that is there stays as it is; without a name of its own it has one that its command finds again.
TEST_F(MakeTest, AFinishedFilmIsFoundAgain) {
    const fs::path before = fs::current_path();
    fs::current_path(folder_.path());
    film::Request r = request("ball");
    r.output.clear();
    const Result first = run(r);
    EXPECT_FALSE(first.was_there);
    EXPECT_EQ(first.video.stem(), "a-red-ball-drifts-left-7");
    const Result again = run(r);
    EXPECT_TRUE(again.was_there);
    EXPECT_EQ(again.video, first.video);
    film::Request other = r;
    other.settings.steps = 3;
    EXPECT_EQ(run(other).video.stem(), "a-red-ball-drifts-left-7-2");
    EXPECT_TRUE(run(other).was_there);
    EXPECT_TRUE(run(r).was_there);
    fs::remove(first.video);
    EXPECT_EQ(run(r).video, first.video);
    // As another form it is written anew, in its place.
    r.settings.fps = 12;
    r.output = first.video;
    EXPECT_FALSE(run(r).was_there);
    EXPECT_TRUE(run(r).was_there);
    fs::current_path(before);
}

TEST_F(MakeTest, WrongRequestsLeaveNothingBehind) {
    const auto refused = [&](auto change, const std::vector<std::string>& says) {
        film::Request r = request("ball");
        change(r);
        expect_invalid([&] { run(r); }, says);
        EXPECT_TRUE(fs::is_empty(folder_.path())) << ::testing::PrintToString(says);
    };
    refused([](film::Request& r) { r.prompt = " \t\n"; }, {"prompt is empty"});
    refused([](film::Request& r) { r.crf = 52; }, {"crf 52", "not compressed with loss"});
    refused([](film::Request& r) { r.multiprocessors = 0; }, {"multiprocessors 0", "1 to 1024"});
    refused([](film::Request& r) { r.output.replace_extension(".avi"); }, {".avi", ".mp4"});
    refused([](film::Request& r) { r.output = "/nonexistent/film.y4m"; }, {"/nonexistent", "does not exist"});
    refused([](film::Request& r) { r.output = "/nonexistent/frames/"; }, {"/nonexistent", "does not exist"});
    refused([](film::Request& r) { r.output.replace_extension(".png"); }, {"ball.png", "%05d"});
    refused([](film::Request& r) { r.model = "/nonexistent"; }, {"/nonexistent", "does not exist"});
    refused([](film::Request& r) { r.parts.tokenizer.clear(); }, {"spiece.model", "tokenizer"});
    refused(
        [](film::Request& r) {
            r.parts.loras = {{"/nonexistent.safetensors", 1}};
        },
        {"lora /nonexistent.safetensors", "no such file"});
    refused(
        [](film::Request& r) {
            r.parts.loras = {{(kGolden / "wan21-tiny/model") / "diffusion_pytorch_model.safetensors", 1}};
        },
        {"diffusion_pytorch_model.safetensors", "'blocks.0.cross_attn.k.bias' is no key of a LoRA file"});
    refused([](film::Request& r) { r.settings.steps = 0; }, {"steps 0"});
    refused([](film::Request& r) { r.settings.frames = 6; }, {"frames 6", "5"});
    refused([](film::Request& r) { r.settings.width = 8; }, {"8x32"});
    refused([](film::Request& r) { r.layout = kGolden / "wan21-tiny/t3-layout.json"; }, {"3x8x12", "2x2x2"});
}

}  // namespace
}  // namespace t3video::session
