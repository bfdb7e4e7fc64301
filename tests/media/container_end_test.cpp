// Containers put together by hand, whole and cut at every byte.
#include "media/input/container_end.h"

#include <gtest/gtest.h>

#include <string>

#include "support/files.h"

namespace t3video::media {
namespace {

using testing::TemporaryFolder;
using testing::write_file;

std::string big(uint64_t value, int count) {
    std::string bytes;
    for (int i = count; i-- > 0;) bytes += static_cast<char>(value >> (8 * i));
    return bytes;
}

std::string little(uint64_t value, int count) {
    const std::string bytes = big(value, count);
    return {bytes.rbegin(), bytes.rend()};
}

FileEnd end_of(const std::string& bytes) {
    const TemporaryFolder folder;
    return end_of_video(write_file(folder / "film", bytes));
}

// Bytes from `first` up to `last` are those that the container tells of.
void expect_told(const std::string& whole, size_t first, size_t last, FileEnd cut = FileEnd::cut) {
    EXPECT_EQ(end_of(whole), FileEnd::open);
    for (size_t size = first; size < last; ++size) EXPECT_EQ(end_of(whole.substr(0, size)), cut) << size;
}

std::string box(const std::string& kind, const std::string& data) {
    return big(8 + data.size(), 4) + kind + data;
}

TEST(ContainerEnd, OfMp4IsWhereItsBoxesEnd) {
    const std::string head = box("ftyp", "isom") + box("moov", std::string(20, 'x'));
    const std::string film = head + box("mdat", std::string(30, 'x'));
    expect_told(film, head.size() + 8, film.size());
    EXPECT_EQ(end_of(film + "xxxxyyyyzzzz"), FileEnd::open);  // what others put behind it
    EXPECT_EQ(end_of(head + big(0, 4) + "mdat" + std::string(9, 'x')), FileEnd::open);
    const std::string wide = head + big(1, 4) + "mdat" + big(36, 8) + std::string(20, 'x');
    expect_told(wide, head.size() + 16, wide.size());
    const std::string parts = box("ftyp", "isom") + box("moof", std::string(9, 'x')) + box("mdat", "frames");
    expect_told(parts, parts.size() - 5, parts.size());
    const std::string filled = film + box("free", std::string(9, 'x'));
    EXPECT_EQ(end_of(filled.substr(0, filled.size() - 3)), FileEnd::open);
}

TEST(ContainerEnd, OfAviIsWhereItsListEnds) {
    const std::string first = "RIFF" + little(24, 4) + "AVI " + std::string(20, 'x'),
                      more = first + "RIFF" + little(14, 4) + "AVIX" + std::string(10, 'x');
    constexpr size_t kHead = 8;  // some writers count it, so that so many bytes are not missed
    expect_told(first, 12, first.size() - kHead);
    expect_told(more, first.size() + 12, more.size() - kHead);
    const std::string open = "RIFF" + little(0, 4) + "AVI " + std::string(20, 'x');
    EXPECT_EQ(end_of(open), FileEnd::open);
    EXPECT_EQ(end_of("RIFF" + little(32, 4) + "AVI " + std::string(20, 'x')), FileEnd::open);
}

TEST(ContainerEnd, OfMatroskaIsWhereItsElementsEnd) {
    const std::string ebml = "\x1A\x45\xDF\xA3\x84" + std::string(4, 'x'), segment = "\x18\x53\x80\x67",
                      unknown = "\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF", cluster = "\x1F\x43\xB6\x75",
                      block = "\xA3\x87" + std::string(7, 'x'), clusters = cluster + "\x92" + block + block;
    const std::string whole = ebml + segment + "\x40" + big(clusters.size(), 1) + clusters;
    expect_told(whole, ebml.size() + 6, whole.size());
    EXPECT_EQ(end_of(whole + "anything"), FileEnd::open);
    const std::string zeros = whole.substr(0, whole.size() - 12) + std::string(12, '\0');
    EXPECT_EQ(end_of(ebml + segment + unknown + clusters + std::string(12, '\0')), FileEnd::cut);
    EXPECT_EQ(end_of(zeros), FileEnd::open);  // within a cluster nobody looks
    // Of a live recording, which may end behind any block.
    const std::string live = ebml + segment + unknown + cluster + unknown + block;
    EXPECT_EQ(end_of(live), FileEnd::open);
    expect_told(live + block, live.size() + 1, live.size() + block.size());
}

TEST(ContainerEnd, OfAsfIsWhereItsDataEnd) {
    const std::string kind = "\x30\x26\xB2\x75\x8E\x66\xCF\x11", data = "\x36\x26\xB2\x75\x8E\x66\xCF\x11",
                      rest = std::string(8, 'x');
    const std::string head = kind + rest + little(30, 8) + std::string(6, 'x'),
                      whole = head + data + rest + little(40, 8) + std::string(16, 'x');
    expect_told(whole, head.size() + 24, whole.size());
    const std::string index = whole + rest + rest + little(40, 8) + std::string(16, 'x');
    EXPECT_EQ(end_of(index.substr(0, index.size() - 1)), FileEnd::open);
}

TEST(ContainerEnd, OfFlvIsBehindATag) {
    const auto tag = [](char kind, size_t size) {
        return std::string(1, kind) + big(size, 3) + std::string(7, '\0') + std::string(size, 'x') + big(size + 11, 4);
    };
    const std::string head = "FLV\1\1" + big(9, 4) + big(0, 4), first = head + tag('\x12', 5);
    const std::string whole = first + tag('\x09', 20);
    expect_told(whole, first.size() + 1, whole.size() - 4);
    EXPECT_EQ(end_of(first + std::string(20, '\0')), FileEnd::cut);
}

TEST(ContainerEnd, OfOggIsBehindAPage) {
    const auto page = [](size_t size) {
        return std::string("OggS\0", 5) + std::string(21, 'x') + "\1" + big(size, 1) + std::string(size, 'x');
    };
    const std::string first = page(9), whole = first + page(30);
    expect_told(whole, first.size() + 5, whole.size());
}

TEST(ContainerEnd, OfGifIsItsMark) {
    const std::string colours(6, 'x'), head = std::string("GIF89a\1\0\1\0\x80\0\0", 13) + colours,
                                       extension = std::string("\x21\xF9\4xxxx\0", 8),
                                       image = std::string("\x2C\0\0\0\0\1\0\1\0\0\2\3xxx\2xx\0", 19);
    const std::string whole = head + extension + image + extension + image + "\x3B";
    EXPECT_EQ(end_of(whole), FileEnd::open);
    EXPECT_EQ(end_of(whole + "anything"), FileEnd::open);
    const size_t last = head.size() + 2 * extension.size() + image.size();
    for (size_t size = last + 1; size < last + image.size(); ++size)
        EXPECT_EQ(end_of(whole.substr(0, size)), FileEnd::cut) << size;
    EXPECT_EQ(end_of(whole.substr(0, whole.size() - 1)), FileEnd::open);  // some writers leave the mark out
    EXPECT_EQ(end_of(whole.substr(0, last) + std::string(100, '\0')), FileEnd::cut);
    EXPECT_EQ(end_of(whole.substr(0, last) + std::string(1 << 20, '\0')), FileEnd::cut);
}

// Frames of so many packets; the last one is filled up.
std::string transport(int frames, int packets) {
    const auto packet = [](int pid, bool begins, const std::string& fields, const std::string& data) {
        const char control = fields.empty() ? 0x10 : 0x30;
        return "G" + big((begins ? 0x4000 : 0) | pid, 2) + control + fields + data;
    };
    std::string stream;
    for (int i = 0; i < frames; ++i) {
        stream += packet(0, true, "", std::string(184, '\xFF'));
        const std::string clock = "\x07\x50" + std::string(6, 'c'), begin("\0\0\1\xE0\0\0", 6);
        stream += packet(256, true, clock, begin + std::string(170, 'x'));
        for (int k = 1; k < packets; ++k) stream += packet(256, false, "", std::string(184, 'x'));
        stream += packet(256, false, std::string("\x03\0\xFF\xFF", 4), std::string(180, 'x'));
    }
    return stream;
}

// Recordings end anywhere: between frames nothing is known to be missing.
TEST(ContainerEnd, OfATransportStreamIsBehindAFrame) {
    const std::string whole = transport(3, 4);
    const size_t packet = 188, frame = 6 * packet;
    ASSERT_EQ(whole.size(), 3 * frame);
    EXPECT_EQ(end_of(whole), FileEnd::open);
    EXPECT_EQ(end_of(whole.substr(0, 2 * frame)), FileEnd::open);
    for (size_t i = 1; i < 6; ++i) EXPECT_EQ(end_of(whole.substr(0, 2 * frame + i * packet)), FileEnd::in_frame) << i;
    for (const size_t byte : {1, 100, 187}) EXPECT_EQ(end_of(whole.substr(0, 2 * frame + byte)), FileEnd::in_frame);
    EXPECT_EQ(end_of(whole + std::string(packet, '\0')), FileEnd::in_frame);
    // Sound behind the last frame.
    const std::string sound = "G\1\1\x10" + std::string(184, 's');
    EXPECT_EQ(end_of(whole + sound), FileEnd::open);
    EXPECT_EQ(end_of(whole.substr(0, whole.size() - packet) + sound), FileEnd::in_frame);
    // With times in front of packets, as Blu-rays have them.
    std::string timed;
    for (size_t at = 0; at < whole.size(); at += packet) timed += "time" + whole.substr(at, packet);
    EXPECT_EQ(end_of(timed), FileEnd::open);
    EXPECT_EQ(end_of(timed.substr(0, timed.size() - 192)), FileEnd::in_frame);
}

TEST(ContainerEnd, OfOthersIsNotKnown) {
    for (const char* bytes : {"", "x", "YUV4MPEG2 W1 H1\n", "RIFF", "G"}) EXPECT_EQ(end_of(bytes), FileEnd::open);
}

}  // namespace
}  // namespace t3video::media
