// Drawn clips: pixel for pixel as the training recipe of the demo model draws them, and which ones there are.
#include "media/clips/clip.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>

#include "media_fixture.h"
#include "support/images.h"

namespace t3video::media::clips {
namespace {

constexpr std::array kMotionOf{Motion::right, Motion::spins, Motion::rises, Motion::left,
                               Motion::grows, Motion::falls, Motion::left,  Motion::rises};
constexpr std::array kBackgroundOf{Background::hills,     Background::sea,    Background::night,     Background::desert,
                                   Background::mountains, Background::forest, Background::mountains, Background::hills};

// The picture is drawn by tools/clips_reference/make.py, with the Python code of the recipe and the same random
// numbers: a row for each scene, with three of its 17 frames.
TEST(Clips, EveryPixelIsAsTheRecipeDrawsIt) {
    constexpr int64_t kWidth = 56, kHeight = 32, kFrames = 17;
    const Image reference = testing::read_png(T3VIDEO_TEST_DATA "/clips/scenes.png");
    ASSERT_EQ(reference.height, kHeight * int64_t(kMotionOf.size()));
    for (size_t i = 0; i < kMotionOf.size(); ++i) {
        const Subject subject{Colour(i), Thing(i), kMotionOf[i], kBackgroundOf[i]};
        const Clip clip({subject, i}, kWidth, kHeight, kFrames);
        for (const int64_t shown : {0, 1, 2}) {
            const Image frame = image_of(clip.frame(shown * (kFrames - 1) / 2));
            int most = 0, different = 0;
            for (int64_t y = 0; y < kHeight; ++y) {
                const uint8_t* right = reference.pixel(shown * kWidth, int64_t(i) * kHeight + y);
                for (int64_t k = 0; k < kWidth * 3; ++k) {
                    const int difference = std::abs(int(frame.pixel(0, y)[k]) - int(right[k]));
                    most = std::max(most, difference);
                    different += difference > 0;
                }
            }
            EXPECT_LE(most, 2) << caption(subject) << " frame " << shown;
            EXPECT_LT(different, 20) << caption(subject) << " frame " << shown;
        }
    }
}

TEST(Clips, CaptionsSayWhatIsSeen) {
    EXPECT_EQ(caption({Colour::red, Thing::ball, Motion::left, Background::hills}),
              "A red ball drifts left over green hills.");
    EXPECT_EQ(caption({Colour::orange, Thing::fish, Motion::spins, Background::mountains}),
              "An orange fish spins in place in front of snowy mountains.");
}

// The list that Python's random.Random(2024).sample draws, which the recipe keeps.
TEST(Clips, HeldOutAreThoseOfTheRecipe) {
    std::string text;
    for (const Subject& subject : subjects_of(Split::held_out))
        text += (text.empty() ? "[\n \"" : ",\n \"") + caption(subject) + '"';
    EXPECT_EQ(text + "\n]\n", testing::read_file(T3VIDEO_SOURCE "/tools/demo_model/heldout.json"));
}

TEST(Clips, TrainingAndHeldOutShareNothing) {
    std::set<std::string> training, held_out;
    for (const Subject& subject : subjects_of(Split::training)) training.insert(caption(subject));
    for (const Subject& subject : subjects_of(Split::held_out)) held_out.insert(caption(subject));
    EXPECT_EQ(training.size(), 2074u);
    EXPECT_EQ(held_out.size(), 230u);
    for (const std::string& text : held_out) EXPECT_FALSE(training.contains(text)) << text;
    std::set<uint64_t> seeds;
    for (const Split split : {Split::training, Split::held_out}) {
        Series series(0, split);
        for (int64_t i = 0; i < 500; ++i) seeds.insert(series.at(i).seed);
    }
    EXPECT_EQ(seeds.size(), 1000u);
}

TEST(Clips, SeriesHasEveryOneBeforeAnyComesAgain) {
    for (const Split split : {Split::training, Split::held_out}) {
        const auto count = static_cast<int64_t>(subjects_of(split).size());
        Series series(3, split);
        std::vector<std::string> rounds[2];
        for (int64_t i = 0; i < 2 * count; ++i) rounds[i / count].push_back(caption(series.at(i).subject));
        for (const auto& round : rounds)
            EXPECT_EQ(std::set<std::string>(round.begin(), round.end()).size(), size_t(count));
        EXPECT_NE(rounds[0], rounds[1]);
        EXPECT_EQ(caption(series.at(5).subject), rounds[0][5]);  // whatever was asked for before
        EXPECT_NE(caption(Series(4, split).at(0).subject) + caption(Series(4, split).at(1).subject),
                  rounds[0][0] + rounds[0][1]);
    }
}

// The first few hundred are a fair sample already: chi-squared of each part, which exceeds 24.3 with 7 degrees of
// freedom once in a thousand times.
TEST(Clips, ColoursObjectsMotionsAndBackgroundsAreEvenlySpread) {
    constexpr int kSample = 480;
    for (const uint64_t seed : {0u, 1u, 2u}) {
        Series series(seed, Split::training);
        std::array<std::map<int, int>, 4> counts;
        for (int64_t i = 0; i < kSample; ++i) {
            const Subject s = series.at(i).subject;
            const std::array values{int(s.colour), int(s.thing), int(s.motion), int(s.background)};
            for (size_t part = 0; part < 4; ++part) ++counts[part][values[part]];
        }
        for (size_t part = 0; part < 4; ++part) {
            const double kinds = part < 2 ? 8 : 6, expected = kSample / kinds;
            double chi_squared = 0;
            for (int k = 0; k < int(kinds); ++k)
                chi_squared += (counts[part][k] - expected) * (counts[part][k] - expected) / expected;
            EXPECT_LT(chi_squared, 24.3) << "part " << part << ", seed " << seed;
        }
    }
}

TEST(Clips, ObjectsGoWhereTheCaptionSays) {
    for (const float aspect : {0.5625f, 1.0f, 1.75f, 2.4f}) {
        for (uint64_t seed = 0; seed < 50; ++seed) {
            const auto path_of = [&](Motion motion) {
                Draws draws(seed);
                return draw_path(motion, 17, aspect, draws);
            };
            for (const Motion motion :
                 {Motion::left, Motion::right, Motion::rises, Motion::falls, Motion::spins, Motion::grows}) {
                const std::vector<Pose> path = path_of(motion);
                const Pose &first = path.front(), &last = path.back();
                const float across = (last.x - first.x) / aspect, up = last.y - first.y;
                const float sideways = motion == Motion::right ? 1.0f : motion == Motion::left ? -1.0f : 0.0f;
                const float upwards = motion == Motion::rises ? 1.0f : motion == Motion::falls ? -1.0f : 0.0f;
                EXPECT_NEAR(across, sideways * 0.66f, 0.1f);
                EXPECT_NEAR(up, upwards * 0.70f, 0.1f);
                EXPECT_NEAR(last.radius / first.radius, motion == Motion::grows ? 2.96f : 1.0f, 0.01f);
                EXPECT_EQ(std::abs(last.turn - first.turn) > 3, motion == Motion::spins);
                for (const Pose& pose : path) EXPECT_TRUE(std::abs(pose.x) < aspect && std::abs(pose.y) < 1);
            }
        }
    }
}

// Frames do not depend on which were drawn before, nor on how many there are beside them at the same time.
TEST(Clips, FramesComeInAnyOrder) {
    const Series::Entry entry = Series(0, Split::training).at(7);
    const Clip clip(entry, 64, 48, 9), again(entry, 64, 48, 9), longer(entry, 64, 48, 17), still(entry, 64, 48, 1);
    const Image last = image_of(clip.frame(8));
    EXPECT_EQ(image_of(clip.frame(0)), image_of(still.frame(0)));
    EXPECT_EQ(last, image_of(again.frame(8)));
    EXPECT_EQ(last, image_of(longer.frame(16)));
    EXPECT_NE(last, image_of(clip.frame(0)));
    EXPECT_NE(last, image_of(Clip({entry.subject, entry.seed + 1}, 64, 48, 9).frame(8)));
}

// Objects may be larger than the picture, or cut off at its edges.
TEST(Clips, AnyShapeOfPictureIsDrawn) {
    for (const auto& [width, height] : {std::pair(16, 16), std::pair(17, 300), std::pair(300, 17), std::pair(41, 33)}) {
        for (size_t i = 0; i < kThings.size(); ++i) {
            const Subject subject{Colour(i), Thing(i), kMotionOf[i], Background(i % kBackgrounds.size())};
            for (const Vec3& pixel : Clip({subject, i}, width, height, 2).frame(1).pixels) {
                for (const float value : {pixel.x, pixel.y, pixel.z})
                    ASSERT_TRUE(value >= 0 && value <= 1) << caption(subject) << ' ' << width << 'x' << height;
            }
        }
    }
}

TEST(Clips, RefuseWhatCannotBeDrawn) {
    const Series::Entry entry = Series(0, Split::training).at(0);
    EXPECT_TRUE(contains(complaint([&] { Clip(entry, 15, 64, 5); }), "size 15x64: expected sides of 16"));
    EXPECT_TRUE(
        contains(complaint([&] { Clip(entry, 64, 20000, 5); }), "size 64x20000: expected sides of 16 to 16384"));
    EXPECT_TRUE(contains(complaint([&] { Clip(entry, 64, 64, 0); }), "frames 0: expected 1 to"));
}

}  // namespace
}  // namespace t3video::media::clips
