// Shared options.
#include "apps/common/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <regex>
#include <sstream>
#include <string_view>

#include "apps/common/log.h"
#include "core/error.h"
#include "core/numbers.h"
#include "core/parallel.h"
#include "ops/devices.h"

namespace t3video::apps {

void ComputeOptions::add_to(CLI::App& command) {
    command.add_option("--threads", threads, "CPU threads; 0: one per core")
        ->check(CLI::Range(0, 1024))
        ->group("Computing");
    command.add_option("--device", device, "cpu; cuda, or cuda:1 for the second GPU, in builds that have it")
        ->capture_default_str()
        ->group("Computing");
    command.add_option("--dtype", dtype, "f32, or bf16 on cuda (its default)")->type_name("TYPE")->group("Computing");
    command
        .add_option("--memory", memory,
                    "At most, such as 24GiB (default: what the GPU has free; on the CPU what is available)")
        ->type_name("SIZE")
        ->group("Computing");
}

Context ComputeOptions::context() const {
    const DeviceId id = parse_device(device);
    const bool on_gpu = id.kind == Device::cuda;
    require_valid(dtype.empty() || dtype == "f32" || dtype == "bf16", "--dtype ", dtype, ": expected f32 or bf16");
    require_valid(on_gpu || dtype != "bf16", "--dtype bf16 belongs to --device cuda; the CPU computes in f32");
    const int most = available_threads();
    if (threads > most)
        log_warning(concat("--threads ", threads, ": this process may use ", most, ", which are taken"));
    return ops::make_context({.device = id,
                              .compute_type = dtype == "bf16" || (dtype.empty() && on_gpu) ? DType::bf16 : DType::f32,
                              .threads = std::min(threads, most),
                              .memory = static_cast<size_t>(bytes())});
}

int64_t ComputeOptions::bytes() const {
    return memory.empty() ? 0 : static_cast<int64_t>(parse_bytes(memory));
}

session::Session ComputeOptions::session(session::Lifetime lifetime) const {
    return session::Session(context(), bytes(), lifetime);
}

DeviceId parse_device(const std::string& text) {
    constexpr std::string_view kNumbered = "cuda:";
    if (text == "cpu") return {Device::cpu};
    if (text == "cuda") return {Device::cuda};
    const std::string_view number = text.starts_with(kNumbered) ? std::string_view(text).substr(kNumbered.size()) : "";
    const auto ordinal = number_of<int>(number);
    require_valid(ordinal && *ordinal >= 0, "--device ", text,
                  ": expected cpu or cuda, or cuda:1 for the second GPU; t3video devices lists them");
    return {Device::cuda, *ordinal};
}

DType parse_stream(const std::string& text, DType otherwise) {
    if (text.empty()) return otherwise;
    require_valid(text == "f32" || text == "bf16", "--stream ", text, ": expected f32 or bf16");
    return text == "f32" ? DType::f32 : DType::bf16;
}

CLI::Validator between(double low, double high) {
    const auto check = [low, high](const std::string& text) {
        const auto number = number_of<double>(text);
        return number && *number >= low && *number <= high
                   ? std::string()
                   : fmt::format("{}: expected {:g} to {:.9g}", text, low, high);
    };
    return CLI::Validator(check, fmt::format("{:g} to {:.9g}", low, high));
}

void check_values(const CLI::App& command) {
    for (const CLI::Option* option : command.get_options()) {
        const std::string name = option->get_name();
        if (name == "--prompt" || name == "--negative" || name == "--text") continue;
        for (const std::string& value : option->results())
            require_valid(!value.empty(), name, " is empty; give a value, or leave it out");
    }
}

namespace {

// "Value 5 not in range 0 to 4", or "[0 - 4]" of later versions, -> "5: expected 0 to 4"; the largest number of a type
// is no bound worth naming.
std::string explain_range(const std::string& text) {
    const std::regex pattern(R"(Value (.*) not in range \[?(\S+) (?:to|-) ([^\]\s]+)\]?)");
    std::smatch match;
    if (!std::regex_match(text, match, pattern)) return text;
    constexpr double kMost = 1e300;
    if (std::strtod(match.str(3).c_str(), nullptr) > kMost) return concat(match.str(1), ": expected a number above 0");
    return concat(match.str(1), ": expected ", match.str(2), " to ", match.str(3));
}

}  // namespace

std::string explain(const CLI::ParseError& error) {
    const std::string text = error.what();
    // The parser lists them from the last to the first.
    constexpr std::string_view kExtras = "not expected: ";
    if (const size_t at = text.find(kExtras);
        dynamic_cast<const CLI::ExtrasError*>(&error) && at != std::string::npos) {
        std::istringstream words(text.substr(at + kExtras.size()));
        std::string line;
        for (std::string word; words >> word;) line = concat(word, line.empty() ? "" : " ", line);
        return "not expected: " + line;
    }
    constexpr std::string_view kConvert = "Could not convert: ", kMost = ": At Most 1 required", kMissing = " missing";
    if (text.starts_with(kConvert)) {
        std::string option = text.substr(kConvert.size());
        if (const size_t at = option.find(" = "); at != std::string::npos) option.replace(at, 3, " ");
        return option + ": expected a number";
    }
    if (const size_t at = text.find(kMost); at != std::string::npos) return text.substr(0, at) + ": given twice";
    const size_t colon = text.find(": ");
    if (colon == std::string::npos) return text;
    const std::string option = text.substr(0, colon), rest = text.substr(colon + 2);
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr && text.ends_with(kMissing))
        return option + ": its value is missing";
    // "--seed: +7: expected ..." -> "--seed +7: expected ..."
    const std::string explained = explain_range(rest);
    const bool of_value = dynamic_cast<const CLI::ValidationError*>(&error) != nullptr &&
                          explained.find(": expected ") != std::string::npos;
    return of_value ? option + " " + explained : text;
}

namespace {

bool is_among(std::string_view text, std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, text) != names.end();
}

// Bytes of a unit in lower case: "gib", "g", "gb", "gigabytes", "" and "b" for bytes; 0 for others.
double unit_bytes(std::string_view unit) {
    constexpr std::array<std::string_view, 4> kDecimal = {"kilo", "mega", "giga", "tera"},
                                              kBinary = {"kibi", "mebi", "gibi", "tebi"};
    constexpr std::string_view kPrefixes = "kmgt";
    if (is_among(unit, {"", "b", "byte", "bytes"})) return 1;
    for (size_t i = 0; i < kPrefixes.size(); ++i) {
        const double power = static_cast<double>(i) + 1, decimal = std::pow(1000, power),
                     binary = std::pow(1024, power);
        if (unit[0] == kPrefixes[i] && is_among(unit.substr(1), {"", "i", "ib"})) return binary;
        if (unit[0] == kPrefixes[i] && unit.substr(1) == "b") return decimal;
        for (const auto& [words, bytes] : {std::pair(kDecimal[i], decimal), {kBinary[i], binary}}) {
            if (unit.starts_with(words) && is_among(unit.substr(words.size()), {"byte", "bytes"})) return bytes;
        }
    }
    return 0;
}

// With a decimal comma as a point; a comma in front of three digits may stand for thousands and stays.
std::string with_point(std::string text) {
    const size_t comma = text.find(',');
    if (comma == std::string::npos || text.find('.') != std::string::npos) return text;
    const size_t end = std::min(text.find_first_not_of("0123456789", comma + 1), text.size());
    if (end - comma - 1 != 3) text[comma] = '.';
    return text;
}

}  // namespace

size_t parse_bytes(const std::string& given, const std::string& option) {
    constexpr double kMost = 0x1p60;
    constexpr std::string_view kBlanks = " \t";
    const std::string text = with_point(given);
    const size_t begin = std::min(text.find_first_not_of(kBlanks), text.size());
    double number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + begin, end, number);
    std::string unit;
    for (const char c : std::string_view(rest, static_cast<size_t>(end - rest)))
        unit += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    unit.erase(0, unit.find_first_not_of(kBlanks));
    unit.erase(unit.find_last_not_of(kBlanks) + 1);
    const double bytes = number * unit_bytes(unit);
    require_valid(error == std::errc() && bytes >= 1 && bytes < kMost, option, " ", given,
                  ": expected a size such as 24GiB, 24 GB, 800M or 900000000");
    return static_cast<size_t>(bytes);
}

}  // namespace t3video::apps
