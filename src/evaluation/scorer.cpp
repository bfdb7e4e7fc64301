// Commands of users, and the numbers that they print.
#include "evaluation/scorer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/numbers.h"
#include "core/paths.h"
#include "core/text_lines.h"
#include "evaluation/process.h"

namespace t3video::evaluation {

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
    const auto number = number_of<double>(line);
    if (number && std::isfinite(*number))
        score.value = *number;
    else
        score.note = line.empty() ? "printed nothing" : "printed no finite number, but " + line;
    return score;
}

}  // namespace t3video::evaluation
