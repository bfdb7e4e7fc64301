// A walk over the outermost parts of a container.
#include "media/input/container_end.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <string_view>

#include "core/input_file.h"

namespace t3video::media {
namespace {

// A file's bytes by their places; what lies behind the end is zero.
class Bytes {
  public:
    explicit Bytes(const std::filesystem::path& path) : file_(path, "a video") {}

    int64_t size() const { return file_.bytes(); }
    std::string at(int64_t place, size_t count) {
        file_.seek(std::min(place, size()));
        return file_.read(count);
    }
    uint64_t big(int64_t place, size_t count) {
        uint64_t value = 0;
        for (const char byte : padded(place, count)) value = value << 8 | static_cast<uint8_t>(byte);
        return value;
    }
    uint64_t little(int64_t place, size_t count) {
        uint64_t value = 0;
        const std::string bytes = padded(place, count);
        for (size_t i = count; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
        return value;
    }
    // Whether so many bytes from there are beyond the end.
    bool lacks(int64_t place, uint64_t count) const {
        return place > size() || count > static_cast<uint64_t>(size() - place);
    }

  private:
    std::string padded(int64_t place, size_t count) {
        std::string bytes = at(place, count);
        bytes.resize(count);
        return bytes;
    }

    InputFile file_;
};

// MP4 and MOV (ISO/IEC 14496-12): boxes of a size and a kind. What follows the film's own boxes may be anything.
FileEnd end_of_boxes(Bytes& bytes) {
    constexpr std::array<std::string_view, 3> kFilm = {"mdat", "moof", "moov"};
    for (int64_t place = 0; !bytes.lacks(place, 8);) {
        const std::string kind = bytes.at(place + 4, 4);
        uint64_t size = bytes.big(place, 4);
        if (size == 1) size = bytes.big(place + 8, 8);
        if (size < 8) break;  // 0: up to the end, whatever that is
        if (bytes.lacks(place, size)) return std::ranges::count(kFilm, kind) > 0 ? FileEnd::cut : FileEnd::open;
        place += static_cast<int64_t>(size);
    }
    return FileEnd::open;
}

// AVI: one list of chunks, more of them behind it in large files. Some writers count the eight bytes in front too.
FileEnd end_of_avi(Bytes& bytes) {
    constexpr uint64_t kUnknown = 0xFFFFFFFF, kHead = 8;
    for (int64_t place = 0; bytes.at(place, 4) == "RIFF";) {
        const uint64_t size = bytes.little(place + 4, 4);
        if (size == 0 || size == kUnknown) break;  // of a recording that was not closed
        if (bytes.lacks(place, size)) return FileEnd::cut;
        place += static_cast<int64_t>(kHead + size + size % 2);
    }
    return FileEnd::open;
}

// Matroska and WebM (RFC 8794): elements of a number and a size, which live recordings leave open; then the elements
// within are the next ones.
FileEnd end_of_matroska(Bytes& bytes) {
    constexpr uint64_t kSegment = 0x18538067;
    constexpr int kLongestNumber = 4, kLongestSize = 8;
    int64_t end = bytes.size();
    for (int64_t place = 0; place < end;) {
        const int number_bytes = std::countl_zero(static_cast<uint8_t>(bytes.big(place, 1))) + 1;
        const auto size_byte = static_cast<uint8_t>(bytes.big(place + number_bytes, 1));
        const int size_bytes = std::countl_zero(size_byte) + 1;
        const int64_t inside = place + number_bytes + size_bytes;
        if (number_bytes > kLongestNumber || size_bytes > kLongestSize || inside > end) return FileEnd::cut;
        const uint64_t bits = (uint64_t{1} << (7 * size_bytes)) - 1,
                       size = bytes.big(place + number_bytes, static_cast<size_t>(size_bytes)) & bits;
        const bool segment = bytes.big(place, static_cast<size_t>(number_bytes)) == kSegment;
        if (size == bits) {
            place = inside;
            continue;
        }
        if (size > static_cast<uint64_t>(end - inside)) return FileEnd::cut;
        if (segment) end = inside + static_cast<int64_t>(size);
        place = segment ? inside : inside + static_cast<int64_t>(size);
    }
    return FileEnd::open;
}

// ASF (.wmv): objects of 16 bytes that say the kind, and a size. An index follows the film's own.
FileEnd end_of_asf(Bytes& bytes) {
    constexpr std::string_view kData("\x36\x26\xB2\x75\x8E\x66\xCF\x11", 8);
    constexpr uint64_t kHead = 24;
    for (int64_t place = 0; !bytes.lacks(place, kHead);) {
        const uint64_t size = bytes.little(place + 16, 8);
        if (size < kHead) break;
        if (bytes.lacks(place, size)) return bytes.at(place, 8) == kData ? FileEnd::cut : FileEnd::open;
        place += static_cast<int64_t>(size);
    }
    return FileEnd::open;
}

// FLV: tags of a kind and a size, each followed by its own size once more.
FileEnd end_of_flv(Bytes& bytes) {
    constexpr int64_t kHead = 11, kTail = 4;
    for (int64_t place = static_cast<int64_t>(bytes.big(5, 4)) + kTail; place < bytes.size();) {
        const uint64_t kind = bytes.big(place, 1) & 0x1F;
        if (kind != 8 && kind != 9 && kind != 18) return kind == 0 ? FileEnd::cut : FileEnd::open;
        const uint64_t size = bytes.big(place + 1, 3);
        if (bytes.lacks(place, kHead + size)) return FileEnd::cut;
        place += kHead + static_cast<int64_t>(size) + kTail;
    }
    return FileEnd::open;
}

// Ogg (RFC 3533): the last page, which has 64 KiB at most.
FileEnd end_of_ogg(Bytes& bytes) {
    constexpr int64_t kTail = 1 << 17;
    constexpr size_t kHead = 27;
    const int64_t begin = std::max<int64_t>(0, bytes.size() - kTail);
    const std::string tail = bytes.at(begin, kTail);
    const size_t page = tail.rfind(std::string_view("OggS\0", 5));
    if (page == std::string::npos || page + kHead > tail.size()) return FileEnd::cut;
    const size_t segments = static_cast<uint8_t>(tail[page + kHead - 1]), data = page + kHead + segments;
    size_t end = data;
    for (size_t i = page + kHead; i < std::min(data, tail.size()); ++i) end += static_cast<uint8_t>(tail[i]);
    return end > tail.size() ? FileEnd::cut : FileEnd::open;
}

// GIF89a: blocks, the last one of a byte. Some files lack that one, and some have others between blocks.
FileEnd end_of_gif(Bytes& bytes) {
    constexpr uint64_t kEnd = 0x3B, kExtension = 0x21, kImage = 0x2C, kHasColours = 0x80;
    const auto colours = [](uint64_t flags) -> int64_t {
        return (flags & kHasColours) == 0 ? 0 : 3 * (int64_t{2} << (flags & 7));
    };
    constexpr int64_t kHead = 13, kMostAstray = 4096;
    int64_t astray = 0;
    int64_t place = kHead + colours(bytes.big(10, 1));
    while (place < bytes.size()) {
        const uint64_t kind = bytes.big(place++, 1);
        if (kind == kEnd) return FileEnd::open;
        astray = kind == kExtension || kind == kImage ? 0 : astray + 1;
        if (astray > kMostAstray) return FileEnd::cut;
        if (astray > 0) continue;
        if (kind == kExtension) place += 1;
        if (kind == kImage) place += 9 + colours(bytes.big(place + 8, 1)) + 1;
        uint64_t part = 1;  // its data, in parts of a byte that counts them
        while (part > 0) {
            if (bytes.lacks(place, 1)) return FileEnd::cut;
            part = bytes.big(place, 1);
            place += 1 + static_cast<int64_t>(part);
        }
    }
    return astray > 0 || place > bytes.size() ? FileEnd::cut : FileEnd::open;
}

// A packet of an MPEG transport stream (ISO/IEC 13818-1).
class TransportPacket {
  public:
    static constexpr size_t kBytes = 188;

    explicit TransportPacket(std::string_view bytes) : bytes_(bytes) {}

    uint64_t stream() const { return (byte(1) & 0x1F) << 8 | byte(2); }
    bool begins_video() const {
        const bool begins = (byte(1) & 0x40) != 0;
        const std::string_view data = payload();
        return begins && data.starts_with(std::string_view("\0\0\1", 3)) && data.size() > 3 &&
               (static_cast<uint8_t>(data[3]) & 0xF0) == 0xE0;
    }
    // Filled up, as a packet is where the frame in it ends.
    bool filled_up() const {
        constexpr uint64_t kClock = 0x10, kOtherClock = 0x08, kOthers = 0x07, kClockBytes = 6;
        if (!has_fields()) return false;
        const uint64_t size = byte(4), flags = size > 0 ? byte(5) : 0;
        uint64_t used = 1;
        if ((flags & kClock) != 0) used += kClockBytes;
        if ((flags & kOtherClock) != 0) used += kClockBytes;
        if (flags == 0 || (flags & kOthers) != 0) return true;
        return size > used;
    }

  private:
    uint64_t byte(size_t i) const { return static_cast<uint8_t>(bytes_[i]); }
    bool has_fields() const { return (byte(3) & 0x20) != 0; }
    std::string_view payload() const {
        const size_t begin = 4 + (has_fields() ? 1 + byte(4) : 0);
        return (byte(3) & 0x10) != 0 && begin < kBytes ? bytes_.substr(begin) : std::string_view();
    }

    std::string_view bytes_;
};

// Packets, some kinds with four bytes in front or 16 behind. The last one with a part of a frame is filled up, and
// packets with tables stand in front of others.
FileEnd end_of_transport(Bytes& bytes, int64_t step, int64_t front) {
    constexpr int64_t kTail = 2048;  // packets: a frame of 4K seldom has more
    constexpr char kMark = 0x47;
    constexpr uint64_t kTables = 0;
    const int64_t count = bytes.size() / step, first = std::max<int64_t>(0, count - kTail);
    if (bytes.size() % step != 0) return FileEnd::in_frame;
    const std::string tail = bytes.at(first * step, static_cast<size_t>((count - first) * step));
    const auto packet = [&](int64_t i) {
        return TransportPacket(
            std::string_view(tail).substr(static_cast<size_t>(i * step + front), TransportPacket::kBytes));
    };
    const int64_t last = count - first - 1;
    if (tail[static_cast<size_t>(last * step + front)] != kMark || packet(last).stream() == kTables)
        return FileEnd::in_frame;
    int64_t begin = last;
    while (begin >= 0 && !packet(begin).begins_video()) --begin;
    if (begin < 0) return FileEnd::open;
    int64_t end = last;
    while (packet(end).stream() != packet(begin).stream()) --end;
    return packet(end).filled_up() ? FileEnd::open : FileEnd::in_frame;
}

}  // namespace

FileEnd end_of_video(const std::filesystem::path& file) {
    Bytes bytes(file);
    const std::string head = bytes.at(0, 1024);
    const auto has = [&](std::string_view mark, size_t place = 0) {
        return std::string_view(head).substr(std::min(place, head.size())).starts_with(mark);
    };
    for (const char* box : {"ftyp", "moov", "mdat", "free", "skip", "wide", "styp"}) {
        if (has(box, 4)) return end_of_boxes(bytes);
    }
    if (has("RIFF") && has("AVI ", 8)) return end_of_avi(bytes);
    if (has("\x1A\x45\xDF\xA3")) return end_of_matroska(bytes);
    if (has("\x30\x26\xB2\x75\x8E\x66\xCF\x11")) return end_of_asf(bytes);
    if (has("FLV")) return end_of_flv(bytes);
    if (has("OggS")) return end_of_ogg(bytes);
    if (has("GIF8")) return end_of_gif(bytes);
    for (const auto& [step, front] : {std::pair<int64_t, int64_t>{188, 0}, {192, 4}, {204, 0}}) {
        const auto marked = [&](int64_t i) { return has("G", static_cast<size_t>(front + i * step)); };
        if (marked(0) && marked(1) && marked(2)) return end_of_transport(bytes, step, front);
    }
    return FileEnd::open;
}

}  // namespace t3video::media
