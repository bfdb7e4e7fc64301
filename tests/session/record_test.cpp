// Films carry how they were made.
#include <gtest/gtest.h>

#include <algorithm>

#include "job/film_record.h"
#include "media/film_comment.h"
#include "session/session.h"
#include "support/films.h"
#include "support/images.h"

namespace t3video::session {
namespace {

using namespace testing;
namespace fs = std::filesystem;

std::vector<std::string> values_of(const job::FilmRecord& record, const std::string& name) {
    for (const auto* options : {&record.options, &record.format}) {
        const auto found = std::ranges::find(*options, name, &job::FilmRecord::Option::first);
        if (found != options->end()) return found->second;
    }
    return {};
}

class RecordTest : public ::testing::Test {
  protected:
    TemporaryFolder folder_;
    Session session_{Context()};
    Listener observer_;
};

// The place of a film is no part of it: the same bytes wherever it goes.
TEST_F(RecordTest, PicturesCarryItAndRepeat) {
    const auto run = [&](const std::string& name, bool record, std::optional<int> bits) {
        film::Request r = tiny_request(folder_ / name);
        r.prompt = "A \"red\" ball \xe2\x80\x94 \xff left.";  // a dash in UTF-8, and a byte that is not
        r.seed = 18446744073709551615U;
        r.job = folder_ / "job";
        r.record = record;
        r.bits = bits;
        session_.make(r, observer_);
        return read_file((folder_ / name).parent_path() / ("00003" + fs::path(name).extension().string()));
    };
    const std::string first = run("a/%05d.png", true, {}), second = run("b/%05d.png", true, {});
    EXPECT_TRUE(first == second);
    EXPECT_EQ(values_of(job::parse_film_record(media::read_film_info(folder_ / "a").comment).value(), "steps"),
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
    EXPECT_EQ(values_of(job::parse_film_record(floats.comment).value(), "bits"), std::vector<std::string>{"32"});
    // Made from the deep frames, the sheets differ from that of the 8-bit film by rounding at most.
    const media::Image sheet = read_png(folder_ / "a.png");
    EXPECT_TRUE(read_png(folder_ / "float.png") == sheet);
    const media::Image deep_sheet = read_png(folder_ / "deep.png");
    for (size_t i = 0; i < sheet.rgb.size(); ++i) ASSERT_NEAR(deep_sheet.rgb[i], sheet.rgb[i], 1);
}

}  // namespace
}  // namespace t3video::session
