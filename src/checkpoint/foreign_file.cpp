// Beginnings of files that people take for weights.
#include "checkpoint/foreign_file.h"

#include <algorithm>
#include <string_view>

#include "core/error.h"
#include "core/foreign_file.h"

namespace t3video::checkpoint {
namespace {

using namespace std::string_view_literals;

struct Beginning {
    std::string_view bytes;
    std::string_view what;  // and what to do
    size_t at = 0;
};

constexpr Beginning kBeginnings[] = {
    {"ustar",
     "is a tar archive, as torch wrote before 2017 and others write around files; unpack it, or load it with "
     "torch and save its dict of tensors again",
     257},
    {"\x89HDF\r\n", "is an HDF5 file of Keras or others; expected safetensors, .pth or GGUF"},
    {"\x93NUMPY", "is an array of NumPy; expected safetensors, .pth or GGUF"},
    {"\x89PNG", "is a picture (PNG)"},
    {"\xff\xd8\xff", "is a picture (JPEG)"},
    {"ggjt", "is a file of weights in a format from before GGUF; convert the original weights again"},
    {"tjgg", "is a file of weights in a format from before GGUF; convert the original weights again"},
    {"lmgg", "is a file of weights in a format from before GGUF; convert the original weights again"},
};

constexpr size_t kLooked = 4096;  // bytes of a file

void refuse_known(std::string_view text, const std::string& where) {
    for (const Beginning& known : kBeginnings) {
        require_valid(text.size() < known.at || !text.substr(known.at).starts_with(known.bytes), where, ": ",
                      known.what);
    }
}

}  // namespace

void refuse_other_kind(std::string_view text, const std::string& where) {
    text = text.substr(0, kLooked);
    refuse_known(text, where);
    const std::string words = foreign_words(text, "the file");
    require_valid(words.empty(), where, ": ", words);
}

void refuse_foreign_file(std::span<const std::byte> bytes, const std::string& where) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kLooked));
    refuse_known(text, where);
    for (const std::string& words : {foreign_words(text, "the weights"), text_words(text, "weights")})
        require_valid(words.empty(), where, ": ", words);
}

}  // namespace t3video::checkpoint
