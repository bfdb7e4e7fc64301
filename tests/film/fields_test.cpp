// The table of fields: what goes in by name comes out again, and a film's record says all that makes it.
#include "film/fields.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "support/errors.h"
#include "support/files.h"

namespace t3video::film {
namespace {

using namespace testing;
using nlohmann::json;
using Texts = std::vector<std::string>;

struct Value {
    Texts texts;    // as people write it
    json expected;  // as it comes out
};

// Of every field, in a request in which all of them have a part.
const std::map<std::string, Value> kValues = {
    {"prompt", {{"A \"red\" ball"}, "A \"red\" ball"}},
    {"negative", {{"fog"}, "fog"}},
    {"size", {{"64x32"}, "64x32"}},
    {"frames", {{"9"}, 9}},
    {"fps", {{"24000/1001"}, 24000.0 / 1001}},
    {"steps", {{"7"}, 7}},
    {"cfg", {{"3.5"}, 3.5}},
    {"shift", {{"2"}, 2.0}},
    {"solver", {{"dpm++"}, "dpm++"}},
    {"seed", {{"18446744073709551615"}, 18446744073709551615U}},
    {"noise", {{"cuda"}, "cuda"}},
    {"multiprocessors", {{"80"}, 80}},
    {"guidance-interval", {{"0.25:0.9"}, "0.25:0.9"}},
    {"cache", {{"mag:0.1,3,0.5"}, "mag:0.1,3,0.5"}},
    {"cache-table", {{"t3-cache.json"}, "t3-cache.json"}},
    {"bf16-timesteps", {{"true"}, true}},
    {"attention", {{"t3"}, "t3"}},
    {"image", {{"a b.png"}, "a b.png"}},
    {"video", {{"in.mp4"}, "in.mp4"}},
    {"strength", {{"0.25"}, 0.25}},
    {"fit", {{"stretch"}, "stretch"}},
    {"layout", {{"layout.json"}, "layout.json"}},
    {"model", {{"models/wan"}, "models/wan"}},
    {"dit", {{"dit.gguf"}, "dit.gguf"}},
    {"text-encoder", {{"encoder.pth"}, "encoder.pth"}},
    {"vae", {{"vae.pth"}, "vae.pth"}},
    {"decoder", {{"taew2_1.pth"}, "taew2_1.pth"}},
    {"decoder-latents", {{"raw"}, "raw"}},
    {"tokenizer", {{"spiece.model"}, "spiece.model"}},
    {"lora", {{"a.safetensors:0.5", "b:c.safetensors"}, {"a.safetensors:0.5", "b:c.safetensors:1.0"}}},
    {"lora-partial", {{"true"}, true}},
    {"codec", {{"hevc"}, "hevc"}},
    {"bits", {{"10"}, 10}},
    {"crf", {{"20"}, 20}},
    {"output", {{"film.mkv"}, "film.mkv"}},
    {"overwrite", {{"true"}, true}},
    {"record", {{"false"}, false}},
    {"sound", {{"false"}, false}},
    {"contact-sheet", {{"false"}, false}},
    {"job", {{"film.job"}, "film.job"}},
    {"preview", {{"3"}, 3}},
};

Request whole_request() {
    Request r;
    for (const RequestField& field : fields()) {
        for (const std::string& text : kValues.at(field.name).texts) field.set(r, Field(field.name, text));
    }
    return r;
}

TEST(Fields, WhatIsSetComesOut) {
    ASSERT_EQ(fields().size(), kValues.size());
    const Request r = whole_request();
    Request again;
    for (const RequestField& field : fields()) {
        const json found = field.get(r);
        EXPECT_EQ(found, kValues.at(field.name).expected) << field.name;
        // As a record is read: texts as they are, other values as JSON writes them.
        for (const json& one : found.is_array() ? found : json::array({found}))
            field.set(again, Field(field.name, one.is_string() ? one.get<std::string>() : one.dump()));
    }
    for (const RequestField& field : fields()) EXPECT_EQ(field.get(again), field.get(r)) << field.name;
}

// The last of the recorded ones: of films with an input, a layout, or files of the user's.
const Texts kOfSomeFilms = {"image",           "video",      "strength",     "fit",          "layout",
                            "model",           "dit",        "text-encoder", "vae",          "decoder",
                            "decoder-latents", "tokenizer",  "lora",         "lora-partial", "guidance-interval",
                            "cache",           "cache-table"};

// Whoever reads records of earlier versions relies on them.
TEST(Fields, RecordedNamesAndTheirOrder) {
    Texts names;
    for (const RequestField& field : fields()) {
        if (field.recorded()) names.emplace_back(field.name);
        EXPECT_EQ(find_field(field.name), &field);
    }
    Texts expected{
        "prompt", "negative",        "size",           "frames",   "fps", "steps", "cfg", "shift", "solver", "seed",
        "noise",  "multiprocessors", "bf16-timesteps", "attention"};
    expected.insert(expected.end(), kOfSomeFilms.begin(), kOfSomeFilms.end());
    EXPECT_EQ(names, expected);
    for (const char* name : {"", "Steps", "--steps", "memory"}) EXPECT_EQ(find_field(name), nullptr) << name;
}

// Each field belongs to one group of the identity's members at most.
TEST(Fields, IdentitiesAreOnce) {
    std::set<std::string> members;
    for (const RequestField& field : fields()) {
        if (!field.identity) continue;
        EXPECT_TRUE(members.insert(field.identity).second) << field.identity;
        EXPECT_TRUE(field.recorded()) << field.name;
    }
    EXPECT_EQ(members, (std::set<std::string>{"prompt", "negative_prompt", "frames", "steps", "cfg", "shift", "solver",
                                              "seed", "guidance_interval"}));
}

TEST(Fields, WrongValuesNameTheField) {
    const std::pair<const char*, Texts> wrong[] = {
        {"size", {"", "64", "64x", "x64", "64x-2", "0x64", "64x64x64", "1e2x64"}},
        {"frames", {"", "nine", "9.5", "9 ", "99999999999999999999"}},
        {"fps", {"", "fast", "24/0", "24/", "/1001", "-24/1"}},
        {"steps", {"", "1e1", "0x10"}},
        {"cfg", {"", "high", "3,5"}},
        {"shift", {"", "5x"}},
        {"seed", {"", "-2", "1.5", "18446744073709551616"}},
        {"noise", {"", "gpu"}},
        {"multiprocessors", {"many"}},
        {"bf16-timesteps", {"", "yes", "1"}},
        {"attention", {"", "T3", "windows"}},
        {"strength", {"", "half"}},
        {"fit", {"", "pad"}},
        {"decoder-latents", {"", "scaled"}},
        {"lora", {"a.safetensors:101"}},
        {"guidance-interval", {"", "0.5", "0.9:0.2", "nan:1"}},
        {"cache", {"", "fast", "easy:0", "mag:nan"}},
        {"codec", {"", "vp9"}},
        {"bits", {"", "ten"}},
        {"crf", {"", "1.5"}},
        {"overwrite", {"on"}},
        {"record", {"no"}},
        {"sound", {"off"}},
        {"contact-sheet", {"2"}},
        {"preview", {"", "often"}},
    };
    for (const auto& [name, texts] : wrong) {
        for (const std::string& text : texts) {
            Request r;
            try {
                find_field(name)->set(r, Field(name, text));
                ADD_FAILURE() << name << " takes '" << text << "'";
            } catch (const InvalidRequest& error) {
                EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
                ASSERT_NE(error.message().field(), nullptr) << error.what();
                EXPECT_EQ(error.message().field()->name, name) << error.what();
            }
        }
    }
}

Film film_of(const Request& r) {
    const ModelFiles files = find_model(r.model.empty() ? demo_model_folder() : r.model);
    return make_film(files, {.cell = 16}, resolve_settings(files, {.cell = 16}, r.settings), r.attention, r.layout);
}

// What stays open says that it has no part in the film.
TEST(Fields, DefaultsAreFilledIn) {
    Request r;
    r.prompt = "A ball.";
    const Film film = film_of(r);
    const Request filled = filled_in(r, film);
    std::set<std::string> open{kOfSomeFilms.begin(), kOfSomeFilms.end()};
    open.insert({"multiprocessors", "bf16-timesteps"});
    for (const RequestField& field : fields()) {
        if (!field.recorded()) continue;
        EXPECT_EQ(field.get(filled).is_null(), open.contains(field.name)) << field.name;
    }
    EXPECT_EQ(find_field("size")->get(filled), "448x256");
    EXPECT_EQ(find_field("steps")->get(filled), 24);
    EXPECT_EQ(find_field("noise")->get(filled), "cpu");
    EXPECT_EQ(find_field("attention")->get(filled), "auto");
    // Other defaults than now make no other film of it.
    const Settings again = resolve_settings({}, {.cell = 32, .wan22 = true}, filled.settings);
    EXPECT_EQ(again.width, film.settings.width);
    EXPECT_EQ(again.frames, film.settings.frames);
    EXPECT_EQ(again.solver, film.settings.solver);
    EXPECT_EQ(again.negative_prompt, film.settings.negative_prompt);
    EXPECT_EQ(again.shift, film.settings.shift);
    EXPECT_EQ(again.fps, film.settings.fps);
}

// With all values of a cache, whatever was asked for.
TEST(Fields, CachesAreFilledIn) {
    Request r;
    r.prompt = "A ball.";
    find_field("cache")->set(r, Field("cache", "easy:0.1"));
    find_field("guidance-interval")->set(r, Field("guidance-interval", "0:1"));
    Request filled = filled_in(r, film_of(r));
    EXPECT_EQ(find_field("cache")->get(filled), "easy:0.1,10");
    EXPECT_TRUE(find_field("guidance-interval")->get(filled).is_null()) << "all noise levels are no interval";
    find_field("cache")->set(r, Field("cache", "none"));
    filled = filled_in(r, film_of(r));
    EXPECT_TRUE(find_field("cache")->get(filled).is_null());
}

TEST(Fields, PathsAreWhole) {
    Request r = whole_request();
    Film film{.settings = {.source = Source::video, .strength = 0.6}};
    r.inputs.strength.reset();
    const Request filled = filled_in(r, film);
    EXPECT_EQ(find_field("strength")->get(filled), 0.6);
    const auto here = std::filesystem::current_path();
    for (const char* name :
         {"image", "video", "layout", "model", "dit", "text-encoder", "vae", "decoder", "tokenizer", "cache-table"})
        EXPECT_EQ(find_field(name)->get(filled), (here / kValues.at(name).texts[0]).string()) << name;
    EXPECT_EQ(find_field("lora")->get(filled).at(0), (here / "a.safetensors:0.5").string());
    EXPECT_EQ(filled.output, r.output) << "no part of the film";
}

}  // namespace
}  // namespace t3video::film
