#include "evaluation/picture_numbers.h"

#include <gtest/gtest.h>

#include <string>

#include "support/errors.h"

namespace t3video::evaluation {
namespace {

using testing::expect_invalid;
namespace fs = std::filesystem;

void check(const std::vector<std::string>& names) {
    check_numbers("film", {names.begin(), names.end()});
}

TEST(PictureNumbers, ANumberThatIsMissingIsNamed) {
    expect_invalid(
        [] {
            check({"00001.png", "00002.png", "00004.png", "00005.png"});
        },
        {"film: picture 3 of 1 to 5 is missing"});
    expect_invalid([] { check({"f_0_v2.png", "f_1_v2.png", "f_3_v2.png"}); }, {"picture 2 of 0 to 3 is missing"});
    expect_invalid([] { check({"9.png", "10.png", "12.png"}); }, {"picture 11 of 9 to 12 is missing"});
    expect_invalid([] { check({"0.png", "10.png", "30.png", "40.png"}); }, {"picture 20 of 0 to 40 is missing"});
    expect_invalid(
        [] {
            check({"1.png", "2.png", "6.png"});
        },
        {"3 pictures of 1 to 6 are missing, the first of them is 3"});
    // Shots of their own, or something else beside them.
    expect_invalid(
        [] {
            check({"a1.png", "a2.png", "a4.png", "b1.png", "b2.png", "b3.png"});
        },
        {"picture 3 of 1 to 4 is missing"});
    expect_invalid([] { check({"1.png", "2.png", "4.png", "title.png"}); }, {"picture 3 of 1 to 4 is missing"});
}

TEST(PictureNumbers, ANumberThatIsThereTwiceIsNamed) {
    expect_invalid(
        [] {
            check({"00002.png", "3.png", "00003.png", "00004.png"});
        },
        {"film: both 3.png and 00003.png are picture 3; expected one of them"});
    expect_invalid([] { check({"f1.png", "f1.PNG"}); }, {"both f1.png and f1.PNG are picture 1"});
}

TEST(PictureNumbers, WholeSeriesAndOtherNamesPass) {
    EXPECT_NO_THROW(check({}));
    EXPECT_NO_THROW(check({"7.png"}));
    EXPECT_NO_THROW(check({"a.png", "b.png"}));
    EXPECT_NO_THROW(check({"00000.png", "00001.png", "00002.png"}));
    EXPECT_NO_THROW(check({"0.png", "8.png", "16.png", "24.png"}));            // every eighth frame
    EXPECT_NO_THROW(check({"1000.png", "1040.png", "1083.png", "1120.png"}));  // times
    EXPECT_NO_THROW(check({"shot1_1.png", "shot1_2.png", "shot2_1.png", "shot2_2.png"}));
    EXPECT_NO_THROW(check({"99999999999999999999999.png", "99999999999999999999998.png", "1.png"}));
}

}  // namespace
}  // namespace t3video::evaluation
