// Training runs on a GPU: with --deterministic they go on from a checkpoint with the same bits, and they learn as on
// the CPU.
#include <gtest/gtest.h>

#include "ops/devices.h"
#include "support/runs.h"
#include "training/report/log_entries.h"
#include "training/run/run_folder.h"

namespace t3video::training {
namespace {

using namespace testing;

class GpuRuns : public ::testing::Test {
  protected:
    void SetUp() override {
        if (ops::cuda_devices().empty()) GTEST_SKIP() << "no GPU";
        session::Session session(Context(1), 0, session::Lifetime::one_film);
        write_shards(folder_ / "clips", session.open(tiny_model()),
                     {.clips = 21, .frames = 9, .width = 96, .height = 64});
        write_shards(folder_ / "clips", session.open(tiny_model()),
                     {.clips = 3, .frames = 5, .width = 160, .height = 96});
    }
    static session::Session make_session(DType type) {
        return session::Session(ops::make_context({.device = {Device::cuda}, .compute_type = type}), 0,
                                session::Lifetime::one_film);
    }
    RunOptions options(const std::string& output, int64_t updates = 10) {
        RunOptions o = tiny_run(folder_ / "clips", folder_ / output, updates);
        o.deterministic = true;
        return o;
    }

    const TemporaryFolder folder_;
    RunListener listener_;
};

TEST_F(GpuRuns, GoOnWithTheSameBits) {
    std::vector<RunOptions> kinds;
    for (const char* name : {"all", "together", "lora", "host"}) kinds.push_back(options(name));
    kinds[0].optimizer = {.moments_in_8_bits = true, .ema = 0.9};
    kinds[1].batch = 4;
    kinds[1].together = 3;
    kinds[2].rank = 4;
    kinds[2].accumulate = 2;
    kinds[3].streams = nn::StreamPlace::host;
    kinds[3].optimizer = {.moments_on_host = true};
    for (const DType type : {DType::f32, DType::bf16}) {
        for (const RunOptions& kind : kinds) {
            SCOPED_TRACE(concat(kind.output.filename(), " in ", name_of(type)));
            RunOptions whole = kind, cut = kind;
            whole.output += concat('-', name_of(type));
            cut.output = whole.output;
            cut.output += "-cut";
            session::Session first = make_session(type);
            const RunResult expected = begin_run(first, whole, listener_, {});
            std::stop_source source;
            RunListener stopper;
            stopper.at = [&](const RunProgress& p) {
                if (p.update == 6) source.request_stop();
            };
            session::Session second = make_session(type);
            EXPECT_THROW(begin_run(second, cut, stopper, source.get_token()), Stopped);
            session::Session third = make_session(type);
            const RunResult found = resume_run(third, cut.output, {}, listener_, {});
            EXPECT_TRUE(read_file(found.exported.file) == read_file(expected.exported.file));
            EXPECT_TRUE(read_file(RunFolder::open(cut.output).checkpoint_path(10)) ==
                        read_file(RunFolder::open(whole.output).checkpoint_path(10)));
        }
    }
}

TEST_F(GpuRuns, LearnAsOnTheCpu) {
    const auto losses = [&](session::Session session, const std::string& name) {
        const RunOptions o = options(name, 20);
        begin_run(session, o, listener_, {});
        return read_log(o.output / "log.jsonl");
    };
    const Log cpu = losses(session::Session(Context(2), 0, session::Lifetime::one_film), "cpu");
    const Log f32 = losses(make_session(DType::f32), "f32"), bf16 = losses(make_session(DType::bf16), "bf16");
    for (size_t i = 0; i < cpu.updates.size(); ++i) {
        EXPECT_NEAR(f32.updates[i].loss, cpu.updates[i].loss, 2e-3 * cpu.updates[i].loss) << i;
        EXPECT_NEAR(bf16.updates[i].loss, cpu.updates[i].loss, 2e-2 * cpu.updates[i].loss) << i;
    }
    EXPECT_LT(f32.validations.back().mean, 0.95 * f32.validations.front().mean);
}

// A film between updates: its networks leave the memory to the training again.
TEST_F(GpuRuns, MakeSampleFilms) {
    RunOptions o = options("run", 4);
    o.prompts = {"A red ball drifts left."};
    o.sample_every = 2;
    o.sample_steps = 2;
    session::Session session = make_session(DType::bf16);
    begin_run(session, o, listener_, {});
    const Log log = read_log(o.output / "log.jsonl");
    ASSERT_EQ(log.samples.size(), 2U);
    for (const Log::Samples& samples : log.samples) {
        for (const Log::Film& film : samples.films) EXPECT_TRUE(std::filesystem::exists(o.output / film.film));
    }
}

}  // namespace
}  // namespace t3video::training
