// Fields to options, remedies to commands.
#include "apps/common/tongue.h"

namespace t3video::apps {

std::string shell_word(const std::filesystem::path& path) {
    const std::string text = path.string();
    constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+,:=@%";
    if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
    std::string word = "'";
    for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return word + "'";
}

const Tongue& command_line() {
    static const Tongue tongue{
        .field = [](const Field& f) { return concat("--", f.name, f.value.empty() ? "" : " ", f.value); },
        .remedy =
            [](const Remedy& r) {
                const char* command = r.kind == Remedy::Kind::resume   ? "resume "
                                      : r.kind == Remedy::Kind::decode ? "decode "
                                                                       : "retrofit --resume ";
                return concat("t3video ", command, shell_word(r.job));
            }};
    return tongue;
}

}  // namespace t3video::apps
