// Whole runs of a tiny model: they learn, go on as if nothing had been, and give what they learned.
#include "training/run/run.h"

#include <gtest/gtest.h>

#include <set>

#include "checkpoint/tensor_source.h"
#include "core/output_file.h"
#include "media/input/film_reader.h"
#include "support/errors.h"
#include "support/runs.h"
#include "training/report/log_entries.h"
#include "training/run/run_folder.h"

namespace t3video::training {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class Runs : public ::testing::Test {
  protected:
    RunOptions options(const std::string& output, int64_t updates = 10) {
        return tiny_run(folder_ / "clips", folder_ / output, updates);
    }
    void make_clips(const ShardsOf& of = {}, const std::string& name = "clips") {
        write_shards(folder_ / name, session_.open(tiny_model()), of);
    }
    RunResult begin(const RunOptions& o, std::stop_token stop = {}) {
        listener_ = {};
        return begin_run(session_, o, listener_, stop);
    }
    // Ends it after so many updates, as Ctrl-C does.
    void begin_and_stop(const RunOptions& o, int64_t after) {
        std::stop_source source;
        listener_ = {};
        listener_.at = [&](const RunProgress& p) {
            if (p.update == after) source.request_stop();
        };
        EXPECT_THROW(begin_run(session_, o, listener_, source.get_token()), Stopped);
    }
    RunResult resume(const std::string& output, const ResumeChoices& choices = {}) {
        listener_ = {};
        return resume_run(session_, folder_ / output, choices, listener_, {});
    }

    const TemporaryFolder folder_;
    session::Session session_{Context(2), 0, session::Lifetime::one_film};
    RunListener listener_;
};

// Updates without what a clock says.
std::vector<std::string> log_of(const fs::path& run) {
    std::vector<std::string> lines;
    std::istringstream text(read_file(run / "log.jsonl"));
    for (std::string line; std::getline(text, line);) {
        auto entry = nlohmann::json::parse(line);
        const std::string kind = entry["kind"];
        if (kind != "update" && kind != "validation" && kind != "moved") continue;
        entry.erase("seconds");
        entry.erase("memory_bytes");
        lines.push_back(entry.dump());
    }
    return lines;
}

// Of two films, the mean over all samples, in levels of 255.
double difference(const fs::path& a, const fs::path& b) {
    const auto first = media::open_frames(a), second = media::open_frames(b);
    media::Image x, y;
    double sum = 0, count = 0;
    while (first->read(x)) {
        EXPECT_TRUE(second->read(y));
        for (size_t i = 0; i < x.rgb.size(); ++i, ++count) sum += std::abs(int{x.rgb[i]} - int{y.rgb.at(i)});
    }
    return sum / count;
}

TEST_F(Runs, LearnAndSaySo) {
    make_clips({.clips = 24});
    const RunResult result = begin(options("run", 30));
    const Log log = read_log(folder_ / "run/log.jsonl");
    ASSERT_EQ(log.updates.size(), 30U);
    ASSERT_EQ(log.validations.size(), 2U);   // before and behind
    EXPECT_EQ(log.validations[0].clips, 1);  // one of twenty
    EXPECT_LT(log.validations[1].mean, 0.9 * log.validations[0].mean);
    for (size_t i = 0; i < 5; ++i) EXPECT_EQ(log.validations[0].losses[i].first, (std::array{.1, .3, .5, .7, .9}[i]));
    ASSERT_EQ(log.moved.size(), 1U);
    EXPECT_EQ(log.moved[0].update, 20);
    EXPECT_GT(log.moved[0].share, 0.01);
    EXPECT_TRUE(listener_.noted("After 20 updates outputs have moved"));
    EXPECT_EQ(log.end, "done");
    EXPECT_EQ(listener_.updates.back().update, 30);
    EXPECT_NE(read_file(result.report).find("<svg"), std::string::npos);
    EXPECT_EQ(result.exported.file, folder_ / "run/model/diffusion_pytorch_model.safetensors");
    // Kept: the newest three of 4, 8, ... 28, 30.
    std::vector<int64_t> kept;
    for (const Checkpoint& c : RunFolder::open(folder_ / "run").checkpoints()) kept.push_back(c.update);
    EXPECT_EQ(kept, (std::vector<int64_t>{24, 28, 30}));
}

TEST_F(Runs, GoOnWithTheSameBits) {
    make_clips({.clips = 21});
    make_clips({.clips = 3, .width = 96, .seed = 7});  // a further bucket
    std::vector<RunOptions> kinds;
    kinds.push_back(options("all"));
    kinds.back().optimizer = {.moments_in_8_bits = true, .ema = 0.9};
    kinds.back().together = 2;
    kinds.push_back(options("lora"));
    kinds.back().rank = 4;
    kinds.back().accumulate = 2;
    kinds.back().validate_every = 3;
    for (const RunOptions& whole : kinds) {
        SCOPED_TRACE(whole.output);
        const RunResult expected = begin(whole);
        RunOptions cut = whole;
        cut.output += "-cut";
        begin_and_stop(cut, 6);
        EXPECT_FALSE(fs::exists(cut.output / "model")) << "an unfinished run exports nothing";
        const RunResult found = resume(cut.output.filename());
        EXPECT_TRUE(read_file(found.exported.file) == read_file(expected.exported.file));
        EXPECT_EQ(log_of(cut.output), log_of(whole.output));
        EXPECT_TRUE(read_file(RunFolder::open(cut.output).checkpoint_path(10)) ==
                    read_file(RunFolder::open(whole.output).checkpoint_path(10)));
    }
}

// Stopped before its first update, or killed before its first checkpoint.
TEST_F(Runs, GoOnFromTheBeginning) {
    make_clips();
    const RunResult expected = begin(options("whole", 3));
    RunOptions killed = options("killed", 3);
    killed.save_every = 2;
    begin_and_stop(killed, 1);
    fs::remove_all(killed.output / "checkpoints");
    EXPECT_TRUE(read_file(resume("killed").exported.file) == read_file(expected.exported.file));
    EXPECT_EQ(log_of(killed.output), log_of(folder_ / "whole"));
    // And a little further.
    const RunResult further = resume("killed", {.updates = 5});
    EXPECT_EQ(further.updates, 5);
    EXPECT_TRUE(read_file(further.exported.file) != read_file(expected.exported.file));
    expect_invalid([&] { resume("killed", {.updates = 2}); }, {"has 5 updates", "2"});
}

TEST_F(Runs, StagesFollowOneAnother) {
    make_clips({.clips = 3});
    make_clips({.clips = 4, .frames = 9, .seed = 3}, "longer");
    RunOptions o = options("run");
    o.stages = {{folder_ / "clips", 3}, {folder_ / "longer", 2}};
    o.schedule.warm_up_updates = 2;
    begin(o);
    const Log log = read_log(o.output / "log.jsonl");
    ASSERT_EQ(log.updates.size(), 5U);
    EXPECT_EQ(log.updates[2].stage, 0);
    EXPECT_EQ(log.updates[3].stage, 1);
    EXPECT_DOUBLE_EQ(log.updates[2].rate, 1e-3);
    EXPECT_DOUBLE_EQ(log.updates[3].rate, 5e-4) << "each stage warms up";
    // The windows that are exported are the last stage's.
    EXPECT_EQ(t3::read_layout(o.output / "model/t3-layout.json").grid, (Grid{3, 2, 4}));
    const RunPlan& plan = listener_.plan.value();
    ASSERT_EQ(plan.buckets.size(), 2U);
    EXPECT_EQ(plan.buckets[1].bucket.frames, 9);
    EXPECT_GT(plan.buckets[1].step.bytes, plan.buckets[0].step.bytes);
    EXPECT_GT(plan.seconds, 0);
}

TEST_F(Runs, OneBranchAndFullAttention) {
    make_clips({.frames = 9, .width = 96, .height = 64});
    RunOptions o = options("close", 1);
    o.branches = t3::Branches::close;
    begin(o);
    for (const t3::Pattern& p : t3::read_layout(o.output / "model/t3-layout.json").patterns)
        EXPECT_EQ(p.branches, t3::Branches::close);
    RunOptions both = options("both", 1);
    begin(both);
    EXPECT_TRUE(read_file(o.output / "model/diffusion_pytorch_model.safetensors") !=
                read_file(both.output / "model/diffusion_pytorch_model.safetensors"));
    RunOptions full = options("full", 1);
    full.attention = film::Attention::full;
    full.layout.clear();
    begin(full);
    EXPECT_EQ(t3::read_layout(full.output / "model/t3-layout.json"), t3::full_attention({3, 4, 6}));
}

// The film that a run makes of its own weights is that of what it exports, as others load it.
TEST_F(Runs, ExportedWeightsGiveTheRunsOwnFilm) {
    make_clips({.frames = 9, .width = 96, .height = 64});
    for (const int64_t rank : {0, 4}) {
        SCOPED_TRACE(rank);
        RunOptions o = options(rank > 0 ? "lora" : "all", 3);
        o.rank = rank;
        o.prompts = {"A red ball drifts left.", "fog"};
        o.sample_steps = 3;
        const RunResult result = begin(o);
        const Log log = read_log(o.output / "log.jsonl");
        ASSERT_EQ(log.samples.size(), 1U);
        film::Request request = tiny_model();
        if (rank > 0) {
            request.parts.loras = {{.file = result.exported.file}};
        } else {
            request.parts.dit = result.exported.file;
        }
        request.settings = {.width = 96, .height = 64, .frames = 9, .steps = 3, .fps = 8};
        for (size_t i = 0; i < 2; ++i) {
            request.prompt = o.prompts[i];
            request.seed = i;
            const fs::path sample = o.output / log.samples[0].films[i].film;
            request.output = folder_ / concat(rank, '-', i, sample.extension().string());
            request.record = false;
            Listener listener;
            session_.make(request, listener);
            // A LoRA that is merged into its matrices rounds otherwise than beside them.
            EXPECT_LT(difference(request.output, sample), rank > 0 ? 0.5 : 1e-9) << "prompt " << i;
        }
        // The base would make another one.
        request.parts.loras.clear();
        request.parts.dit.clear();
        request.layout = result.exported.layout;
        request.output = folder_ / concat(rank, "-base", request.output.extension().string());
        Listener listener;
        session_.make(request, listener);
        EXPECT_GT(difference(request.output, o.output / log.samples[0].films[1].film), 2);
    }
}

TEST_F(Runs, BrokenClipsAreLeftOutWithALine) {
    make_clips({.clips = 4, .not_a_number = 2});
    begin(options("run", 8));
    ASSERT_EQ(listener_.warnings.size(), 1U) << "once";
    EXPECT_TRUE(listener_.warned("clip2.mp4") && listener_.warned("left out"));
    size_t samples = 0;
    for (const Log::Update& update : read_log(folder_ / "run/log.jsonl").updates) samples += update.losses.size();
    EXPECT_EQ(samples, 12U) << "four epochs of two batches, of three clips that are whole";
}

TEST_F(Runs, WithoutAnyUsableClipTheyEnd) {
    make_clips({.clips = 1, .not_a_number = 0});
    RunOptions o = options("run", 30);
    expect_invalid([&] { begin(o); }, {"updates", "no clip that can be used"});
}

TEST_F(Runs, WhatLearnsNothingIsWarnedOf) {
    make_clips();
    RunOptions o = options("run", 20);
    o.rate = 1e-9;
    begin(o);
    EXPECT_TRUE(listener_.warned("After 20 updates") && listener_.warned("rate"));
}

TEST_F(Runs, WhatDoesNotFitIsRefusedBeforeTheFirstStep) {
    make_clips();
    make_clips({.of_another_vae = true}, "foreign");
    RunOptions foreign = options("run");
    foreign.stages = {{folder_ / "foreign"}};
    expect_invalid([&] { begin(foreign); }, {"foreign", "another VAE", "encode the clips again"});
    foreign = options("run");
    foreign.validation = folder_ / "foreign";
    expect_invalid([&] { begin(foreign); }, {"foreign", "another VAE"});
    RunOptions nothing = options("run");
    nothing.stages = {{folder_ / "nothing"}};
    expect_invalid([&] { begin(nothing); }, {"nothing", "no such folder"});
    EXPECT_FALSE(fs::exists(folder_ / "run")) << "nothing was begun";

    write_file(folder_ / "full/cat.mp4", "a film");
    expect_invalid([&] { begin(options("full")); }, {"full", "holds files"});
    EXPECT_EQ(read_file(folder_ / "full/cat.mp4"), "a film");
    begin(options("run", 1));
    expect_invalid([&] { begin(options("run", 1)); }, {"a run was begun there", "resume"});
    expect_invalid([&] { resume("full"); }, {"run.json"});
}

TEST_F(Runs, MemoryThatDoesNotDoIsRefusedWithWhatWould) {
    make_clips();
    session::Session small(Context(2), int64_t{40} << 20, session::Lifetime::one_film);
    RunListener listener;
    expect_invalid([&] { begin_run(small, options("run"), listener, {}); }, {"take", "may be used"});
    EXPECT_FALSE(fs::exists(folder_ / "run"));
}

TEST_F(Runs, OtherDataOrAnotherModelEndsAResume) {
    make_clips();
    begin_and_stop(options("run"), 4);
    fs::remove_all(folder_ / "clips");
    make_clips({.clips = 5});
    expect_invalid([&] { resume("run"); }, {"run.json", "changed since the run began", "encoded clips"});
    fs::remove_all(folder_ / "clips");
    make_clips();
    // A state of another run under the name of this one's.
    RunOptions lora = options("lora", 4);
    lora.rank = 4;
    begin(lora);
    const fs::path file = RunFolder::open(folder_ / "run").checkpoint_path(4), good = read_file(file);
    fs::copy_file(RunFolder::open(folder_ / "lora").checkpoint_path(4), file, fs::copy_options::overwrite_existing);
    expect_invalid([&] { resume("run"); }, {file.string(), "of another run"});
    write_file(file, "{}");
    expect_invalid([&] { resume("run"); }, {file.string()});
    write_file(file, good);
    resume("run");
}

TEST_F(Runs, OtherWindowsEndAResume) {
    make_clips({.frames = 9, .width = 96, .height = 64});
    RunOptions o = options("run");
    o.layout = folder_ / "layout.json";
    fs::copy_file(kGolden / "wan21-tiny/t3-layout.json", o.layout);
    begin_and_stop(o, 4);
    t3::write_layout(o.layout, {{3, 8, 12}, {{1, 2, 2}}});
    expect_invalid([&] { resume("run"); }, {"run.json", "window layout"});
}

// What is refused leaves the record as it was.
TEST_F(Runs, ARefusedResumeChangesNothing) {
    make_clips();
    begin_and_stop(options("run"), 4);
    const std::string record = read_file(folder_ / "run/run.json");
    expect_invalid([&] { resume("run", {.updates = 2}); }, {"has 4 updates", "2"});
    const fs::path file = RunFolder::open(folder_ / "run").checkpoint_path(4),
                   older = folder_ / "run/checkpoints/000002.safetensors";
    const std::string good = read_file(file);
    write_file(older, good);
    write_file(file, good.substr(0, good.size() / 2));
    expect_invalid([&] { resume("run", {.updates = 12}); }, {file.string(), "goes on from " + older.string()});
    EXPECT_EQ(read_file(folder_ / "run/run.json"), record);
    write_file(file, good);
    fs::remove(older);
    // What only tells of the run may be gone.
    fs::remove(folder_ / "run/log.jsonl");
    write_file(folder_ / "run/base-outputs.safetensors", "");
    resume("run");
    EXPECT_TRUE(listener_.warned("base-outputs.safetensors"));
}

TEST_F(Runs, OfTheLastStageMoreUpdatesMayBeAsked) {
    make_clips({.clips = 3});
    RunOptions o = options("run", 3);
    o.stages = {{folder_ / "clips", 2}, {folder_ / "clips"}};
    begin(o);
    EXPECT_EQ(resume("run", {.updates = 5}).updates, 7);
    EXPECT_EQ(read_log(o.output / "log.jsonl").run.stages.at(1).updates, 5);
}

TEST_F(Runs, NamesAndPromptsMayBeAnyBytes) {
    make_clips();
    RunOptions o = options("run-\xff", 1);
    o.prompts = {"bad \xff byte"};
    o.sample_steps = 1;
    EXPECT_EQ(begin(o).updates, 1);
    EXPECT_EQ(resume("run-\xff", {.updates = 2}).updates, 2);
}

TEST_F(Runs, TwoDoNotWorkInOneFolder) {
    make_clips();
    begin(options("run", 1));
    const RunFolder held = RunFolder::open(folder_ / "run");
    expect_invalid([&] { resume("run", {.updates = 2}); }, {"another process"});
}

TEST_F(Runs, FromScratchNothingIsOfTheModel) {
    make_clips();
    RunOptions o = options("run", 1);
    o.from_scratch = true;
    begin(o);
    const auto found = checkpoint::open_tensors(o.output / "model/diffusion_pytorch_model.safetensors");
    const auto values = found.at("blocks.0.self_attn.q.weight").span<float>();
    double size = 0;
    for (const float x : values) size += double{x} * x;
    EXPECT_NEAR(size / static_cast<double>(values.size()), 2.0 / (96 + 96), 1e-3) << "Glorot's variance";
    const Log log = read_log(o.output / "log.jsonl");
    EXPECT_TRUE(log.moved.empty()) << "from nothing";
    EXPECT_NEAR(log.updates.at(0).loss, 1.5, 0.6) << "it answers 0: the loss is the variance of noise and clip";
}

}  // namespace
}  // namespace t3video::training
