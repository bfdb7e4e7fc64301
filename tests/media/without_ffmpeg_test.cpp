// A build without FFmpeg: H.264 is refused before any work, with what to write instead.
#include "media/frame_writer.h"
#include "media_fixture.h"

namespace t3video::media {
namespace {

class WithoutFfmpeg : public MediaTest {};

TEST_F(WithoutFfmpeg, VideoFilesAreRefusedWithAnotherName) {
    for (const char* extension : {".mp4", ".mkv", ".MOV"}) {
        const std::filesystem::path path = folder() / (std::string("film") + extension);
        for (const std::string& message :
             {complaint([&] { check_output(path); }), complaint([&] { open_writer(path, 64, 64, 8); })}) {
            EXPECT_TRUE(contains(message, "this build has no FFmpeg")) << message;
            EXPECT_TRUE(contains(message, (folder() / "film.y4m").string())) << message;
            EXPECT_TRUE(contains(message, (folder() / "film/").string())) << message;
        }
    }
    EXPECT_EQ(files_in_folder(), 0u);
}

}  // namespace
}  // namespace t3video::media
