// Stopping, saving and checks between steps.
#include "session/safe_points.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "ops/linear.h"
#include "support/files.h"
#include "support/observer.h"
#include "support/tensors.h"

namespace t3video::session {
namespace {

using namespace testing;

TEST(WorthSaving, CheapSavingIsFrequentAndDearSavingHasALimit) {
    EXPECT_TRUE(worth_saving(5, 0.04));   // 0.8 % of a step of five seconds
    EXPECT_FALSE(worth_saving(2, 0.04));  // 2 %
    EXPECT_TRUE(worth_saving(31, 30));    // no more than half a minute is lost
    EXPECT_TRUE(worth_saving(0.001, 0));  // before the first one
}

class SafePoints : public ::testing::Test {
  protected:
    StepWatch watch(const std::vector<double>& sigmas) {
        sampling::Schedule schedule{.sigmas = sigmas};
        schedule.timesteps.assign(sigmas.begin(), sigmas.end() - 1);
        return StepWatch(ctx_, job_, schedule, {}, {}, asker());
    }
    Asker asker() { return {observer_, stop_.get_token(), job_}; }
    sampling::SampleState state(int64_t step) {
        return {.step = step, .x = randn(ctx_, {2, 1, 2, 2}, static_cast<uint32_t>(step + 1))};
    }
    // What the work says when it is stopped; empty where it goes on.
    template <class Work>
    std::string stopped(Work&& work) {
        try {
            work();
        } catch (const Stopped& stopped) {
            return stopped.what();
        }
        return "";
    }

    Context ctx_;
    const TemporaryFolder folder_;
    job::Job job_{folder_ / "film.job", {{"seed", 1}}};
    Listener observer_;
    std::stop_source stop_;
};

TEST_F(SafePoints, AStoppedStepIsSaved) {
    StepWatch steps = watch({1, 0.7, 0.4, 0});
    steps.begin(state(0));
    steps.after(state(1));
    stop_.request_stop();
    sampling::SampleState second = state(2);
    second.further["a"] = randn(ctx_, {5}, 4);
    const std::string says = stopped([&] { steps.after(second); });
    EXPECT_NE(says.find("after step 2 of 3; to go on: resume the job " + job_.folder().string()), std::string::npos)
        << says;
    EXPECT_EQ(job_.stages(1).latents.value().step, 2);
    EXPECT_EQ(job_.stages(1).latents.value().further.at("a").dim(0), 5);
    EXPECT_EQ(observer_.stages, std::vector<std::string>{"denoise, 3 steps"});
}

// What is finished is not stopped any more.
TEST_F(SafePoints, TheLastStepIsNotStopped) {
    StepWatch steps = watch({1, 0});
    steps.begin(state(0));
    stop_.request_stop();
    EXPECT_EQ(stopped([&] { steps.after(state(1)); }), "");
    EXPECT_EQ(steps.saved_step(), 1);
}

// A step may take hours: after a while the wish to stop is met between two ops.
TEST_F(SafePoints, PatienceEndsWithinAStep) {
    const Tensor x = randn(ctx_, {2, 3}, 1), w = randn(ctx_, {4, 3}, 2);
    const auto says = [&](double seconds) {
        const Patience patience(ctx_, stop_.get_token(), seconds,
                                [&] { asker().stop_if_asked("in the middle of a stage"); });
        return stopped([&] {
            for (int i = 0; i < 3; ++i) ops::linear(ctx_, x, w);
        });
    };
    EXPECT_EQ(says(0), "");
    stop_.request_stop();
    EXPECT_EQ(says(60), "");
    EXPECT_NE(says(0).find("in the middle of a stage; to go on: resume the job"), std::string::npos);
    ops::linear(ctx_, x, w);  // nobody watches any more
}

TEST_F(SafePoints, ValuesThatAreNoNumbersAreNotSaved) {
    StepWatch steps = watch({1, 0});
    steps.begin(state(0));
    sampling::SampleState broken = state(1);
    broken.x.data<float>()[3] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THROW(steps.after(broken), Error);
    EXPECT_TRUE(steps.broken());
    EXPECT_FALSE(job_.stages(1).latents);
}

// A disk that refuses ends nothing: the next step tries again, and the user is told what is kept.
TEST_F(SafePoints, StatesThatCannotBeSavedEndNoFilm) {
    StepWatch steps = watch({1, 0.7, 0.4, 0});
    steps.begin(state(0));
    std::filesystem::remove_all(job_.folder());
    write_file(job_.folder(), "in the way");
    steps.after(state(1));
    EXPECT_EQ(steps.saved_step(), 0);
    ASSERT_EQ(observer_.warnings.size(), 1U);
    EXPECT_NE(observer_.warnings[0].find("Could not save the latents, and goes on without: "), std::string::npos);
    stop_.request_stop();
    const std::string says = stopped([&] { steps.after(state(2)); });
    EXPECT_NE(says.find("of which step 0 is saved"), std::string::npos) << says;
    EXPECT_EQ(observer_.warnings.size(), 1U) << "said once";
    std::filesystem::remove(job_.folder());
    steps.after(state(3));
    EXPECT_EQ(steps.saved_step(), 3);
    EXPECT_EQ(job_.stages(1).latents.value().step, 3);
    EXPECT_EQ(observer_.notes, std::vector<std::string>{"Saved again: the latents"});
}

}  // namespace
}  // namespace t3video::session
