// Markers, chunks, tags and boxes of pictures' files.
#include "media/input/picture_file.h"

#include "media/input/tiff_tags.h"
#include "media_fixture.h"
#include "support/pictures.h"

namespace t3video::media {
namespace {

using testing::exif;

class PictureFileTest : public MediaTest {
  protected:
    PictureFile look(const std::string& contents) const { return look_at_picture(make_file("a", contents)); }
};

std::string big_endian(size_t value, int bytes) {
    std::string text;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
    return text;
}

std::string segment(char marker, const std::string& data) {
    return std::string("\xFF") + marker + big_endian(data.size() + 2, 2) + data;
}

// With the marker of stuffed zeros, a restart and fill bytes among the pixels, and another scan behind them.
std::string jpeg(const std::string& before_pixels = {}) {
    const std::string scan = segment('\xDA', "1") + std::string(
                                                        "ab\xFF\0c\xFF\xD0"
                                                        "d",
                                                        8);
    return "\xFF\xD8" + before_pixels + scan + "\xFF" + segment('\xC4', "\xFF\xD9") + scan + "\xFF\xD9";
}

TEST_F(PictureFileTest, JpegEndsWhereItsMarkerIs) {
    const std::string thumbnail = segment('\xE1', std::string("Exif\0\0", 6) + "\xFF\xD8 \xFF\xD9");
    for (const std::string& whole : {jpeg(), jpeg(thumbnail), jpeg(segment('\xFE', std::string(65533, '\xFF')))}) {
        const auto bytes = static_cast<int64_t>(whole.size());
        EXPECT_EQ(look(whole).bytes, bytes);
        for (const std::string& behind : {std::string(100'000, ' '), whole,
                                          std::string("\0\0\0\x18"
                                                      "ftypmp42",
                                                      12)})
            EXPECT_EQ(look(whole + behind).bytes, bytes);
        for (size_t length = 2; length < whole.size(); length += length < 60 || whole.size() - length < 60 ? 1 : 997) {
            EXPECT_TRUE(contains(complaint([&] { look(whole.substr(0, length)); }), "damaged JPEG file: it ends early"))
                << length << " of " << whole.size();
        }
    }
    EXPECT_TRUE(contains(complaint([&] { look("\xFF\xD8\xFF\xD9"); }), "ends early")) << "no pixels";
    EXPECT_TRUE(contains(complaint([&] { look(std::string("\xFF\xD8\xFF\xE0\0\1", 6)); }), "segment of 1 bytes"));
    std::filesystem::resize_file(make_file("a", "\xFF\xD8"), uintmax_t{40} << 30);  // sparse
    EXPECT_TRUE(contains(complaint([&] { look_at_picture(folder() / "a"); }), "more than 1024 MiB"));
}

TEST_F(PictureFileTest, OrientationsAreThoseOfExif) {
    const std::string jpeg_exif = std::string("Exif\0\0", 6);
    for (int value = 1; value <= 8; ++value) {
        const Orientation expected = orientation_of_exif(value);
        for (const bool big : {false, true}) {
            const std::string tags = exif(value, big),
                              chunk = "EXIF" + std::string(1, char(tags.size())) + std::string(3, '\0') + tags;
            EXPECT_EQ(look(jpeg(segment('\xE1', jpeg_exif + tags))).orientation, expected) << value << big;
            EXPECT_EQ(look(tags).orientation, expected) << "a TIFF file";
            EXPECT_EQ(look("RIFF    WEBPVP8L" + std::string("\5\0\0\0abcde\0", 10) + chunk).orientation, expected);
        }
    }
    EXPECT_TRUE(look(jpeg(segment('\xE1', jpeg_exif + exif(9, true)))).orientation.is_plain());
    for (size_t length = 0; length < exif(6, true).size(); ++length)
        EXPECT_TRUE(read_tiff_tags(exif(6, true).substr(0, std::min<size_t>(length, 16))).orientation.is_plain());
}

// FFmpeg 5.1 decodes them to black.
TEST_F(PictureFileTest, JpegWithinTiffIsRefused) {
    const auto tiff = [](char compression, bool big) {
        std::string tags = exif(6, big);
        const std::string width = big ? std::string("\1\0", 2) : std::string("\0\1", 2);  // tag 256
        const size_t at = tags.find(width, 8);
        tags[at + (big ? 1 : 0)] = 3;  // tag 259
        tags[at + 8 + (big ? 1 : 0)] = compression;
        return tags;
    };
    for (const bool big : {false, true}) {
        for (const char compression : {'\6', '\7'}) {
            const std::string message = complaint([&] { look(tiff(compression, big)); });
            EXPECT_TRUE(contains(message, "JPEG inside TIFF") && contains(message, "PNG")) << message;
        }
        EXPECT_EQ(look(tiff('\5', big)).orientation, orientation_of_exif(6)) << "LZW";
    }
}

TEST_F(PictureFileTest, AnimatedWebpIsRefused) {
    const auto webp = [](char flags) {
        return "RIFF    WEBPVP8X" + std::string("\x0A\0\0\0", 4) + flags + std::string(9, '\0');
    };
    const std::string message = complaint([&] { look(webp('\x12')); });
    EXPECT_TRUE(contains(message, "animated WebP") && contains(message, "convert")) << message;
    EXPECT_TRUE(look(webp('\x10')).orientation.is_plain());
}

std::string box(const std::string& type, const std::string& data) {
    return big_endian(data.size() + 8, 4) + type + data;
}
std::string full_box(const std::string& type, const std::string& data, char version = 0) {
    return box(type, version + std::string(3, '\0') + data);
}

// A file whose second picture is the primary one, of such a type and with such properties.
std::string heif(const std::string& type, const std::vector<std::string>& properties) {
    const auto item = [&](size_t id, const std::string& kind) {
        return full_box("infe", big_endian(id, 2) + std::string(2, '\0') + kind + '\0', 2);
    };
    std::string all, indices;
    for (const std::string& property : properties) {
        all += property;
        indices += static_cast<char>(indices.size() + 2);
    }
    const std::string thumbnail = full_box("ispe", big_endian(32, 4) + big_endian(24, 4));
    const std::string ipma = full_box("ipma", big_endian(2, 4) + big_endian(1, 2) + "\1\x81" + big_endian(2, 2) +
                                                  static_cast<char>(indices.size()) + indices);
    return box("ftyp", "heic" + std::string(4, '\0') + "mif1") +
           full_box("meta", full_box("pitm", big_endian(2, 2)) +
                                full_box("iinf", big_endian(2, 2) + item(1, "hvc1") + item(2, type)) +
                                box("iprp", box("ipco", thumbnail + all) + ipma));
}

TEST_F(PictureFileTest, HeifShowsItsPrimaryPicture) {
    const std::string size = full_box("ispe", big_endian(640, 4) + big_endian(480, 4));
    const PictureFile plain = look(heif("av01", {size}));
    EXPECT_TRUE(plain.heif);
    EXPECT_EQ(plain.coded_width, 640);
    EXPECT_EQ(plain.coded_height, 480);
    EXPECT_TRUE(plain.orientation.is_plain());
    const int exif_of_turns[] = {1, 8, 3, 6};
    for (char turns = 0; turns < 4; ++turns) {
        EXPECT_EQ(look(heif("hvc1", {size, box("irot", {turns})})).orientation,
                  orientation_of_exif(exif_of_turns[int{turns}]));
    }
    EXPECT_EQ(look(heif("hvc1", {size, box("imir", "\1")})).orientation, orientation_of_exif(2));
    // Turned against the clock, then left and right exchanged: transposed.
    EXPECT_EQ(look(heif("hvc1", {size, box("irot", "\1"), box("imir", "\1")})).orientation, orientation_of_exif(7));

    EXPECT_TRUE(contains(complaint([&] { look(heif("grid", {size})); }), "made of tiles"));
    const std::string alpha = full_box("auxC", "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha");
    EXPECT_TRUE(contains(complaint([&] { look(heif("av01", {size, alpha})); }), "transparency"));
    const std::string whole = heif("av01", {size, alpha});
    for (size_t length = 12; length < whole.size(); ++length) {
        try {
            EXPECT_TRUE(look(whole.substr(0, length)).heif) << length;
        } catch (const InvalidRequest&) {
        }
    }
}

}  // namespace
}  // namespace t3video::media
