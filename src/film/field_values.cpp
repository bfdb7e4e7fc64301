// Notations of their own.
#include "film/field_values.h"

#include <cmath>
#include <numeric>
#include <random>

#include "media/frame_rate.h"

namespace t3video::film {

std::pair<int64_t, int64_t> parse_size(const Field& given) {
    const auto size = two_numbers<int64_t>(given.value, "xX");
    require_valid(size && size->first > 0 && size->second > 0, given,
                  ": expected WIDTHxHEIGHT in pixels, such as 832x480");
    return *size;
}

uint64_t parse_seed(const Field& given) {
    if (given.value == kDrawnSeed) return std::random_device()();
    const auto seed = number_of<uint64_t>(given.value);
    require_valid(seed.has_value(), given, ": expected 0 to ", std::numeric_limits<uint64_t>::max(), ", or ",
                  kDrawnSeed, " to draw one");
    return *seed;
}

double parse_fps(const Field& given) {
    if (const auto rate = number_of<double>(given.value); rate && std::isfinite(*rate)) return *rate;
    const auto fraction = two_numbers<int64_t>(given.value, "/");
    require_valid(fraction && fraction->first > 0 && fraction->second > 0, given,
                  ": expected frames per second, such as 24 or 24000/1001");
    const double rate = static_cast<double>(fraction->first) / static_cast<double>(fraction->second);
    using media::FrameRate;
    if (rate < FrameRate::kSlowest || rate > FrameRate::kFastest) return rate;
    const FrameRate written(rate);
    const int64_t divisor = std::gcd(fraction->first, fraction->second);
    require_valid(written.num == fraction->first / divisor && written.den == fraction->second / divisor, given,
                  ": the nearest rate that a film can have is ", written);
    return rate;
}

std::string fps_text(double fps) {
    constexpr int64_t kBroadcast = 1001;
    const media::FrameRate rate(fps);
    const bool decimal = rate.den != kBroadcast && fps * 1000 == std::round(fps * 1000);
    return decimal ? concat(fps) : concat(rate);
}

checkpoint::Lora parse_lora(const Field& given) {
    const std::string& text = given.value;
    const size_t colon = text.rfind(':');
    const auto weight = colon == std::string::npos ? std::nullopt : number_of<double>(text.substr(colon + 1));
    if (!weight) return {text, 1};
    require_valid(std::abs(*weight) <= 100, given, ": weight ", *weight, ", expected -100 to 100");
    return {text.substr(0, colon), *weight};
}

}  // namespace t3video::film
