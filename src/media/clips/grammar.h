// What a clip shows, in words: "A red ball drifts left over green hills." Every colour goes with every object, motion
// and background, 2304 combinations in all. A tenth of them is held out: never trained on, to measure with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace t3video::media::clips {

enum class Colour : uint8_t { red, orange, yellow, green, blue, purple, pink, white };
enum class Thing : uint8_t { ball, cube, star, ring, heart, diamond, fish, balloon };
enum class Motion : uint8_t { left, right, rises, falls, spins, grows };
enum class Background : uint8_t { hills, sea, night, desert, mountains, forest };

// The words of captions, in the order of the enumerations.
inline constexpr std::array<std::string_view, 8> kColours{"red",  "orange", "yellow", "green",
                                                          "blue", "purple", "pink",   "white"};
inline constexpr std::array<std::string_view, 8> kThings{"ball",  "cube",    "star", "ring",
                                                         "heart", "diamond", "fish", "balloon"};
inline constexpr std::array<std::string_view, 6> kMotions{"drifts left", "drifts right",   "rises",
                                                          "falls",       "spins in place", "grows"};
inline constexpr std::array<std::string_view, 6> kBackgrounds{"over green hills",
                                                              "above a calm sea",
                                                              "in a starry night sky",
                                                              "across a desert at sunset",
                                                              "in front of snowy mountains",
                                                              "through a misty forest"};

struct Subject {
    Colour colour = Colour::red;
    Thing thing = Thing::ball;
    Motion motion = Motion::left;
    Background background = Background::hills;

    friend bool operator==(const Subject&, const Subject&) = default;
};

std::string caption(const Subject& subject);

enum class Split { training, held_out };

// All subjects of one part. Those held out are the ones, in the order, that the recipe of the demo model drew by
// Python's random.Random(2024).sample: its score is measured on them.
std::vector<Subject> subjects_of(Split split);

// Clip `index` of an endless series, which follows from the seed: every subject of the part once, in a random order,
// then every one again in another.
class Series {
  public:
    struct Entry {
        Subject subject;
        uint64_t seed = 0;  // of its place, path and scenery
    };

    Series(uint64_t seed, Split split);
    Entry at(int64_t index);

  private:
    void shuffle(int64_t round);

    uint64_t seed_;
    std::vector<Subject> subjects_;
    std::vector<size_t> order_;  // of round_
    int64_t round_ = -1;
};

}  // namespace t3video::media::clips
