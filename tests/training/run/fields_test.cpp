// The table of a run's fields: what is set is got, and a record gives the same options again.
#include "training/run/fields.h"

#include <gtest/gtest.h>

#include <map>

#include "support/errors.h"

namespace t3video::training {
namespace {

using namespace testing;
using nlohmann::json;

// A value of each field that is not its default.
const std::map<std::string, json> kOthers = {{"model", "/models/m"},
                                             {"dit", "/a.safetensors"},
                                             {"text-encoder", "/t.pth"},
                                             {"vae", "/v.pth"},
                                             {"tokenizer", "/s.model"},
                                             {"lora", {"/l.safetensors:0.5", "/k.safetensors:1.0"}},
                                             {"from-scratch", true},
                                             {"data", {"/clips-720p:5000", "/clips-4k"}},
                                             {"updates", 7},
                                             {"batch", 4},
                                             {"accumulate", 3},
                                             {"together", 2},
                                             {"caption-dropout", 0.1},
                                             {"first-frame", true},
                                             {"rank", 8},
                                             {"alpha", 16.0},
                                             {"target", {"q", "ffn.0"}},
                                             {"rate", 3e-4},
                                             {"schedule", "cosine"},
                                             {"least-rate", 0.2},
                                             {"warm-up", 9},
                                             {"warm-up-shape", "third"},
                                             {"clip", 0.5},
                                             {"decay", 0.1},
                                             {"betas", "0.95,0.99"},
                                             {"ema", 0.98},
                                             {"noise-levels", "logit-normal"},
                                             {"logit-normal", "-0.5,1.25"},
                                             {"levels", "0.25,0.75"},
                                             {"shift", 3.0},
                                             {"weights", "none"},
                                             {"seed", 18446744073709551615U},
                                             {"attention", "full"},
                                             {"layout", "/t3-layout.json"},
                                             {"branches", "close"},
                                             {"states", "8bit-host"},
                                             {"streams", "host"},
                                             {"stream", "bf16"},
                                             {"deterministic", true},
                                             {"validation", "/held-out"},
                                             {"validation-clips", 3},
                                             {"validate-every", 50},
                                             {"prompt", {"A red ball.", "[\"a\", 1]"}},
                                             {"sample-every", 40},
                                             {"sample-steps", 5},
                                             {"save-every", 10},
                                             {"keep", 1},
                                             {"export-type", "f32"},
                                             {"output", "/run"}};

TEST(RunFields, WhatIsSetIsGot) {
    for (const RunField& field : run_fields()) {
        SCOPED_TRACE(field.name);
        ASSERT_TRUE(kOthers.contains(field.name));
        const json& other = kOthers.at(field.name);
        EXPECT_NE(field.get(RunOptions()), other);
        const RunOptions options = options_of({{field.name, other}}, "run.json");
        EXPECT_EQ(field.get(options), other);
    }
    EXPECT_EQ(run_fields().size(), kOthers.size());
}

TEST(RunFields, ARecordGivesTheOptionsAgain) {
    const RunOptions options = options_of(json(kOthers), "run.json");
    EXPECT_EQ(fields_of(options), json(kOthers));
    EXPECT_EQ(fields_of(options_of(fields_of(RunOptions()), "run.json")), fields_of(RunOptions()));
    EXPECT_EQ(options.stages.size(), 2U);
    EXPECT_EQ(options.updates_of(options.stages[0]), 5000);
    EXPECT_EQ(options.updates_of(options.stages[1]), 7);
    EXPECT_EQ(options.all_updates(), 5007);
}

TEST(RunFields, WrongValuesAreRefusedByName) {
    const std::pair<const char*, const char*> kWrong[] = {
        {"rate", "fast"},       {"schedule", "linear"}, {"levels", "0.5"}, {"logit-normal", "0;1"},
        {"states", "16bit"},    {"branches", "near"},   {"stream", "f16"}, {"attention", "auto"},
        {"first-frame", "yes"}, {"keep", "1.5"}};
    for (const auto& [name, value] : kWrong)
        expect_invalid([&] { options_of({{name, value}}, "run.json"); }, {name, value, "expected"});
    expect_invalid([] { options_of({{"data", "clips:0"}}, "run.json"); }, {"data clips:0", "FOLDER:UPDATES"});
    expect_invalid([] { options_of({{"size", "1x1"}}, "run.json"); }, {"run.json", "'size'"});
    expect_invalid([] { options_of({{"rate", {{"x", 1}}}}, "run.json"); }, {"run.json", "'rate'"});
    expect_invalid([] { options_of(json::array(), "run.json"); }, {"run.json"});
}

TEST(RunOptions, AreChecked) {
    const auto refused = [](const json& fields, const std::string& part) {
        json all{{"data", {"clips"}}, {"output", "run"}};
        all.update(fields);
        expect_invalid([&] { check(options_of(all, "run.json")); }, {part});
    };
    refused({{"output", ""}}, "output");
    refused({{"data", json::array()}}, "data");
    refused({{"updates", 0}}, "updates 0");
    refused({{"batch", 0}}, "batch 0");
    refused({{"together", 2}}, "together 2");
    refused({{"caption-dropout", 1.0}}, "caption-dropout 1");
    refused({{"alpha", 2}}, "rank 32");
    refused({{"rank", 4}, {"from-scratch", true}}, "from-scratch");
    refused({{"sample-every", 5}}, "prompt");
    refused({{"attention", "full"}, {"branches", "close"}}, "attention full");
    refused({{"sample-steps", 0}, {"prompt", {"a"}}}, "sample-steps 0");
    refused({{"sample-steps", 5}}, "prompt");
    refused({{"from-scratch", true}, {"lora", {"a.safetensors"}}}, "lora");
    refused({{"logit-normal", "3,1"}}, "noise-levels logit-normal");
    refused({{"decay", 1e9}}, "decay");
    refused({{"alpha", 1e30}, {"rank", 4}}, "alpha");
    refused({{"rate", 0}}, "rate 0");
    refused({{"schedule", "cosine"}, {"updates", 5}}, "updates 5");
    refused({{"levels", "0.5,0.5"}}, "levels 0.5");
    refused({{"keep", 0}}, "keep 0");
    refused({{"betas", "1.0,0.9"}}, "beta");
}

}  // namespace
}  // namespace t3video::training
