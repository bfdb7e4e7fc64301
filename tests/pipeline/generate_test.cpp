// From prompt to film with the smallest model: files, resuming, crop.
#include "pipeline/generate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>
#include <set>

#include "checkpoint/tensor_source.h"
#include "core/log.h"
#include "pipeline/embed.h"
#include "pipeline/identity.h"
#include "pipeline/job_files.h"
#include "pipeline/models.h"
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
const fs::path kModel = kGolden / "wan21-tiny/model", kTokenizer = kGolden / "tokenizer/spiece.model";

class GenerateTest : public ::testing::Test {
  protected:
    GenerateTest() { set_quiet(true); }
    ~GenerateTest() override { set_quiet(false); }

    // Four steps of UniPC, whose state has a history, on a grid of 2x2x2 tokens.
    Request request(const std::string& name) const {
        Request r;
        r.prompt = "A red ball drifts left.";
        r.model = kModel;
        r.parts.tokenizer = kTokenizer;
        r.settings = {.width = 32,
                      .height = 32,
                      .frames = 5,
                      .steps = 4,
                      .fps = 8,
                      .cfg = 3,
                      .solver = "unipc",
                      .negative_prompt = "fog"};
        r.seed = 7;
        r.output = folder_ / (name + ".y4m");
        return r;
    }
    Result run(const Request& r) {
        Progress progress(false, true);
        return generate(ctx_, r, progress);
    }
    // Made anew, or from the job: a film that is there would stay.
    std::string film(const Request& r) {
        fs::remove(r.output);
        return read_file(run(r).video);
    }

    // The state after `step` steps of a finished job, computed apart from generate().
    sampling::SampleState state_after(int64_t step, const Request& r) {
        const Models models = load_models(find_model(r.model, r.parts));
        const Embeddings rows = read_stages(r.job_folder(), 1).embeddings.value();
        const auto text = [&](const Tensor& x) { return models.dit().embed_text(ctx_, x, kTextRows - x.dim(0)); };
        const models::TextContext positive = text(rows.positive), negative = text(rows.negative);
        const auto& solver = sampling::find_solver("unipc");
        sampling::SampleState kept;
        denoise(
            ctx_,
            [&](double) {
                return Guidance{models.dit(), &positive, &negative, 3.0};
            },
            t3::WindowPlan(ctx_, t3::full_attention({2, 2, 2})), solver, solver.schedule({.steps = 4, .shift = 5}),
            {.x = make_noise(ctx_, {16, 2, 4, 4}, r.seed, r.noise, 132)}, {},
            [&](const sampling::SampleState& state) {
                if (state.step == step) kept = state;
            });
        return kept;
    }
    // A job that was interrupted in this state: everything else is that of `finished`.
    void interrupted(const Request& finished, const Request& r, const sampling::SampleState& state) {
        fs::remove_all(r.job_folder());
        fs::copy(finished.job_folder(), r.job_folder());
        save(r, state);
    }

    static void save(const Request& r, const sampling::SampleState& state) {
        Job(r.job_folder(), request_of_job(r.job_folder())).save(state);
    }

    Context ctx_;
    TemporaryFolder folder_;
};

TEST_F(GenerateTest, MakesAFilm) {
    const Request r = request("ball");
    const Result result = run(r);
    EXPECT_EQ(result.video, r.output);
    EXPECT_EQ(result.contact_sheet, folder_ / "ball.png");
    EXPECT_EQ(result.job_folder, folder_ / "ball.job");
    EXPECT_EQ(result.settings.shift, 5);
    EXPECT_EQ(result.plan.grid, (Grid{2, 2, 2}));
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

TEST_F(GenerateTest, MakesAFolderOfPictures) {
    Request r = request("ball");
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

TEST_F(GenerateTest, RerunTakesTheJobAndGivesTheSameBytes) {
    const Request r = request("ball");
    const std::string first = film(r);
    fs::remove(r.output);
    EXPECT_EQ(film(r), first);

    // That the second film came from the job shows in a job that says something else.
    sampling::SampleState state = read_stages(r.job_folder(), 1).latents.value();
    EXPECT_EQ(state.step, 4);
    state.x = zeros(ctx_, state.x.shape());
    save(r, state);
    EXPECT_NE(film(r), first);
}

TEST_F(GenerateTest, SameRequestInAnotherPlaceGivesTheSameBytes) {
    const Request a = request("a");
    Request b = request("b");
    b.job = folder_ / "elsewhere";
    b.contact_sheet = false;
    EXPECT_EQ(film(a), film(b));
    EXPECT_EQ(read_file(a.job_folder() / "request.json"), read_file(folder_ / "elsewhere/request.json"));
    EXPECT_FALSE(fs::exists(folder_ / "b.png"));
    b.seed = 8;
    EXPECT_NE(film(a), film(b));
}

TEST_F(GenerateTest, InterruptedDenoisingGoesOn) {
    const Request whole = request("whole"), resumed = request("resumed");
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
        const auto further = read_stages(resumed.job_folder(), 1).latents.value().further;
        EXPECT_EQ(relative_error(further.at("cache"), state.further.at("cache")), 0);
        state.further.clear();
        // From another state it ends elsewhere: it did go on from there.
        state.x = randn(ctx_, state.x.shape(), 11);
        interrupted(whole, resumed, state);
        EXPECT_NE(film(resumed), expected) << "from step " << step;
    }
}

TEST_F(GenerateTest, DamagedOrForeignStagesAreMadeAgain) {
    const Request r = request("ball");
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

TEST_F(GenerateTest, AnotherRequestDoesNotUseTheJob) {
    Request r = request("ball"), other = request("other");
    const std::string first = film(r);
    const auto changed = [&](auto change) {
        change(r);
        change(other);
        fs::remove_all(other.job_folder());
        const std::string again = film(r);
        EXPECT_EQ(again, film(other));
        return again;
    };
    EXPECT_NE(changed([](Request& x) { x.prompt = "A green hill."; }), first);
    changed([](Request& x) { x.settings.negative_prompt = "rain"; });
    changed([](Request& x) { x.settings.steps = 3; });
    changed([](Request& x) { x.settings.cfg = 2; });
    changed([](Request& x) { x.settings.shift = 3; });
    changed([](Request& x) { x.settings.solver = "euler"; });
    changed([](Request& x) { x.seed = 9; });
    changed([](Request& x) { x.noise = NoiseSource::cuda; });
    changed([](Request& x) { x.multiprocessors = 2; });
    changed([](Request& x) { x.bf16_timesteps = true; });
    changed([](Request& x) { x.settings.frames = 9; });
    changed([](Request& x) { x.settings.height = 48; });
}

TEST_F(GenerateTest, LayoutIsPartOfTheRequest) {
    Request r = request("ball");
    const std::string full = film(r);
    r.layout = write_file(folder_ / "layout.json", R"({"grid": [2, 2, 2], "window_counts": [[2, 1, 1], [1, 2, 1]]})");
    EXPECT_NE(film(r), full);
    r.layout = write_file(folder_ / "ones.json", R"({"grid": [2, 2, 2], "window_counts": [[1, 1, 1]]})");
    EXPECT_EQ(film(r), full);
}

TEST_F(GenerateTest, LorasArePartOfTheRequest) {
    Request r = request("ball");
    const std::string without = film(r);
    const auto lora = [&](const char* name, uint32_t seed) {
        checkpoint::save_safetensors(
            folder_ / name, {{"diffusion_model.blocks.0.ffn.2.lora_A.weight", randn(ctx_, {2, 160}, seed)},
                             {"diffusion_model.blocks.0.ffn.2.lora_B.weight", randn(ctx_, {96, 2}, seed + 1)}});
        return folder_ / name;
    };
    r.parts.loras = {{lora("a.safetensors", 1), 0.5}};
    const std::string half = film(r);
    EXPECT_NE(half, without);
    EXPECT_EQ(film(r), half);
    r.parts.loras = {{folder_ / "a.safetensors", 1}};
    const std::string whole = film(r);
    EXPECT_NE(whole, half);
    r.parts.loras.push_back({lora("b.safetensors", 3), 1});
    const std::string both = film(r);
    EXPECT_NE(both, whole);
    lora("b.safetensors", 5);  // another file under the same name
    fs::last_write_time(folder_ / "b.safetensors", fs::file_time_type::clock::now() + std::chrono::seconds(9));
    EXPECT_NE(film(r), both);
    r.parts.loras = {{folder_ / "a.safetensors", 0}};
    EXPECT_EQ(film(r), without);
}

TEST_F(GenerateTest, CropsToTheSizeAskedFor) {
    Request r = request("ball");
    r.settings.width = 30;
    r.settings.height = 26;
    const Result result = run(r);
    EXPECT_EQ(result.plan.width, 32);
    EXPECT_EQ(result.plan.height, 32);
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
TEST_F(GenerateTest, DecodesTheSameFilmInBands) {
    for (const bool cropped : {false, true}) {
        Request r = request(cropped ? "cropped" : "ball");
        r.settings.height = cropped ? 508 : 512;
        r.settings.steps = 1;
        const std::string film_whole = film(r), sheet_whole = read_file(r.sheet_path());
        // A byte less than whole frames take.
        const ModelFiles files = find_model(r.model, r.parts);
        const Models models = load_models(files);
        const Film planned = make_film(files, models.traits(), r.settings, r.attention, r.layout);
        Machine machine = machine_of(ctx_);
        const Plan whole = plan_film(models, planned, machine);
        r.memory = static_cast<int64_t>(whole.stages.back().bytes) - 1;
        machine = machine_of(ctx_, r.memory);
        ASSERT_EQ(whole.band_rows, 0);
        ASSERT_GT(plan_film(models, planned, machine).band_rows, 0);
        EXPECT_EQ(film(r), film_whole);
        EXPECT_EQ(read_file(r.sheet_path()), sheet_whole);
    }
}

TEST_F(GenerateTest, WithoutGuidanceThereIsNoNegativePrompt) {
    Request r = request("ball");
    r.settings.cfg = 1;
    run(r);
    const auto embeddings = read_stages(r.job_folder(), 1).embeddings;
    ASSERT_TRUE(embeddings);
    EXPECT_FALSE(embeddings->negative.defined());
}

TEST_F(GenerateTest, PromptsNeedNotBeUtf8) {
    Request r = request("ball");
    r.prompt = "A red \xff\xfe ball";
    EXPECT_EQ(read_y4m(run(r).video).frames.size(), 5U);
}

// Not even what another film's job holds goes for one that does not fit.
TEST_F(GenerateTest, AFilmThatDoesNotFitTakesNoJob) {
    const Request first = request("ball");
    run(first);
    const std::string latents = read_file(first.job_folder() / "latents.safetensors");
    Request large = request("ball");
    large.settings.width = large.settings.height = 512;
    large.overwrite = true;
    large.memory = int64_t{110} << 20;
    expect_invalid([&] { run(large); }, {"may be used"});
    EXPECT_EQ(read_file(first.job_folder() / "latents.safetensors"), latents);
}

TEST_F(GenerateTest, JobFoldersAreNoOutput) {
    const Request first = request("ball");
    run(first);
    Request second = request("other");
    for (const fs::path& output : {first.job_folder(), first.job_folder() / ""}) {
        second.output = output;
        expect_invalid([&] { run(second); }, {"is a job folder"});
    }
}

// What a film is made from counts by its contents: not where it lies, what it is called, or when it was written.
TEST_F(GenerateTest, AModelThatIsTouchedMovedOrDumpedAgainIsTheSame) {
    Request r = request("ball");
    r.model = folder_ / "model";
    fs::copy(kModel, r.model, fs::copy_options::recursive);
    const fs::path shard = r.model / "part.safetensors",
                   index = r.model / "diffusion_pytorch_model.safetensors.index.json";
    fs::rename(r.model / "diffusion_pytorch_model.safetensors", shard);
    const auto write_index = [&](const std::string& name, const char* space) {
        std::string map;
        for (const auto& [tensor, stored] : checkpoint::open_tensors(r.model / name).tensors)
            map += concat(map.empty() ? "" : ",", space, "\"", tensor, "\": \"", name, "\"");
        std::ofstream(index) << "{" << space << "\"weight_map\": {" << map << "}}";
    };
    write_index("part.safetensors", " ");
    run(r);
    const std::string latents = read_file(r.job_folder() / "latents.safetensors");
    const auto goes_on = [&](const char* why) {
        fs::remove(r.output);
        // Only a job that goes on still has these.
        sampling::SampleState state = read_stages(r.job_folder(), 1).latents.value();
        state.x = zeros(ctx_, state.x.shape());
        save(r, state);
        run(r);
        const Tensor x = read_stages(r.job_folder(), 1).latents.value().x;
        EXPECT_EQ(x.data<float>()[0], 0) << why;
        EXPECT_FALSE(fs::exists(folder_ / "ball.1.job")) << why;
    };
    for (const auto& entry : fs::recursive_directory_iterator(r.model))
        if (entry.is_regular_file()) fs::last_write_time(entry.path(), fs::file_time_type::clock::now());
    goes_on("touched");
    fs::rename(shard, r.model / "renamed.safetensors");
    write_index("renamed.safetensors", "\n    ");
    goes_on("another shard name and index");
    std::ofstream(r.model / "config.json")
        << R"({"num_heads" :   )" << models::WanDit::load(index, kModel / "config.json").config().heads << "}";
    goes_on("another dump of the configuration");
    fs::rename(r.model, folder_ / "elsewhere");
    r.model = folder_ / "elsewhere";
    goes_on("moved");
    fs::copy(r.model / "Wan2.1_VAE.pth", r.model / "copy.pth");
    r.parts.vae = r.model / "copy.pth";
    goes_on("the latents do not depend on the VAE");
    // Other weights make another film, and the job of the first waits beside.
    std::string bytes = read_file(r.model / "renamed.safetensors");
    bytes[bytes.size() - 1] = static_cast<char>(bytes[bytes.size() - 1] ^ 1);
    write_file(r.model / "renamed.safetensors", bytes);
    fs::remove(r.output);
    run(r);
    EXPECT_TRUE(fs::exists(folder_ / "ball.1.job"));
    EXPECT_NE(read_file(r.job_folder() / "latents.safetensors"), latents);
}

// A film that is there stays as it is; without a name of its own it has one that its command finds again.
TEST_F(GenerateTest, AFinishedFilmIsFoundAgain) {
    const fs::path before = fs::current_path();
    fs::current_path(folder_.path());
    Request r = request("ball");
    r.output.clear();
    const Result first = run(r);
    EXPECT_FALSE(first.kept);
    EXPECT_EQ(first.video.stem(), "a-red-ball-drifts-left-7");
    const Result again = run(r);
    EXPECT_TRUE(again.kept);
    EXPECT_EQ(again.video, first.video);
    Request other = r;
    other.settings.steps = 3;
    EXPECT_EQ(run(other).video.stem(), "a-red-ball-drifts-left-7-2");
    EXPECT_TRUE(run(other).kept);
    EXPECT_TRUE(run(r).kept);
    fs::remove(first.video);
    EXPECT_EQ(run(r).video, first.video);
    // As another form it is written anew, in its place.
    r.settings.fps = 12;
    r.output = first.video;
    EXPECT_FALSE(run(r).kept);
    EXPECT_TRUE(run(r).kept);
    fs::current_path(before);
}

TEST_F(GenerateTest, ComputeTypeIsPartOfTheFilm) {
    const Request r = request("ball");
    run(r);
    const ModelFiles files = find_model(r.model, r.parts);
    const Models models = load_models(files);
    const Film film = make_film(files, models.traits(), r.settings, r.attention, r.layout);
    const auto identity = [&](DType type) { return film_identity(r, files, models, film, {}, type); };
    EXPECT_EQ(holder_of(r.job_folder(), identity(DType::f32)), Holder::film);
    EXPECT_EQ(holder_of(r.job_folder(), identity(DType::bf16)), Holder::another);
}

TEST_F(GenerateTest, WrongRequestsLeaveNothingBehind) {
    const auto refused = [&](auto change, const std::vector<std::string>& says) {
        Request r = request("ball");
        change(r);
        expect_invalid([&] { run(r); }, says);
        EXPECT_TRUE(fs::is_empty(folder_.path())) << ::testing::PrintToString(says);
    };
    refused([](Request& r) { r.prompt = " \t\n"; }, {"--prompt is empty"});
    refused([](Request& r) { r.crf = 52; }, {"--crf 52", "not compressed with loss"});
    refused([](Request& r) { r.multiprocessors = 0; }, {"--multiprocessors 0", "1 to 1024"});
    refused([](Request& r) { r.output.replace_extension(".avi"); }, {".avi", ".mp4"});
    refused([](Request& r) { r.output = "/nonexistent/film.y4m"; }, {"/nonexistent", "does not exist"});
    refused([](Request& r) { r.output = "/nonexistent/frames/"; }, {"/nonexistent", "does not exist"});
    refused([](Request& r) { r.output.replace_extension(".png"); }, {"ball.png", "%05d"});
    refused([](Request& r) { r.model = "/nonexistent"; }, {"/nonexistent", "does not exist"});
    refused([](Request& r) { r.parts.tokenizer.clear(); }, {"spiece.model", "--tokenizer"});
    refused(
        [](Request& r) {
            r.parts.loras = {{"/nonexistent.safetensors", 1}};
        },
        {"--lora /nonexistent.safetensors", "no such file"});
    refused(
        [](Request& r) {
            r.parts.loras = {{kModel / "diffusion_pytorch_model.safetensors", 1}};
        },
        {"diffusion_pytorch_model.safetensors", "'blocks.0.cross_attn.k.bias' is no key of a LoRA file"});
    refused([](Request& r) { r.settings.steps = 0; }, {"--steps 0"});
    refused([](Request& r) { r.settings.frames = 6; }, {"--frames 6", "5"});
    refused([](Request& r) { r.settings.width = 8; }, {"8x32"});
    refused([](Request& r) { r.attention = Attention::t3; }, {"--attention t3", "2x2x2"});
    refused([](Request& r) { r.layout = kGolden / "wan21-tiny/t3-layout.json"; }, {"3x8x12", "2x2x2"});
}

}  // namespace
}  // namespace t3video::pipeline
