// Reads lists as text.
#include "training/data/list_text.h"

#include "core/input_file.h"
#include "core/message.h"
#include "core/printable.h"

namespace t3video::training {

std::string read_list_text(const std::filesystem::path& path, std::string_view expected, size_t most) {
    return without_mark(read_text_file(path, expected, most), path);
}

std::string in_quotes(std::string_view text, size_t most) {
    if (text.size() <= most) return concat('\'', printable(text), '\'');
    while (most > 0 && (text[most] & 0xC0) == 0x80) --most;
    return concat('\'', printable(text.substr(0, most)), "...'");
}

}  // namespace t3video::training
