#include "evaluation/page/intervals.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/html.h"
#include "report/plot.h"

namespace t3video::evaluation {
namespace {

using report::escaped;

constexpr double kWidth = 440, kLeft = 16, kRight = kWidth - 16, kTop = 4, kRow = 38;
constexpr size_t kLongestName = 44;  // characters beside the number

std::string shortened(const std::string& name) {
    size_t characters = 0, at = 0;
    for (; at < name.size() && characters <= kLongestName; ++at)
        characters += (static_cast<unsigned char>(name[at]) & 0xC0) != 0x80;
    return at == name.size() ? name : name.substr(0, at - 1) + "…";
}

// Digits behind the point that show two of this number.
int decimals_for(double size) {
    return std::clamp(1 - static_cast<int>(std::floor(std::log10(size))), 0, 9);
}

std::string with_half_width(const Mean& mean, bool with_sign) {
    if (!std::isfinite(mean.value)) return "–";
    const std::string sign = mean.value < 0 ? "−" : with_sign && mean.value > 0 ? "+" : "";
    const double size = std::abs(mean.value), half = mean.high / 2 - mean.low / 2;
    if (!mean.has_interval()) return sign + report::readable_in_column(size);
    // Rounding leaves no width, or the numbers have too many digits to be read as they are.
    if (!(half > 1e-9 * size)) return sign + report::readable_in_column(size) + " ± 0";
    if (std::max(size, half) < 1e-3 || std::max(size, half) >= 1e12)
        return sign + report::readable(size) + " ± " + fmt::format("{:.2g}", half);
    const int decimals = decimals_for(half);
    return fmt::format("{}{:.{}f} ± {:.{}f}", sign, size, decimals, half, decimals);
}

}  // namespace

int hue_of_set(size_t index, bool is_reference) {
    constexpr size_t kHues = 24, kBlue = 14, kStride = 7;  // no divisor of the hues: each comes once
    return is_reference ? report::Curve::kNeutral : static_cast<int>((kBlue + kStride * index) % kHues);
}

std::string colour_class(int hue) {
    return hue == report::Curve::kNeutral ? "neutral" : fmt::format("hue{}", hue);
}

std::string mean_text(const Mean& mean) {
    return with_half_width(mean, false);
}

std::string difference_text(const Mean& difference) {
    return with_half_width(difference, true);
}

std::string interval_figure(const std::string& title, const std::string& note, const std::vector<IntervalRow>& rows) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    const auto include = [&](double value) {
        if (!std::isfinite(value)) return;
        low = std::min(low, value);
        high = std::max(high, value);
    };
    for (const auto& [name, mean, hue] : rows) {
        for (const double value : {mean.value, mean.low, mean.high}) include(value);
    }
    if (low > high) return {};
    const double span = high - low;
    const double room = span > 1e-6 * std::abs(high) ? 0.05 * span : std::max(std::abs(high) * 0.1, 1e-6);
    low -= room;
    high += room;
    if (!std::isfinite(high - low)) return {};  // wider than numbers are
    const auto at = [&](double value) { return kLeft + (value - low) / (high - low) * (kRight - kLeft); };
    const double bottom = kTop + kRow * static_cast<double>(rows.size());
    std::string grid, labels, body;
    for (const auto& [value, label] : report::ticks_of(low, high, report::Scale::linear, 5)) {
        grid += fmt::format("M{:.1f} {}V{}", at(value), kTop, bottom);
        labels += fmt::format("<text class=\"x\" x=\"{:.1f}\" y=\"{}\">{}</text>", at(value), bottom + 13, label);
    }
    double top = kTop;
    for (const auto& [name, mean, hue] : rows) {
        const double line = top + 27;
        body += fmt::format("<text x=\"{}\" y=\"{}\">{}</text><text class=\"value\" x=\"{}\" y=\"{}\">{}</text>", 4,
                            top + 11, escaped(shortened(name)), kWidth - 4, top + 11, mean_text(mean));
        if (mean.has_interval()) {
            body += fmt::format("<path class=\"line {}\" d=\"M{:.1f} {}H{:.1f}M{:.1f} {}v8M{:.1f} {}v8\"/>",
                                colour_class(hue), at(mean.low), line, at(mean.high), at(mean.low), line - 4,
                                at(mean.high), line - 4);
        }
        if (std::isfinite(mean.value))
            body +=
                fmt::format("<path class=\"mean {}\" d=\"M{:.1f} {}h0\"/>", colour_class(hue), at(mean.value), line);
        top += kRow;
    }
    return fmt::format(
        "<figure class=\"interval\"><figcaption><b>{0}</b> <span>{1}</span></figcaption><svg viewBox=\"0 0 {2} {3}\" "
        "role=\"img\" aria-label=\"{0}: means of sets with their intervals\"><path class=\"grid\" d=\"{4}\"/>{5}{6}"
        "</svg></figure>",
        escaped(title), escaped(note), kWidth, bottom + 22, grid, labels, body);
}

}  // namespace t3video::evaluation
