// Beginnings of files that people take for weights.
#include "checkpoint/foreign_file.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "checkpoint/checks.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

using namespace std::string_view_literals;

struct Beginning {
    std::string_view bytes;
    std::string_view what;  // and what to do
    size_t at = 0;
};

constexpr Beginning kBeginnings[] = {
    {"version https://git-lfs", "is a Git LFS pointer, not the file itself; fetch that with 'git lfs pull'"},
    {"ustar",
     "is a tar archive, as torch wrote before 2017 and others write around files; unpack it, or load it with "
     "torch and save its dict of tensors again",
     257},
    {"\x1f\x8b", "is compressed (gzip); unpack it first"},
    {"\xfd"
     "7zXZ",
     "is compressed (xz); unpack it first"},
    {"\x28\xb5\x2f\xfd", "is compressed (zstd); unpack it first"},
    {"7z\xbc\xaf\x27\x1c", "is a 7z archive; unpack it first"},
    {"Rar!", "is a RAR archive; unpack it first"},
    {"\x89HDF\r\n", "is an HDF5 file of Keras or others; expected safetensors, .pth or GGUF"},
    {"\x93NUMPY", "is an array of NumPy; expected safetensors, .pth or GGUF"},
    {"\x89PNG", "is a picture (PNG)"},
    {"\xff\xd8\xff", "is a picture (JPEG)"},
    {"ggjt", "is a file of weights in a format from before GGUF; convert the original weights again"},
    {"tjgg", "is a file of weights in a format from before GGUF; convert the original weights again"},
    {"lmgg", "is a file of weights in a format from before GGUF; convert the original weights again"},
};

bool starts_with_any_case(std::string_view text, std::string_view lower) {
    return text.size() >= lower.size() && std::equal(lower.begin(), lower.end(), text.begin(), [](char a, char b) {
               return a == std::tolower(static_cast<unsigned char>(b));
           });
}

bool is_web_page(std::string_view text) {
    const size_t first = std::min(text.find_first_not_of(" \t\r\n\xef\xbb\xbf"), text.size());
    text.remove_prefix(first);
    return std::ranges::any_of(
        std::initializer_list<std::string_view>{"<!doctype", "<html", "<head", "<?xml", "<error"},
        [&](std::string_view tag) { return starts_with_any_case(text, tag); });
}

// Some words in ASCII, which are no JSON: "Entry not found".
bool is_text(std::string_view text) {
    const std::string_view words = text.substr(0, 64);
    const size_t first = std::min(words.find_first_not_of(" \t\r\n"), words.size());
    return words.size() >= 8 && first < words.size() && words[first] != '{' && std::ranges::all_of(words, [](char c) {
               return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t';
           });
}

}  // namespace

void refuse_other_kind(std::string_view text, const std::string& where) {
    text = text.substr(0, 4096);
    for (const Beginning& known : kBeginnings) {
        require_valid(text.size() < known.at || !text.substr(known.at).starts_with(known.bytes), where, ": ",
                      known.what);
    }
    require_valid(!is_web_page(text), where,
                  ": is an HTML or XML page, as servers send in place of a file; look into it, and download again");
}

void refuse_foreign_file(std::span<const std::byte> bytes, const std::string& where) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), std::min<size_t>(bytes.size(), 4096));
    refuse_other_kind(text, where);
    require_valid(!is_text(text), where, ": is a text that begins with ", quote(text.substr(0, 40)),
                  ", not weights; where it was downloaded, the server sent it in place of the file");
    require_valid(text.size() < 16 || text.find_first_not_of('\0') != std::string_view::npos, where,
                  ": begins with zeros; the download did not begin or is not complete");
}

}  // namespace t3video::checkpoint
