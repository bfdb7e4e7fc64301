// Released students by the names of their files, what they change, and what is said where a rule does not fit.
#include "film/students.h"

#include <gtest/gtest.h>

#include "film/published.h"
#include "film/settings.h"
#include "support/errors.h"
#include "support/files.h"

namespace t3video::film {
namespace {

using namespace testing;
using checkpoint::Lora;

constexpr const char* kSelfForcing = "renoise:timesteps=1000/750/500/250,warp=true";
const ModelTraits kWan21{16, false}, kWan22{32, true};

struct Named {
    const char* path;
    const char* solver;  // null: no student
    int64_t steps = 0;
    double shift = 0;
    const char* remark = "";
};

// Names as they are on the hubs.
const Named kNames[] = {
    {"FastWan2.1-T2V-1.3B-Diffusers/transformer/diffusion_pytorch_model.safetensors", "renoise", 3, 8, "VSA"},
    {"FastWan2.2-TI2V-5B-FullAttn-Diffusers/transformer/diffusion_pytorch_model.safetensors", "renoise", 3, 5},
    {"Wan2_2_5B_FastWanFullAttn_lora_rank_128_bf16.safetensors", "renoise", 3, 8},
    {"models--FastVideo--FastWan2.1-T2V-14B-480P-Diffusers/snapshots/4b1a/transformer/"
     "diffusion_pytorch_model.safetensors.index.json",
     "renoise", 3, 8, "VSA"},
    {"Wan21_CausVid_14B_T2V_lora_rank32.safetensors", "renoise", 3, 8, "earlier frames"},
    {"Wan21_CausVid_bidirect2_T2V_1_3B_lora_rank32.safetensors", "renoise", 3, 8},
    {"CausVid/autoregressive_checkpoint/model.pt", "renoise", 3, 8, "earlier frames"},
    {"self_forcing_dmd.pt", kSelfForcing, 4, 5, "earlier frames"},
    {"Wan2.1-T2V-1.3B-Self-Forcing-DMD-FP16.safetensors", kSelfForcing, 4, 5, "earlier frames"},
    {"Wan21_T2V_14B_lightx2v_cfg_step_distill_lora_rank64.safetensors", "euler", 4, 5},
    {"Wan21_I2V_14B_lightx2v_cfg_step_distill_lora_rank64.safetensors", "euler", 4, 5},
    {"wan2.2_t2v_lightx2v_4steps_lora_v1.1_high_noise.safetensors", "euler", 4, 5},
    {"Wan2.2-T2V-A14B-4steps-lora-rank64-Seko-V1.1/high_noise_model.safetensors", "euler", 4, 5},
    {"Wan2.1-T2V-14B-StepDistill-CfgDistill/distill_model.safetensors", "euler", 4, 5},
    {"Wan2.1-T2V-14B-StepDistill-CfgDistill/diffusion_pytorch_model.safetensors", "euler", 4, 5},
    {"wan2.1_t2v_14b_scaled_fp8_e4m3_lightx2v_4step.safetensors", "euler", 4, 5},
    {"TurboWan2.1-T2V-1.3B-480P.pth", "rcm", 4, 5, "SLA"},
    {"TurboWan2.2-I2V-A14B-high-720P-quant.pth", "rcm:sigma_max=200", 4, 5, "SLA"},
    {"rCM_Wan2.1_T2V_1.3B_480p.pt", "rcm", 4, 5},
    {"Wan2.1-T2V-1.3B/diffusion_pytorch_model.safetensors", nullptr},
    {"lightx2v/Wan2.1-T2V-1.3B/diffusion_pytorch_model.safetensors", nullptr},
    {"lightx2v/style.safetensors", nullptr},
    {"arcmark.safetensors", nullptr},
    {"T3-Video-Wan2.1-T2V-1.3B.safetensors", nullptr},
    {"diffusion_pytorch_model.safetensors", nullptr},
};

TEST(StudentsOfFiles, AreToldByTheirNames) {
    for (const Named& named : kNames) {
        for (const bool as_lora : {false, true}) {
            SCOPED_TRACE(concat(named.path, as_lora ? " as a LoRA" : ""));
            ModelFiles files;
            files.dit = as_lora ? "Wan2.1-T2V-14B.safetensors" : named.path;
            if (as_lora) files.loras = {Lora{named.path}};
            const auto student = student_of(files, false);
            ASSERT_EQ(student.has_value(), named.solver != nullptr);
            const Settings s = resolve_settings(files, kWan21, {});
            if (!student) {
                EXPECT_EQ(s.steps, 50);
                EXPECT_TRUE(s.notes.empty());
                continue;
            }
            EXPECT_EQ(s.solver, named.solver);
            EXPECT_EQ(s.steps, named.steps);
            EXPECT_EQ(s.shift, named.shift);
            EXPECT_EQ(s.cfg, 1);
            EXPECT_NE(student->remark.find(named.remark), std::string::npos) << student->remark;
            EXPECT_EQ(student->remark.empty(), std::string(named.remark).empty());
            EXPECT_EQ(s.notes.size(), student->remark.empty() ? 1u : 2u);
            EXPECT_TRUE(s.warnings.empty());
        }
    }
}

TEST(StudentsOfFiles, LorasComeFirstAndTheLastOfThem) {
    ModelFiles files;
    files.dit = "FastWan2.1-T2V-1.3B.safetensors";
    EXPECT_EQ(student_of(files, false)->name, "FastWan");
    files.loras = {Lora{"self_forcing_lora.safetensors"}, Lora{"TurboWan2.1-T2V-lora.safetensors"}, Lora{"style.pt"}};
    EXPECT_EQ(student_of(files, false)->name, "TurboWan");
    files.loras[1].weight = 0;
    EXPECT_EQ(student_of(files, false)->name, "Self-Forcing");
}

class StudentSettings : public ::testing::Test {
  protected:
    StudentSettings() { files_.dit = "FastWan2.1-T2V-1.3B.safetensors"; }
    Settings resolve(const SettingChoices& choices, const ModelTraits& traits = kWan21) const {
        return resolve_settings(files_, traits, choices);
    }
    static std::string all(const std::vector<Message>& messages) {
        std::string text;
        for (const Message& message : messages) text += message.plain() + "\n";
        return text;
    }

    TemporaryFolder folder_;
    ModelFiles files_;
};

TEST_F(StudentSettings, YieldToTheUserOneByOne) {
    EXPECT_EQ(resolve({}, kWan22).shift, 5);
    EXPECT_EQ(resolve({.shift = 6}).shift, 6);
    EXPECT_EQ(resolve({.shift = 6}).steps, 3);
    const Settings guided = resolve({.cfg = 4});
    EXPECT_EQ(guided.cfg, 4);
    EXPECT_EQ(guided.solver, "renoise");
    EXPECT_NE(all(guided.notes).find("cfg 4: few-step students are made for 1"), std::string::npos);
    const Settings other = resolve({.steps = 8, .solver = "unipc"});
    EXPECT_EQ(other.steps, 8);
    EXPECT_EQ(other.cfg, 1);
    EXPECT_NE(all(other.notes).find("solver unipc is not what FastWan is made for"), std::string::npos);
    const Settings list = resolve({.solver = "renoise:timesteps=1000/750/500/250,warp=true"});
    EXPECT_EQ(list.steps, 4);
    EXPECT_EQ(list.shift, 5);
    expect_invalid([&] { resolve({.steps = 4}); }, {"steps 4 of solver renoise", "expected 3", "1000/757/522"});
    files_.dit = "TurboWan2.1-T2V-1.3B-480P.pth";
    EXPECT_EQ(resolve({.steps = 2}).steps, 2);
    expect_invalid([&] { resolve({.steps = 5}); }, {"steps 5 of solver rcm", "expected 1 to 4"});
    EXPECT_NE(all(resolve({.shift = 3}).notes).find("shift 3: rcm has levels of its own"), std::string::npos);
}

TEST_F(StudentSettings, StandBetweenTheFilesOfTheFolder) {
    files_.scheduler = write_file(folder_ / "scheduler_config.json",
                                  R"({"_class_name": "UniPCMultistepScheduler", "flow_shift": 3.0})");
    EXPECT_EQ(resolve({}).solver, "renoise");
    EXPECT_EQ(resolve({}).shift, 8);
    write_file(folder_ / "scheduler_config.json", R"({"_class_name": "DMDScheduler", "shift": "x"})");
    EXPECT_EQ(resolve({}).shift, 8) << "what it does not follow does not matter";
    files_.generation = write_file(folder_ / "generation_config.json", R"({"shift": 7, "cfg": 2})");
    EXPECT_EQ(resolve({}).shift, 7);
    EXPECT_EQ(resolve({}).cfg, 2);
    EXPECT_EQ(resolve({}).steps, 3);
    write_file(folder_ / "generation_config.json", R"({"solver": "rcm", "cfg": 2})");
    EXPECT_EQ(resolve({}).steps, 4);
    EXPECT_EQ(resolve({}).cfg, 2);
    EXPECT_EQ(resolve({.solver = "renoise"}).steps, 3);
    write_file(folder_ / "generation_config.json", R"({"solver": "rcm:of=3"})");
    expect_invalid([&] { resolve({}); }, {"rcm has no setting 'of'"});
    EXPECT_EQ(resolve({.solver = "euler"}).solver, "euler");
}

TEST_F(StudentSettings, OfAFileThatTheUserNamesStandAboveTheFolder) {
    files_.generation = write_file(folder_ / "generation_config.json", R"({"steps": 24, "cfg": 3, "solver": "euler"})");
    EXPECT_EQ(resolve({}).steps, 24);
    files_.folder = folder_.path();
    EXPECT_EQ(resolve({}).steps, 3);
    EXPECT_EQ(resolve({}).cfg, 1);
    files_.dit = folder_ / "diffusion_pytorch_model.safetensors";
    files_.loras = {Lora{"wan_lightx2v_4steps_lora.safetensors"}};
    EXPECT_EQ(resolve({}).steps, 4);
}

TEST_F(StudentSettings, OfADiffusersFolderFollowItsPipeline) {
    write_file(folder_ / "model_index.json", R"({"_class_name": "WanDMDPipeline"})");
    files_.folder = folder_.path();
    files_.kind = FolderKind::diffusers;
    files_.dit = folder_ / "transformer" / "diffusion_pytorch_model.safetensors";
    EXPECT_EQ(resolve({}).solver, "renoise");
    EXPECT_EQ(resolve({}, kWan22).shift, 5);
    EXPECT_TRUE(student_of(files_, false)->told_by.ends_with("model_index.json"));
    files_.dit = "other.safetensors";
    EXPECT_FALSE(student_of(files_, false)) << "the file is not the folder's";
    files_.dit = folder_ / "transformer" / "diffusion_pytorch_model.safetensors";
    write_file(folder_ / "model_index.json", R"({"_class_name": "WanPipeline"})");
    EXPECT_FALSE(student_of(files_, false));
}

TEST_F(StudentSettings, RulesOfStudentsBringTheirOwn) {
    files_.dit = "mine.safetensors";
    const Settings s = resolve({.solver = "renoise"});
    EXPECT_EQ(s.steps, 3);
    EXPECT_EQ(s.shift, 8);
    EXPECT_EQ(s.cfg, 1);
    EXPECT_NE(all(s.notes).find("no file's name says that the model is one"), std::string::npos);
    EXPECT_TRUE(s.warnings.empty());
    EXPECT_EQ(resolve({.cfg = 3, .solver = "rcm"}).cfg, 3);
}

TEST_F(StudentSettings, OfAModelThatIsKnownToBeNoneAreWarnedOf) {
    for (const char* base :
         {"Wan2.1-T2V-1.3B/diffusion_pytorch_model.safetensors", "wan2.1_t2v_14B_fp8_e4m3fn_scaled.safetensors",
          "models--Wan-AI--Wan2.2-TI2V-5B-Diffusers/snapshots/b8f/transformer/diffusion_pytorch_model.safetensors",
          "T3-Video-Wan2.1-T2V-1.3B.safetensors"}) {
        files_.dit = base;
        EXPECT_NE(base_model_of(files_), "") << base;
        const Settings s = resolve({.solver = "rcm"});
        EXPECT_EQ(s.warnings.size(), 1u) << base;
        EXPECT_NE(all(s.warnings).find("fits few-step students only"), std::string::npos);
        EXPECT_TRUE(resolve({}).warnings.empty());
    }
    files_.loras = {Lora{"unknown.safetensors"}};
    EXPECT_TRUE(resolve({.solver = "rcm"}).warnings.empty()) << "the LoRA may make it one";
    EXPECT_EQ(resolve({.solver = "rcm"}).notes.size(), 1u);
}

TEST_F(StudentSettings, FromAVideoTakeEuler) {
    const InputHeader video{Source::video, 832, 480, 16, 0.6};
    const Settings s = resolve_settings(files_, kWan21, {}, &video);
    EXPECT_EQ(s.solver, "euler");
    EXPECT_EQ(s.steps, 3);
    EXPECT_NE(all(s.notes).find("solver euler is not what FastWan is made for"), std::string::npos);
    expect_invalid([&] { resolve_settings(files_, kWan21, {.solver = "renoise"}, &video); }, {"strength", "euler"});
}

// lightx2v's two LoRAs: the experts change behind the second of four steps.
TEST(StudentsOfFiles, OfTwoExpertsChangeAfterTwoSteps) {
    const auto schedule = sampling::find_solver("euler").schedule({4, 5.0, 1.0});
    for (const double boundary : {0.875, 0.9}) {
        const models::WanDit dit = published_networks("wan2.1-1.3b").dit();
        const std::vector<Expert> experts{{dit, boundary, 1}, {dit, 0, boundary}};
        std::vector<size_t> turns;
        for (size_t i = 0; i < 4; ++i) turns.push_back(expert_for(experts, schedule.sigmas[i]));
        EXPECT_EQ(turns, (std::vector<size_t>{0, 0, 1, 1}));
    }
}

}  // namespace
}  // namespace t3video::film
