// ISO/IEC 23008-12: boxes of boxes; the box "meta" names pictures and their properties.
#include "media/input/heif.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace t3video::media {
namespace {

// Bytes from front to back. What is not there reads as zeros: lengths are then zero, and loops end.
class Cursor {
  public:
    explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

    bool at_end() const { return bytes_.empty(); }
    std::string_view take(uint64_t count) {
        const std::string_view taken = bytes_.substr(0, count);
        bytes_.remove_prefix(taken.size());
        return taken;
    }
    uint64_t number(size_t count) {
        uint64_t value = 0;
        for (const char byte : take(count)) value = value << 8 | static_cast<uint8_t>(byte);
        return value;
    }

  private:
    std::string_view bytes_;
};

struct Box {
    std::string_view type, data;
};

std::vector<Box> boxes_of(std::string_view bytes) {
    std::vector<Box> boxes;
    for (Cursor cursor(bytes); !cursor.at_end();) {
        const uint64_t size = cursor.number(4);
        const std::string_view type = cursor.take(4);
        const uint64_t head = size == 1 ? 16 : 8, whole = size == 1 ? cursor.number(8) : size;
        boxes.push_back({type, cursor.take(size == 0 ? bytes.size() : whole < head ? 0 : whole - head)});
    }
    return boxes;
}

std::string_view find(const std::vector<Box>& boxes, std::string_view type) {
    const auto found = std::ranges::find(boxes, type, &Box::type);
    return found == boxes.end() ? std::string_view() : found->data;
}

uint64_t version_of(Cursor& box) {
    const uint64_t version = box.number(1);
    box.take(3);  // flags
    return version;
}

// "hvc1", "av01", "grid", ... of an item.
std::string_view type_of_item(std::string_view item_infos, uint64_t wanted) {
    Cursor cursor(item_infos);
    cursor.take(version_of(cursor) == 0 ? 2 : 4);  // how many
    const std::vector<Box> infos = boxes_of(cursor.take(item_infos.size()));
    for (const Box& info : infos) {
        Cursor item(info.data);
        const uint64_t version = version_of(item), id = item.number(version < 3 ? 2 : 4);
        item.take(2);  // protection
        if (info.type == "infe" && version >= 2 && id == wanted) return item.take(4);
    }
    return {};
}

// Of an item, in the order in which they apply.
std::vector<Box> properties_of(std::string_view item_properties, uint64_t wanted) {
    const std::vector<Box> boxes = boxes_of(item_properties), all = boxes_of(find(boxes, "ipco"));
    std::vector<Box> found;
    Cursor cursor(find(boxes, "ipma"));
    const uint64_t version = cursor.number(1), flags = cursor.number(3), count = cursor.number(4);
    const bool wide = (flags & 1) != 0;
    for (uint64_t i = 0; i < count && !cursor.at_end(); ++i) {
        const uint64_t id = cursor.number(version < 1 ? 2 : 4), properties = cursor.number(1);
        for (uint64_t k = 0; k < properties; ++k) {
            const uint64_t index = cursor.number(wide ? 2 : 1) & (wide ? 0x7FFF : 0x7F);  // the rest: is it essential
            if (id == wanted && index >= 1 && index <= all.size()) found.push_back(all[index - 1]);
        }
    }
    return found;
}

void apply(const Box& property, PictureFile& picture) {
    Cursor data(property.data);
    if (property.type == "ispe") {
        version_of(data);
        picture.coded_width = static_cast<int64_t>(data.number(4));
        picture.coded_height = static_cast<int64_t>(data.number(4));
    } else if (property.type == "irot") {  // quarter turns against the clock
        constexpr std::array<int, 4> kExif = {1, 8, 3, 6};
        picture.orientation = combined(picture.orientation, orientation_of_exif(kExif[data.number(1) & 3]));
    } else if (property.type == "imir") {  // 0: top and bottom change places, 1: left and right
        picture.orientation = combined(picture.orientation, orientation_of_exif((data.number(1) & 1) != 0 ? 2 : 4));
    }
}

}  // namespace

bool is_heif(InputFile& file) {
    constexpr std::array<std::string_view, 6> kPictures = {"heic", "heix", "heim", "mif1", "avif", "heis"};
    file.seek(0);
    const std::string head = file.read(12);
    return head.size() == 12 && head.substr(4, 4) == "ftyp" &&
           std::ranges::find(kPictures, std::string_view(head).substr(8)) != kPictures.end();
}

PictureFile look_at_heif(InputFile& file, const std::string& name) {
    constexpr uint64_t kMostMeta = 16 << 20;
    const std::string converted = std::filesystem::path(name).filename().replace_extension(".png").string();
    const Message way_out("; convert it, as in: heif-convert ", std::filesystem::path(name).filename().string(), " ",
                          converted);
    PictureFile picture{.bytes = file.bytes(), .heif = true};
    std::string meta;
    for (int64_t at = 0; at + 8 <= file.bytes() && meta.empty();) {
        file.seek(at);
        const std::string head = file.read(16);
        Cursor cursor(head);
        const uint64_t size = cursor.number(4);
        const std::string_view type = cursor.take(4);
        const uint64_t whole = size == 1 ? cursor.number(8) : size;
        if (type == "meta") {
            file.seek(at + (size == 1 ? 16 : 8));
            meta = file.read(std::min(whole, kMostMeta));
        }
        if (whole < 8 || whole > static_cast<uint64_t>(file.bytes())) break;
        at += static_cast<int64_t>(whole);
    }
    const std::vector<Box> boxes = boxes_of(std::string_view(meta).substr(std::min<size_t>(4, meta.size())));
    Cursor primary(find(boxes, "pitm"));
    const uint64_t id = primary.number(version_of(primary) == 0 ? 2 : 4);
    const std::string_view type = type_of_item(find(boxes, "iinf"), id), properties = find(boxes, "iprp");
    require_valid(!type.empty(), name, ": damaged HEIF file: it names no picture to show");
    require_valid(type != "grid" && type != "iovl" && type != "iden", name, ": a HEIC or AVIF picture made of ",
                  type == "grid" ? "tiles" : "other pictures", ", which is not read", way_out);
    const bool alpha = properties.find(":auxiliary:alpha") != std::string_view::npos ||
                       properties.find("hevc:2015:auxid:1") != std::string_view::npos;
    require_valid(!alpha, name, ": a HEIC or AVIF picture with transparency, which is not read", way_out);
    for (const Box& property : properties_of(properties, id)) apply(property, picture);
    return picture;
}

}  // namespace t3video::media
