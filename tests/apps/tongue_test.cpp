// What messages from below say at the command line.
#include "apps/common/tongue.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "media/film_format.h"

namespace t3video::apps {
namespace {

std::string said(const Message& message) {
    return message.in(command_line());
}

TEST(CommandLineTongue, FieldsAreOptions) {
    EXPECT_EQ(said(Message(Field("steps", 0), ": expected ", 1, " to ", 1000)), "--steps 0: expected 1 to 1000");
    EXPECT_EQ(said(Message("allow more with ", Field("memory"))), "allow more with --memory");
    EXPECT_EQ(said(Message(Field("layout", "my film.json"), ": no such file")), "--layout my film.json: no such file");
}

TEST(CommandLineTongue, RemediesAreCommands) {
    const auto resume = [](const std::string& job) { return said(Message(Remedy{Remedy::Kind::resume, job})); };
    EXPECT_EQ(resume("films/a-1.job"), "t3video resume films/a-1.job");
    EXPECT_EQ(resume("my film's.job"), "t3video resume 'my film'\\''s.job'");
    EXPECT_EQ(resume("a;b"), "t3video resume 'a;b'");
    EXPECT_EQ(resume(""), "t3video resume ''");
    EXPECT_EQ(said(Message("or ", Remedy{Remedy::Kind::decode, "a.job"}, " again")), "or t3video decode a.job again");
}

// Thrown below, plain there, and an option here: fields survive being wrapped.
TEST(CommandLineTongue, ErrorsFromBelow) {
    try {
        media::parse_codec("vp9");
        FAIL();
    } catch (const InvalidRequest& error) {
        EXPECT_STREQ(error.what(), "codec vp9: expected h264, hevc, av1 or prores");
        EXPECT_EQ(said(Message("film 3: ", error.message())),
                  "film 3: --codec vp9: expected h264, hevc, av1 or prores");
    }
}

}  // namespace
}  // namespace t3video::apps
