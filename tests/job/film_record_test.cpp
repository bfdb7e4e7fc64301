// What a film says about how it was made.
#include "job/film_record.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/files.h"

namespace t3video::job {
namespace {

using namespace testing;
using namespace film;
namespace fs = std::filesystem;

const fs::path kGolden = T3VIDEO_TEST_DATA "/golden";

Request small_request(const fs::path& output) {
    Request r;
    r.prompt = "A \"red\" ball \xe2\x80\x94 \xff left.";  // a dash in UTF-8, and a byte that is not
    r.model = kGolden / "wan21-tiny/model";
    r.parts.tokenizer = kGolden / "tokenizer/spiece.model";
    r.settings = {.width = 32, .height = 32, .frames = 5, .steps = 1, .fps = 8, .cfg = 1.5, .solver = "euler"};
    r.seed = 18446744073709551615U;
    r.output = output;
    return r;
}

std::vector<std::string> values_of(const FilmRecord& record, const std::string& name) {
    for (const auto* options : {&record.options, &record.format}) {
        const auto found = std::ranges::find(*options, name, &FilmRecord::Option::first);
        if (found != options->end()) return found->second;
    }
    return {};
}

class FilmRecordTest : public ::testing::Test {
  protected:
    std::string text_of(const Request& r) {
        const ModelFiles files = find_model(r.model, r.parts);
        const Film film = make_film(files, {}, resolve_settings(files, {}, r.settings), r.attention, r.layout);
        return film_record(ctx_, {recorded_fields(r, film), "0123456789abcdef", "cpu", "f32"},
                           media::film_format(r.output, r.video_options()));
    }

    Context ctx_;
    TemporaryFolder folder_;
};

TEST_F(FilmRecordTest, NamesFilesAloneWhereThatIsAskedFor) {
    Request r = small_request(folder_ / "a.y4m");
    write_file(folder_ / "a.safetensors", "");
    r.model /= "";  // ends with a slash
    r.parts.loras = {{folder_ / "a.safetensors", 0.5}};
    r.names_only = true;
    const std::string text = text_of(r);
    const FilmRecord record = parse_film_record(text).value();
    EXPECT_EQ(values_of(record, "model"), std::vector<std::string>{"model"});
    EXPECT_EQ(values_of(record, "tokenizer"), std::vector<std::string>{"spiece.model"});
    EXPECT_EQ(values_of(record, "lora"), std::vector<std::string>{"a.safetensors:0.5"});
    EXPECT_EQ(text.find('/'), std::string::npos) << text;
}

TEST_F(FilmRecordTest, NamesEveryOptionWithItsValue) {
    Request r = small_request(folder_ / "a.y4m");
    r.noise = NoiseSource::cuda;
    r.bf16_timesteps = true;
    for (const char* name : {"a.safetensors", "b.safetensors"}) write_file(folder_ / name, "");
    r.parts.loras = {{folder_ / "a.safetensors", 0.5}, {folder_ / "b.safetensors", 1}};
    const std::string text = text_of(r);
    EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; })) << text;
    const FilmRecord record = parse_film_record(text).value();
    const auto expect = [&](const std::string& name, const std::vector<std::string>& values) {
        EXPECT_EQ(values_of(record, name), values) << name;
    };
    expect("prompt", {"A \"red\" ball \xe2\x80\x94 \xef\xbf\xbd left."});
    expect("negative", {std::string(kPublishedNegativePrompt)});
    expect("size", {"32x32"});
    expect("frames", {"5"});
    expect("cfg", {"1.5"});
    expect("shift", {"5.0"});  // a default
    expect("seed", {"18446744073709551615"});
    expect("noise", {"cuda"});
    expect("multiprocessors", {"132"});
    expect("bf16-timesteps", {"true"});
    expect("attention", {"auto"});
    expect("model", {r.model.lexically_normal()});
    expect("lora", {(folder_ / "a.safetensors:0.5").string(), (folder_ / "b.safetensors:1.0").string()});
    expect("bits", {"8"});
    expect("codec", {});
    EXPECT_EQ(record.kind, "y4m");
    EXPECT_EQ(record.device, "cpu");
    EXPECT_EQ(record.dtype, "f32");
    EXPECT_EQ(record.film, "0123456789abcdef");
    EXPECT_EQ(text.find("decoded"), std::string::npos);
}

TEST_F(FilmRecordTest, OtherTextIsNone) {
    for (const char* text : {"", "hello", "[]", "{}", R"({"t3video": 1})", R"({"t3video": "1", "options": {}})",
                             R"({"t3video": "1", "device": "cpu", "dtype": "f32", "options": [], "format": {}})"}) {
        EXPECT_FALSE(parse_film_record(text)) << text;
    }
    const std::string deep = std::string(1 << 20, '[') + std::string(1 << 20, ']');
    EXPECT_FALSE(parse_film_record(
        R"({"t3video": "1", "device": "cpu", "dtype": "f32", "format": {}, "options": {"x": )" + deep + "}}"));
}

}  // namespace
}  // namespace t3video::job
