// Where files of a film go, and requests that cannot be.
#include "film/request.h"

#include <gtest/gtest.h>

#include "support/errors.h"

namespace t3video::film {
namespace {

using namespace testing;

TEST(Request, PathsFollowTheOutput) {
    Request r;
    r.output = "films/ball.take.mp4";
    EXPECT_EQ(r.job_folder(), "films/ball.take.job");
    EXPECT_EQ(r.sheet_path(), "films/ball.take.png");
    r.output = "films/frames/%05d.png";
    EXPECT_EQ(r.job_folder(), "films/frames.job");
    EXPECT_EQ(r.sheet_path(), "films/frames.png");
    r.output = "films/frames/";
    EXPECT_EQ(r.sheet_path(), "films/frames.png");
    r.job = "elsewhere";
    EXPECT_EQ(r.job_folder(), "elsewhere");
}

TEST(Request, Checks) {
    const auto refused = [](auto change, const std::vector<std::string>& says) {
        Request r;
        r.prompt = "A ball.";
        r.output = "ball.y4m";
        check_request(r);
        change(r);
        expect_invalid([&] { check_request(r); }, says);
    };
    refused([](Request& r) { r.prompt = "\t \n"; }, {"prompt is empty"});
    refused([](Request& r) { r.multiprocessors = 1025; }, {"multiprocessors 1025", "1 to 1024"});
    refused([](Request& r) { r.preview_every = -1; }, {"preview -1", "number of steps"});
    refused([](Request& r) { r.output = "ball.gif"; }, {".gif", ".mp4"});
}

}  // namespace
}  // namespace t3video::film
