// Commands of users, and the numbers that they print.
#include "evaluation/scorer.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include "core/error.h"
#include "core/paths.h"
#include "core/text_lines.h"
#include "evaluation/process.h"

namespace t3video::evaluation {
namespace {

// What stands in a shell command, as far as it tells where a further word would go.
class ShellWords {
  public:
    explicit ShellWords(std::string_view text) : rest_(text) {
        while (!rest_.empty()) next();
    }
    // Whether a word at the end would be the name of a command.
    bool expect_a_command() const { return expects_; }

  private:
    static bool ends_word(char c) { return std::string_view(" \t\n;&|()<>").find(c) != std::string_view::npos; }
    static bool is_assignment(std::string_view word) {
        const size_t equals = word.find('=');
        const std::string_view name = word.substr(0, std::min(equals, word.size()));
        return equals != std::string_view::npos && !name.empty() && (std::isdigit(name[0]) == 0) &&
               std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
    }
    static bool leads_a_command(std::string_view word) {
        constexpr std::string_view kWords[] = {"!", "{", "if", "then", "elif", "else", "while", "until", "do"};
        return is_assignment(word) || std::ranges::count(kWords, word) > 0;
    }

    void next() {
        const char c = rest_[0];
        if (c == ' ' || c == '\t') {
            rest_.remove_prefix(1);
        } else if (c == '#') {
            rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
            if (rest_.empty()) expects_ = false;  // words behind a comment are a part of it
        } else if (c == '<' || c == '>') {
            rest_.remove_prefix(std::min(rest_.find_first_not_of("<>&|"), rest_.size()));
            is_target_ = true;
        } else if (ends_word(c)) {
            rest_.remove_prefix(1);
            expects_ = c != ')';
            is_target_ = false;
        } else {
            take(word());
        }
    }
    void take(std::string_view word) {
        const bool of_a_file = is_target_ || (!rest_.empty() && (rest_[0] == '<' || rest_[0] == '>') &&
                                              word.find_first_not_of("0123456789") == std::string_view::npos);
        is_target_ = false;
        if (!of_a_file && expects_) expects_ = leads_a_command(word);
    }
    // Up to a blank or an operator that is in no quotes.
    std::string_view word() {
        size_t end = 0;
        char quote = 0;
        for (; end < rest_.size() && (quote != 0 || !ends_word(rest_[end])); ++end) {
            const char c = rest_[end];
            if (c == '\\' && quote != '\'')
                ++end;
            else if (quote == 0 && (c == '"' || c == '\'' || c == '`'))
                quote = c;
            else if (c == quote)
                quote = 0;
        }
        end = std::min(end, rest_.size());
        const std::string_view word = rest_.substr(0, end);
        rest_.remove_prefix(end);
        return word;
    }

    std::string_view rest_;
    bool expects_ = true;     // a command's name next
    bool is_target_ = false;  // a redirection's file next
};

// Also with a sign in front; one too small for a double is 0.
std::optional<double> finite_number(const std::string& line) {
    const std::string text = line.starts_with('+') ? line.substr(1) : line;
    if (text.starts_with('-') && line.starts_with('+')) return std::nullopt;
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (rest != end || error == std::errc::invalid_argument) return std::nullopt;
    if (error == std::errc::result_out_of_range) number = std::strtod(text.c_str(), nullptr);  // which tells the two
    return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

}  // namespace

Scorer parse_scorer(const std::string& text) {
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    const Message expected(Field("scorer", text), ": expected NAME=COMMAND, such as dover=\"python3 dover.py\"");
    const size_t equals = text.find('=');
    require_valid(equals != std::string::npos, expected);
    Scorer scorer{text.substr(0, equals), std::string(trimmed(std::string_view(text).substr(equals + 1)))};
    require_valid(!scorer.name.empty() && scorer.name.find_first_not_of(kLetters) == std::string::npos, expected,
                  ", with a name of lower-case letters, digits, \"_\" and \"-\"");
    // Columns of a table beside the metrics'.
    constexpr std::string_view kColumns[] = {"set",    "name",   "film", "prompt", "width",
                                             "height", "frames", "fps",  "error"};
    require_valid(!find_metric(scorer.name) && std::ranges::count(kColumns, scorer.name) == 0, Field("scorer", text),
                  ": ", scorer.name, " is the name of a metric or column; expected another one");
    require_valid(!scorer.command.empty(), expected, ", with a command");
    require_valid(
        !ShellWords(scorer.command).expect_a_command(), Field("scorer", text),
        ": film and prompt follow as two further words, which would be a command of their own there; expected "
        "the name of a program in front of them");
    return scorer;
}

Score score_film(const Scorer& scorer, const std::filesystem::path& film, const std::string& prompt, double seconds,
                 const std::stop_token& stop) {
    // The shell hands both on as words that it does not look into.
    const std::string script =
        "T3VIDEO_FILM=$1 T3VIDEO_PROMPT=$2\nexport T3VIDEO_FILM T3VIDEO_PROMPT\n" + scorer.command + " \"$@\"\n";
    const ProcessResult result =
        run_process({"/bin/sh", "-c", script, scorer.name, absolute_path(film).string(), prompt}, seconds, stop);
    Score score{scorer.name, std::numeric_limits<double>::quiet_NaN(), {}};
    if (!result.succeeded()) {
        score.note = words_of_failure(result, seconds);
        return score;
    }
    const std::string line = last_line(result.output);
    if (const auto number = finite_number(line))
        score.value = *number;
    else
        score.note = line.empty() ? "printed nothing" : "printed no finite number, but " + line;
    return score;
}

}  // namespace t3video::evaluation
