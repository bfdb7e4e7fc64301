// Captions, and which subjects are held out.
#include "media/clips/grammar.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <random>
#include <set>

#include "core/hash_normal.h"

namespace t3video::media::clips {
namespace {

constexpr uint32_t kHeldOutSeed = 2024;
constexpr size_t kHeldOut = 230;  // a tenth of 2304
constexpr size_t kState = 624;    // words of the Mersenne Twister

// How Python seeds its Mersenne Twister with a number of 32 bits: init_by_array of Matsumoto and Nishimura's
// mt19937ar.c (2002) with a key of one word.
struct PythonSeed {
    using result_type = uint32_t;
    uint32_t key;

    template <class Iterator>
    void generate(Iterator first, Iterator last) const {
        std::array<uint32_t, kState> mt{};
        mt[0] = 19650218;
        const auto mixed = [&](size_t before) { return mt[before] ^ (mt[before] >> 30); };
        for (uint32_t i = 1; i < kState; ++i) mt[i] = 1812433253u * mixed(i - 1) + i;
        size_t i = 1;
        const auto advance = [&] {
            if (++i < kState) return;
            mt[0] = mt[kState - 1];
            i = 1;
        };
        for (size_t k = 0; k < kState; ++k, advance()) mt[i] = (mt[i] ^ (mixed(i - 1) * 1664525u)) + key;
        for (size_t k = 1; k < kState; ++k, advance())
            mt[i] = (mt[i] ^ (mixed(i - 1) * 1566083941u)) - static_cast<uint32_t>(i);
        mt[0] = 0x80000000u;
        std::copy_n(mt.begin(), std::min<size_t>(kState, static_cast<size_t>(last - first)), first);
    }
};

std::vector<Subject> all_subjects() {
    std::vector<Subject> all;
    for (size_t c = 0; c < kColours.size(); ++c)
        for (size_t t = 0; t < kThings.size(); ++t)
            for (size_t m = 0; m < kMotions.size(); ++m)
                for (size_t b = 0; b < kBackgrounds.size(); ++b)
                    all.push_back({Colour(c), Thing(t), Motion(m), Background(b)});
    return all;
}

// random.Random(2024).sample(range(count), 230): numbers of as many bits as `count` has, those too large or drawn
// before left out.
std::vector<size_t> held_out_places(size_t count) {
    PythonSeed seed{kHeldOutSeed};
    std::mt19937 twister(seed);
    const int spare_bits = 32 - static_cast<int>(std::bit_width(count));
    std::vector<size_t> places;
    std::set<size_t> seen;
    while (places.size() < kHeldOut) {
        const size_t place = twister() >> spare_bits;
        if (place < count && seen.insert(place).second) places.push_back(place);
    }
    return places;
}

}  // namespace

std::string caption(const Subject& s) {
    const auto word = [](const auto& words, auto value) { return std::string(words[static_cast<size_t>(value)]); };
    return (s.colour == Colour::orange ? "An " : "A ") + word(kColours, s.colour) + ' ' + word(kThings, s.thing) + ' ' +
           word(kMotions, s.motion) + ' ' + word(kBackgrounds, s.background) + '.';
}

std::vector<Subject> subjects_of(Split split) {
    std::vector<Subject> all = all_subjects(), some;
    const std::vector<size_t> places = held_out_places(all.size());
    if (split == Split::held_out) {
        for (const size_t place : places) some.push_back(all[place]);
        return some;
    }
    const std::set<size_t> out(places.begin(), places.end());
    for (size_t i = 0; i < all.size(); ++i) {
        if (!out.contains(i)) some.push_back(all[i]);
    }
    return some;
}

Series::Series(uint64_t seed, Split split)
    : seed_(mix_bits(mix_bits(seed) ^ static_cast<uint64_t>(split))), subjects_(subjects_of(split)) {}

Series::Entry Series::at(int64_t index) {
    const auto count = static_cast<int64_t>(subjects_.size());
    if (index / count != round_) shuffle(index / count);
    return {subjects_[order_[static_cast<size_t>(index % count)]], mix_bits(seed_ ^ static_cast<uint64_t>(index))};
}

// Sorts by random keys, which no two places share: mix_bits is one to one.
void Series::shuffle(int64_t round) {
    round_ = round;
    order_.resize(subjects_.size());
    std::iota(order_.begin(), order_.end(), size_t{0});
    const uint64_t of_round = mix_bits(~seed_ ^ static_cast<uint64_t>(round));
    std::ranges::sort(order_, {}, [&](size_t place) { return mix_bits(of_round ^ place); });
}

}  // namespace t3video::media::clips
