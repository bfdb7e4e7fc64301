// Defaults, where they come from, and their limits.
#include "film/settings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/errors.h"
#include "support/files.h"

namespace t3video::film {

// For messages of failed comparisons.
static void PrintTo(const Settings& s, std::ostream* out) {
    *out << s.width << 'x' << s.height << ", " << s.frames << " frames, " << s.fps << " fps, " << s.steps
         << " steps, cfg " << s.cfg << ", shift " << s.shift << ", " << s.solver << ", '" << s.negative_prompt << "'";
}
static bool operator==(const Settings& a, const Settings& b) {
    return ::testing::PrintToString(a) == ::testing::PrintToString(b);
}

namespace {

using namespace testing;

const ModelTraits kWan21{16, false}, kWan22{32, true};
const std::string kNegative(kPublishedNegativePrompt);

class SettingsTest : public ::testing::Test {
  protected:
    Settings resolve(const ModelTraits& traits, const SettingChoices& choices = {}) const {
        return resolve_settings(files_, traits, choices);
    }
    void generation_config(const std::string& content) {
        files_.generation = write_file(folder_ / "generation_config.json", content);
    }
    void scheduler_config(const std::string& content) {
        files_.scheduler = write_file(folder_ / "scheduler_config.json", content);
    }

    TemporaryFolder folder_;
    ModelFiles files_;
};

SettingChoices size(int64_t width, int64_t height) {
    SettingChoices choices;
    choices.width = width;
    choices.height = height;
    return choices;
}

TEST_F(SettingsTest, OfficialDefaults) {
    EXPECT_EQ(resolve(kWan21), (Settings{832, 480, 81, 16, 50, 5, 5, "unipc", kNegative}));
    EXPECT_EQ(resolve(kWan22), (Settings{1280, 704, 121, 24, 50, 5, 5, "unipc", kNegative}));
}

TEST_F(SettingsTest, PublishedNegativePromptIsWhole) {
    EXPECT_TRUE(kNegative.starts_with("色调艳丽，过曝，"));
    EXPECT_TRUE(kNegative.ends_with("背景人很多，倒着走"));
    EXPECT_EQ(std::ranges::count_if(kNegative, [](char c) { return (c & 0xC0) != 0x80; }), 137);  // characters
}

// The published T3 script's values.
TEST_F(SettingsTest, FourKDefaults) {
    const Settings expected{3840, 2160, 81, 30, 50, 5, 5, "euler", kNegative};
    EXPECT_EQ(resolve(kWan21, size(3840, 2160)), expected);
    EXPECT_EQ(resolve(kWan22, size(3840, 2160)), expected);
    Settings whole = expected;
    whole.height = 2176;
    EXPECT_EQ(resolve(kWan21, size(3840, 2176)), whole);
    EXPECT_EQ(resolve(kWan22, size(3840, 2176)), whole);
}

TEST_F(SettingsTest, OtherLengthsAreNotThePublishedGrid) {
    SettingChoices choices = size(3840, 2160);
    choices.frames = 85;
    EXPECT_EQ(resolve(kWan21, choices), (Settings{3840, 2160, 85, 16, 50, 5, 5, "unipc", kNegative}));
    choices.frames = 81;
    EXPECT_EQ(resolve(kWan22, choices).solver, "euler");
}

TEST_F(SettingsTest, ChoicesComeFirst) {
    const SettingChoices all{.width = 3840,
                             .height = 2160,
                             .frames = 81,
                             .steps = 7,
                             .fps = 12.5,
                             .cfg = 1.0,
                             .shift = 2.5,
                             .solver = "dpm++",
                             .negative_prompt = "blurred"};
    generation_config(
        R"({"width": 64, "height": 64, "frames": 9, "fps": 9, "steps": 9, "cfg": 9, "shift": 9, "solver": "unipc",
                          "negative_prompt": "n"})");
    EXPECT_EQ(resolve(kWan21, all), (Settings{3840, 2160, 81, 12.5, 7, 1, 2.5, "dpm++", "blurred"}));
}

TEST_F(SettingsTest, GenerationConfig) {
    files_ = find_model(demo_model_folder());
    EXPECT_EQ(resolve(kWan21), (Settings{448, 256, 17, 8, 24, 3, 3, "euler", ""}));
    generation_config(R"({"fps": 12, "shift": 2})");
    EXPECT_EQ(resolve(kWan21), (Settings{832, 480, 81, 12, 50, 5, 2, "unipc", kNegative}));
    generation_config("{}");
    EXPECT_EQ(resolve(kWan21), (Settings{832, 480, 81, 16, 50, 5, 5, "unipc", kNegative}));
}

// A folder whose films are 4K takes the 4K defaults for what it leaves open.
TEST_F(SettingsTest, GenerationConfigCanAskForFourK) {
    generation_config(R"({"width": 3840, "height": 2160, "cfg": 6})");
    EXPECT_EQ(resolve(kWan22), (Settings{3840, 2160, 81, 30, 50, 6, 5, "euler", kNegative}));
    EXPECT_EQ(resolve(kWan22, size(1280, 704)), (Settings{1280, 704, 121, 24, 50, 6, 5, "unipc", kNegative}));
}

TEST_F(SettingsTest, SchedulerConfig) {
    scheduler_config(R"({"_class_name": "UniPCMultistepScheduler", "flow_shift": 3.0, "sigma_min": null})");
    EXPECT_EQ(resolve(kWan21), (Settings{832, 480, 81, 16, 50, 5, 3, "UniPCMultistepScheduler", kNegative}));
    EXPECT_EQ(solver_of(resolve(kWan21)).name, "UniPCMultistepScheduler");
    EXPECT_EQ(resolve(kWan21, size(3840, 2160)),
              (Settings{3840, 2160, 81, 30, 50, 5, 3, "UniPCMultistepScheduler", kNegative}));
    scheduler_config(R"({"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 8})");
    EXPECT_EQ(resolve(kWan21), (Settings{832, 480, 81, 16, 50, 5, 8, "FlowMatchEulerDiscreteScheduler", kNegative}));
    generation_config(R"({"shift": 4})");
    EXPECT_EQ(resolve(kWan21).shift, 4);
    SettingChoices choices;
    choices.solver = "unipc";
    EXPECT_EQ(solver_of(resolve(kWan21, choices)).name, "unipc");
}

// As diffusers writes them: every setting, most of them without effect on flow matching.
TEST_F(SettingsTest, SchedulerSettingsAreFollowedOrNamed) {
    const auto config = [&](const char* name, const char* changed) {
        scheduler_config(concat(R"({"_class_name": ")", name,
                                R"(", "_diffusers_version": "0.40.0", "beta_end": 0.02, "beta_start": 0.0001,
            "beta_schedule": "linear", "trained_betas": null, "disable_corrector": [], "final_sigmas_type": "zero",
            "lower_order_final": true, "num_train_timesteps": 1000, "predict_x0": true, "prediction_type": "flow_prediction",
            "shift_terminal": null, "sigma_max": null, "solver_p": null, "solver_order": 2, "solver_type": "bh2",
            "time_shift_type": "exponential", "timestep_spacing": "linspace", "use_beta_sigmas": false, "use_flow_sigmas": true,
            "use_karras_sigmas": false, "flow_shift": 3.0)",
                                changed, "}"));  // of two under one name the last counts
    };
    const auto solver = [&](const char* name, const char* changed) {
        config(name, changed);
        return resolve(kWan21).solver;
    };
    EXPECT_EQ(solver("UniPCMultistepScheduler", ""), "UniPCMultistepScheduler");
    EXPECT_EQ(solver("DPMSolverMultistepScheduler", R"(, "algorithm_type": "dpmsolver++")"),
              "DPMSolverMultistepScheduler");
    EXPECT_EQ(solver("UniPCMultistepScheduler", R"(, "solver_order": 3)"), "UniPCMultistepScheduler:solver_order=3");
    EXPECT_EQ(solver("UniPCMultistepScheduler", R"(, "solver_type": "bh1", "use_karras_sigmas": true)"),
              "UniPCMultistepScheduler:solver_type=bh1,use_karras_sigmas=true");
    EXPECT_EQ(solver("FlowMatchEulerDiscreteScheduler", R"(, "use_beta_sigmas": true)"),
              "FlowMatchEulerDiscreteScheduler:use_beta_sigmas=true");
    EXPECT_EQ(solver("UniPCMultistepScheduler", R"(, "solver_order": 2.0)"), "UniPCMultistepScheduler");
    // A record says so, and gives the same solver again.
    SettingChoices again;
    again.solver = "UniPCMultistepScheduler:solver_order=3";
    EXPECT_EQ(solver_of(resolve(kWan21, again)).name, *again.solver);

    config("UniPCMultistepScheduler", R"(, "flow_shift": null)");
    EXPECT_EQ(resolve(kWan21).shift, 5);
    config("FlowMatchEulerDiscreteScheduler", R"(, "shift": 7)");
    EXPECT_EQ(resolve(kWan21).shift, 7);

    const std::pair<const char*, const char*> others[] = {
        {"UniPCMultistepScheduler", R"(, "use_beta_sigmas": true)"},
        {"UniPCMultistepScheduler", R"(, "use_flow_sigmas": false)"},
        {"DPMSolverMultistepScheduler", R"(, "use_karras_sigmas": true)"},
        {"SelfForcingFlowMatchScheduler", ""},
    };
    for (const auto& [name, changed] : others) {
        config(name, changed);
        expect_invalid([&] { resolve(kWan21); }, {files_.scheduler.string(), name, "or choose another with solver"});
        for (const char* named : {"euler", "unipc", "dpm++"}) {
            SettingChoices choices;
            choices.solver = named;
            EXPECT_EQ(resolve(kWan21, choices).solver, named);
            EXPECT_EQ(resolve(kWan21, choices).shift, 3);
            choices.shift = 5;
            EXPECT_EQ(resolve(kWan21, choices).shift, 5);
        }
        generation_config(R"({"solver": "euler"})");
        EXPECT_EQ(resolve(kWan21).solver, "euler");
        files_.generation.clear();
        const InputHeader video{.source = Source::video, .width = 832, .height = 480, .fps = 24, .strength = 0.5};
        EXPECT_EQ(resolve_settings(files_, kWan21, {}, &video).solver, "euler");
    }
}

TEST_F(SettingsTest, WrongSchedulerConfig) {
    const auto refused = [&](const std::string& content, const std::string& says) {
        scheduler_config(content);
        expect_invalid([&] { resolve(kWan21); }, {files_.scheduler.string(), says});
    };
    refused(R"({"_class_name": "DDIMScheduler"})", "DDIMScheduler");
    refused(R"({"_class_name": 7})", "\"_class_name\" is 7, expected a text");
    refused(R"({"_class_name": "UniPCMultistepScheduler", "flow_shift": "3"})",
            "\"flow_shift\" is \"3\", expected a number");
    refused("[]", "not a JSON object");
    refused("{", "not a JSON object");
    refused("version https://git-lfs.github.com/spec/v1\noid", "is a Git LFS pointer");
    refused(R"({"flow_shift": 0})", "a shift of 0, expected more than 0");
    refused(R"({"flow_shift": -1})", "a shift of -1, expected more than 0");
    refused(R"({"_class_name": "UniPCMultistepScheduler", "solver_order": 9})", "expected 2, 1, 3, 4 or 5");
}

// What the user or the folder's own settings say is taken instead of what the file cannot say.
TEST_F(SettingsTest, WrongSchedulerConfigYields) {
    SettingChoices both;
    both.solver = "euler";
    both.shift = 4;
    for (const char* content : {R"({"flow_shift": 0})", R"({"flow_shift": "5.0"})", R"({"flow_shift": NaN})", "{",
                                R"({"_class_name": 7, "flow_shift": 3})"}) {
        scheduler_config(content);
        EXPECT_EQ(resolve(kWan21, both).shift, 4) << content;
        EXPECT_EQ(resolve(kWan21, both).solver, "euler") << content;
    }
    scheduler_config("{");
    SettingChoices solver;
    solver.solver = "euler";
    expect_invalid([&] { resolve(kWan21, solver); }, {files_.scheduler.string(), "or choose another with shift"});
    both.shift = 0;
    expect_invalid([&] { resolve(kWan21, both); }, {"shift 0: expected more than 0, at most 100"});
}

TEST_F(SettingsTest, WrongGenerationConfig) {
    const std::pair<const char*, const char*> cases[] = {
        {R"({"width": "448"})", "\"width\" is \"448\", expected a whole number"},
        {R"({"height": 256.5})", "\"height\" is 256.5, expected a whole number"},
        {R"({"frames": true})", "\"frames\" is true, expected a whole number"},
        {R"({"steps": 1e30})", "\"steps\" is 1e+30, expected a whole number"},
        {R"({"steps": null})", "\"steps\" is null, expected a whole number"},
        {R"({"fps": "eight"})", "\"fps\" eight: expected frames per second"},
        {R"({"cfg": [3]})", "\"cfg\" is [3], expected a number"},
        {R"({"shift": {}})", "\"shift\" is {}, expected a number"},
        {R"({"solver": 3})", "\"solver\" is 3, expected a text"},
        {R"({"negative_prompt": false})", "\"negative_prompt\" is false, expected a text"},
        {R"({"cfg": 1e999})", "not a JSON object"},
        {R"("text")", "not a JSON object"},
        {"", "not a JSON object"},
    };
    for (const auto& [content, says] : cases) {
        generation_config(content);
        expect_invalid([&] { resolve(kWan21); }, {files_.generation.string(), says});
    }
    generation_config(R"({"fps": "24000/1001"})");
    EXPECT_EQ(resolve(kWan21).fps, 24000.0 / 1001);
    generation_config(R"({"solver": "heun"})");
    expect_invalid([&] { resolve(kWan21); }, {"heun", "euler, unipc, dpm++"});
    generation_config(R"({"solver": "a\nb"})");
    expect_invalid([&] { resolve(kWan21); }, {R"(solver 'a\x0ab')"});
    generation_config(R"({"frames": 16})");
    expect_invalid([&] { resolve(kWan21); }, {"frames 16", "17"});
}

TEST_F(SettingsTest, Ranges) {
    const double nan = std::nan(""), infinite = std::numeric_limits<double>::infinity();
    const auto refused = [&](auto field, auto value, const std::string& says) {
        SettingChoices choices;
        choices.*field = value;
        expect_invalid([&] { resolve(kWan21, choices); }, {says, "expected"});
    };
    const auto accepted = [&](auto field, auto value) {
        SettingChoices choices;
        choices.*field = value;
        EXPECT_NO_THROW(resolve(kWan21, choices)) << value;
    };
    for (const int64_t steps : {int64_t{0}, int64_t{-5}, int64_t{1001}, std::numeric_limits<int64_t>::max()}) {
        refused(&SettingChoices::steps, steps, concat("steps ", steps));
    }
    for (const int64_t steps : {1, 1000}) accepted(&SettingChoices::steps, steps);
    for (const double cfg : {-0.1, 100.5, nan, infinite}) refused(&SettingChoices::cfg, cfg, concat("cfg ", cfg));
    for (const double cfg : {0.0, 1.0, 100.0}) accepted(&SettingChoices::cfg, cfg);
    for (const double shift : {0.0, -1.0, 101.0, nan, -infinite})
        refused(&SettingChoices::shift, shift, concat("shift ", shift));
    for (const double shift : {0.1, 1.0, 100.0}) accepted(&SettingChoices::shift, shift);
    for (const double fps : {0.0, 0.5, 241.0, nan, infinite}) refused(&SettingChoices::fps, fps, concat("fps ", fps));
    for (const double fps : {1.0, 23.976, 240.0}) accepted(&SettingChoices::fps, fps);
    SettingChoices choices;
    choices.solver = "heun";
    expect_invalid([&] { resolve(kWan21, choices); }, {"solver heun: expected", "euler, unipc, dpm++"});
    choices.solver = "DDIMScheduler";
    expect_invalid([&] { resolve(kWan21, choices); },
                   {"unknown scheduler class 'DDIMScheduler'", "UniPCMultistepScheduler"});
}

}  // namespace
}  // namespace t3video::film
