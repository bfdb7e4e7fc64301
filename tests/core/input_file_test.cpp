// What is read, what is refused, and that nothing is waited on.
#include "core/input_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "support/errors.h"
#include "support/files.h"

namespace t3video {
namespace {

namespace fs = std::filesystem;
using testing::expect_invalid;

TEST(InputFile, ReadsToTheEnd) {
    const testing::TemporaryFolder folder;
    std::string text(300'000, 'a');
    for (size_t i = 0; i < text.size(); i += 7) text[i] = static_cast<char>(i);
    const fs::path path = testing::write_file(folder / "text", text);
    EXPECT_EQ(read_text_file(path, "a text"), text);
    EXPECT_EQ(read_text_file(path, "a text", text.size()), text);
    EXPECT_EQ(read_text_file(testing::write_file(folder / "empty", ""), "a text"), "");
    InputFile file(path, "a text");
    EXPECT_EQ(file.bytes(), 300'000);
    EXPECT_EQ(file.read(5), text.substr(0, 5));
    file.seek(299'998);
    EXPECT_EQ(file.read(100), text.substr(299'998));
    EXPECT_EQ(file.read(100), "");
}

TEST(InputFile, RefusesWhatIsNoFile) {
    const testing::TemporaryFolder folder;
    ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
    fs::create_symlink(folder / "circle", folder / "circle");
    const int socket_file = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    folder.path().string().append("/socket").copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(bind(socket_file, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const auto refused = [&](const fs::path& path, const std::string& words) {
        expect_invalid([&] { read_text_file(path, "a window layout"); },
                       {path.string() + ": " + words, "; expected a window layout"});
    };
    refused(folder / "gone", "no such file");
    refused(folder.path(), "is a folder");
    refused(folder / "pipe", "is a pipe");
    refused(folder / "socket", "is no file");
    refused("/dev/zero", "is a device");
    for (const char* url : {"https://example.org/a.json", "rtsp://camera/1", "file:///tmp/a.json"})
        refused(url, "addresses are not read; download it");
    refused("C://a.json", "no such file");
    refused(folder / "circle", "Too many levels of symbolic links");
    refused(folder / std::string(300, 'n'), "File name too long");
    close(socket_file);
    expect_invalid([&] { read_text_file(folder.path(), "a list", 10, Pipes::accepted); }, {"is a folder"});
}

TEST(InputFile, SizeIsBounded) {
    const testing::TemporaryFolder folder;
    const fs::path path = testing::write_file(folder / "sparse", "");
    fs::resize_file(path, uintmax_t{1} << 40);
    expect_invalid([&] { read_text_file(path, "a batch's list", 1 << 20); },
                   {path.string() + ": more than 1 MiB; expected a batch's list"});
}

TEST(InputFile, PipesAreReadWhereTheyAreMeant) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const std::string text(200'000, 'x');  // more than a pipe holds
    std::thread writer([&] {
        EXPECT_EQ(write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
        close(ends[1]);
    });
    const fs::path name = "/proc/self/fd/" + std::to_string(ends[0]);
    EXPECT_EQ(read_text_file(name, "a list", text.size(), Pipes::accepted), text);
    writer.join();
    close(ends[0]);

    const testing::TemporaryFolder folder;
    ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
    EXPECT_EQ(read_text_file(folder / "pipe", "a list", 10, Pipes::accepted), "") << "nobody writes";
}

TEST(InputFile, WaitingForAPipeCanBeStopped) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    std::stop_source stop;
    stop.request_stop();
    const fs::path name = "/proc/self/fd/" + std::to_string(ends[0]);
    try {
        read_text_file(name, "a list", 10, Pipes::accepted, stop.get_token());
        ADD_FAILURE() << "not stopped";
    } catch (const Stopped& stopped) {
        EXPECT_EQ(stopped.what(), "stopped while " + name.string() + " was read");
    }
    close(ends[0]);
    close(ends[1]);
}

}  // namespace
}  // namespace t3video
