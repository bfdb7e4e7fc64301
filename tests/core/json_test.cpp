// JSON that must not harm: depth, and numbers that no integer holds.
#include "core/json.h"

#include <gtest/gtest.h>

#include <string>

namespace t3video {
namespace {

std::string nested(size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

TEST(Json, IsDiscardedBeyondTheDeepest) {
    EXPECT_TRUE(parse_json_or_discard(nested(kDeepestJson)).is_array());
    EXPECT_TRUE(parse_json_or_discard(nested(kDeepestJson + 1)).is_discarded());
    EXPECT_TRUE(parse_json_or_discard(nested(1 << 20)).is_discarded());
    EXPECT_TRUE(parse_json_or_discard(R"({"a": )" + nested(1 << 20) + R"(, "b": 1})").is_discarded());
    EXPECT_TRUE(parse_json_or_discard<nlohmann::ordered_json>(nested(kDeepestJson + 1)).is_discarded());
}

TEST(Json, IsDiscardedWhereInvalid) {
    for (const char* text : {"", "[", "{\"a\": }", "1e999", "\"\xff\""})
        EXPECT_TRUE(parse_json_or_discard(text).is_discarded()) << text;
    EXPECT_EQ(parse_json_or_discard(R"({"a": [1, "b", null]})").dump(), R"({"a":[1,"b",null]})");
}

TEST(Json, WholeNumbersAreWhole) {
    const auto value = [](const std::string& text) {
        return whole_number_at(parse_json_or_discard("{\"x\": " + text + "}"), "x");
    };
    EXPECT_EQ(value("7"), 7);
    EXPECT_EQ(value("-7"), -7);
    EXPECT_EQ(value("9223372036854775807"), INT64_MAX);
    for (const char* text : {"7.0", "1e300", "-1e300", "true", "\"7\"", "null", "[7]", "9223372036854775808"})
        EXPECT_EQ(value(text), std::nullopt) << text;
    EXPECT_EQ(whole_number_at(nlohmann::json::object(), "x"), std::nullopt);
}

}  // namespace
}  // namespace t3video
