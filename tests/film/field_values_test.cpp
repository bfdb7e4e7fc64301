// Values as people write them.
#include "film/field_values.h"

#include <gtest/gtest.h>

#include <set>

#include "media/frame_rate.h"
#include "support/errors.h"

namespace t3video::film {
namespace {

using testing::expect_invalid;

TEST(FieldValues, FramesPerSecond) {
    EXPECT_EQ(parse_fps(Field("fps", "24")), 24);
    EXPECT_EQ(parse_fps(Field("fps", "12.5")), 12.5);
    for (const auto& [text, rate] : {std::pair<const char*, media::FrameRate>{"24000/1001", {24000, 1001}},
                                     {"30000/1001", {30000, 1001}},
                                     {"25/2", {25, 2}},
                                     {"100/7", {100, 7}},
                                     {"99991/1009", {99991, 1009}},
                                     {"60/2", {30, 1}}})
        EXPECT_EQ(media::FrameRate(parse_fps(Field("fps", text))), rate) << text;
    for (const char* text : {"", "abc", "nan", "inf", "24fps", "24/", "/2", "24/0", "0/5", "-24/1", "24/1/1", "24 / 1"})
        expect_invalid([&] { parse_fps(Field("fps", text)); },
                       {std::string(*text ? "fps " : "fps") + text + ": expected", "24000/1001"});
}

// Such a number has no place in JSON, where it would look like one that was not given.
TEST(FieldValues, NumbersAreFinite) {
    double value = 0;
    parse(Field("cfg", "1e3"), value);
    EXPECT_EQ(value, 1000);
    for (const char* text : {"nan", "-nan", "inf", "-inf", "1e999"})
        expect_invalid([&] { parse(Field("cfg", text), value); }, {concat("cfg ", text, ": expected a number")});
}

// Numbers that no file's time base can have are not rounded in silence.
TEST(FieldValues, FractionsAreExactOrRefused) {
    const auto refused = [](const char* text, const char* nearest) {
        expect_invalid([&] { parse_fps(Field("fps", text)); }, {concat("fps ", text), "nearest rate", nearest});
    };
    refused("1199/50", "24000/1001");
    refused("9999999/400001", "/");
    EXPECT_EQ(fps_text(parse_fps(Field("fps", "24000/1001"))), "24000/1001");
    EXPECT_EQ(fps_text(parse_fps(Field("fps", "29.97"))), "30000/1001");
    EXPECT_EQ(fps_text(parse_fps(Field("fps", "100/7"))), "100/7");
    EXPECT_EQ(fps_text(12.5), "12.5");
    EXPECT_EQ(fps_text(24), "24");
}

TEST(FieldValues, SeedsAreGivenOrDrawn) {
    EXPECT_EQ(parse_seed(Field("seed", "18446744073709551615")), UINT64_MAX);
    std::set<uint64_t> drawn;
    for (int i = 0; i < 8; ++i) drawn.insert(parse_seed(Field("seed", "-1")));
    EXPECT_GT(drawn.size(), 1u);
    EXPECT_LE(*drawn.rbegin(), UINT32_MAX);
    for (const char* text : {"", "-2", "+7", "1.5", "x", "-1 "})
        expect_invalid([&] { parse_seed(Field("seed", text)); }, {"seed", "expected 0 to 18446744073709551615, or -1"});
}

TEST(FieldValues, Sizes) {
    EXPECT_EQ(parse_size(Field("size", "832x480")), (std::pair<int64_t, int64_t>(832, 480)));
    EXPECT_EQ(parse_size(Field("size", "16X9")), (std::pair<int64_t, int64_t>(16, 9)));
    for (const char* text : {"", "30", "x", "30x", "x30", "0x3", "-3x3", "3x3x3", "3 x 3", "99999999999999999999x3"})
        expect_invalid([&] { parse_size(Field("size", text)); }, {"size", ": expected WIDTHxHEIGHT", "832x480"});
}

TEST(FieldValues, Loras) {
    const auto lora = [](const char* text) { return parse_lora(Field("lora", text)); };
    EXPECT_EQ(lora("a.safetensors").weight, 1);
    EXPECT_EQ(lora("a.safetensors:0.8").weight, 0.8);
    EXPECT_EQ(lora("a.safetensors:0.8").file, "a.safetensors");
    EXPECT_EQ(lora("c:a.safetensors").file, "c:a.safetensors");
    EXPECT_EQ(lora("a:").file, "a:");
    EXPECT_EQ(lora("a:-2").weight, -2);
    for (const char* text : {"a:101", "a:-1e3", "a:nan"})
        expect_invalid([&] { lora(text); }, {"lora a:", "expected -100 to 100"});
}

TEST(FieldValues, Numbers) {
    int64_t whole = 0;
    uint64_t seed = 0;
    std::optional<double> real;
    bool flag = false;
    parse(Field("a", "-7"), whole);
    parse(Field("a", "18446744073709551615"), seed);
    parse(Field("a", "2.5"), real);
    parse(Field("a", "true"), flag);
    EXPECT_EQ(whole, -7);
    EXPECT_EQ(seed, 18446744073709551615u);
    EXPECT_EQ(real, 2.5);
    EXPECT_TRUE(flag);
    for (const char* text : {"", "x", "1.5", "1 ", "+1", "9223372036854775808"})
        expect_invalid([&] { parse(Field("a", text), whole); }, {"a", "expected a whole number"});
    expect_invalid([&] { parse(Field("seed", "-1"), seed); }, {"seed -1: expected 0 to 18446744073709551615"});
    expect_invalid([&] { parse(Field("cfg", "abc"), real); }, {"cfg abc: expected a number"});
    expect_invalid([&] { parse(Field("record", "yes"), flag); }, {"record yes: expected true or false"});
}

}  // namespace
}  // namespace t3video::film
