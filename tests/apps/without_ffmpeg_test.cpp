// The command line of a build without FFmpeg.
#include <gtest/gtest.h>

#include "support/program.h"

namespace t3video {
namespace {

using namespace testing;

TEST(CliWithoutFfmpeg, RefusesH264BeforeAnyWork) {
    const TemporaryFolder folder;
    const Outcome outcome = run_program({"generate", "--prompt", "A red ball.", "--output", folder / "film.mp4"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_NE(outcome.err.find("this build has no FFmpeg; write " + (folder / "film.y4m").string()), std::string::npos)
        << outcome.err;
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace t3video
