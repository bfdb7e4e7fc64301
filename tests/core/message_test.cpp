// Messages in the tongues of different front doors.
#include "core/message.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace t3video {
namespace {

const Tongue kShouting{
    .field = [](const Field& f) { return "<" + f.name + "=" + f.value + ">"; },
    .remedy = [](const Remedy& r) { return (r.kind == Remedy::Kind::resume ? "RESUME " : "DECODE ") + r.job; }};

TEST(Message, SaysFieldsAndRemediesInEachTongue) {
    const Message message(Field("size", 30, 'x', 20), ": too small; try ", Field("size", "32x32"), " or ",
                          Field("overwrite"), ", or ", Remedy{Remedy::Kind::resume, "film.job"});
    EXPECT_EQ(message.plain(), "size 30x20: too small; try size 32x32 or overwrite, or resume the job film.job");
    EXPECT_EQ(message.in(kShouting), "<size=30x20>: too small; try <size=32x32> or <overwrite=>, or RESUME film.job");
    ASSERT_NE(message.field(), nullptr);
    EXPECT_EQ(message.field()->name, "size");
    EXPECT_EQ(Message("no field").field(), nullptr);
}

TEST(Message, IsMadeOfOthers) {
    Message message("film 3: ", Message(Field("steps", 0), ": expected 1 to 1000"));
    message.add("; ");
    message.add(Remedy{Remedy::Kind::decode, "a.job"});
    EXPECT_EQ(message.plain(), "film 3: steps 0: expected 1 to 1000; decode the job a.job");
}

TEST(Message, ErrorsCarryThem) {
    try {
        require_valid(false, Field("steps", 0), ": expected ", 1, " to ", 1000);
        FAIL();
    } catch (const InvalidRequest& error) {
        EXPECT_STREQ(error.what(), "steps 0: expected 1 to 1000");
        EXPECT_EQ(error.message().in(kShouting), "<steps=0>: expected 1 to 1000");
        EXPECT_EQ(error.message().field()->value, "0");
    }
    // What a path holds is never taken for a field.
    EXPECT_EQ(InvalidRequest(concat("steps", ": no such file")).message().field(), nullptr);
}

}  // namespace
}  // namespace t3video
