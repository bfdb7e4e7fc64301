// What a film says about how it was made.
#include "pipeline/film_record.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/log.h"
#include "media/film_comment.h"
#include "pipeline/generate.h"
#include "support/files.h"
#include "support/images.h"

namespace t3video::pipeline {
namespace {

using namespace testing;
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
    FilmRecordTest() { set_quiet(true); }
    ~FilmRecordTest() override { set_quiet(false); }
    std::string text_of(const Request& r) {
        const ModelFiles files = find_model(r.model, r.parts);
        const Film film = make_film(files, {}, r.settings, r.attention, r.layout);
        return film_record(ctx_, {film_options(r, film), "0123456789abcdef", "cpu", "f32"},
                           media::film_format(r.output, r.video_options()));
    }

    Context ctx_;
    TemporaryFolder folder_;
};

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

// The place of a film is no part of it: the same bytes wherever it goes.
TEST_F(FilmRecordTest, PicturesCarryItAndRepeat) {
    const auto run = [&](const std::string& name, bool record, std::optional<int> bits) {
        Request r = small_request(folder_ / name);
        r.job = folder_ / "job";
        r.record = record;
        r.bits = bits;
        Progress progress(false, true);
        generate(ctx_, r, progress);
        return read_file((folder_ / name).parent_path() / ("00003" + fs::path(name).extension().string()));
    };
    const std::string first = run("a/%05d.png", true, {}), second = run("b/%05d.png", true, {});
    EXPECT_TRUE(first == second);
    EXPECT_EQ(values_of(parse_film_record(media::read_film_info(folder_ / "a").comment).value(), "steps"),
              std::vector<std::string>{"1"});
    run("c/%05d.png", false, {});
    EXPECT_EQ(media::read_film_info(folder_ / "c").comment, "");
    EXPECT_TRUE(read_png(folder_ / "c/00004.png") == read_png(folder_ / "a/00004.png"));

    run("deep/%05d.png", true, 16);
    run("float/%05d.exr", true, 32);
    const media::VideoInfo deep = media::read_film_info(folder_ / "deep/00004.png"),
                           floats = media::read_film_info(folder_ / "float/00004.exr");
    EXPECT_EQ(deep.pixels, "16-bit RGB");
    EXPECT_EQ(floats.pixels, "32-bit float");
    EXPECT_EQ(values_of(parse_film_record(floats.comment).value(), "bits"), std::vector<std::string>{"32"});
    // Made from the deep frames, the sheets differ from that of the 8-bit film by rounding at most.
    const media::Image sheet = read_png(folder_ / "a.png");
    EXPECT_TRUE(read_png(folder_ / "float.png") == sheet);
    const media::Image deep_sheet = read_png(folder_ / "deep.png");
    for (size_t i = 0; i < sheet.rgb.size(); ++i) ASSERT_NEAR(deep_sheet.rgb[i], sheet.rgb[i], 1);
}

}  // namespace
}  // namespace t3video::pipeline
