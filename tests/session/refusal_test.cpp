// Films that do not fit: why, and which ones would.
#include <gtest/gtest.h>

#include "core/error.h"
#include "film/published.h"
#include "session/planned.h"
#include "support/files.h"
#include "support/tensors.h"

namespace t3video::session {
namespace {

using namespace testing;

TEST(Refusal, SaysWhatFits) {
    const Planned p({.width = 640, .height = 384, .frames = 161});
    const auto says = [&](const plan::Machine& machine, const std::vector<std::string>& parts) {
        const std::string refusal = p.refusal(machine);
        for (const std::string& part : parts) EXPECT_NE(refusal.find(part), std::string::npos) << refusal;
    };
    says(cpu(size_t{220} << 20), {"640x384, 161 frames", "220 MiB may be used", "frames ", "size "});
    says(cpu(1 << 20), {"1 MiB may be used", "no smaller film", "allow more with memory", "machine that has more"});
    says(gpu(1 << 20), {"no smaller film", "larger GPU", "device cpu"});
    EXPECT_EQ(p.refusal(cpu()), "");
}

// Fields stand apart from the words, for each front door to say them in its own.
TEST(Refusal, HasFields) {
    const Planned p({.width = 640, .height = 384, .frames = 161});
    const plan::Machine machine = cpu(size_t{220} << 20);
    Observer observer;
    const Message why = refusal(p.plan(machine), p.networks, p.film, machine, p.others(), observer, plan::Poll());
    ASSERT_NE(why.field(), nullptr);
    EXPECT_EQ(why.field()->name, "frames");
    // A wish to stop ends the search.
    const auto stop = [] { throw Stopped(Message("stopped")); };
    EXPECT_THROW(refusal(p.plan(machine), p.networks, p.film, machine, p.others(), observer, stop), Stopped);
}

// The frames that a refusal names fit, and the next larger number does not.
TEST(Refusal, AdviceIsTheLargestThatFits) {
    const Planned p({.width = 640, .height = 384, .frames = 161});
    const plan::Machine machine = cpu(size_t{220} << 20);
    const std::string message = p.refusal(machine), field = "fits: frames ";
    const size_t at = message.find(field);
    ASSERT_NE(at, std::string::npos) << message;
    const int64_t frames = std::stoll(message.substr(at + field.size()));
    EXPECT_TRUE(p.fits(640, 384, frames, machine)) << message;
    EXPECT_FALSE(p.fits(640, 384, frames + 4, machine)) << message;
}

// The number behind a field in a refusal; 0 if it is not there.
int64_t advised(const std::string& message, const std::string& field) {
    const size_t at = message.find(field, message.find("what fits"));
    return at == std::string::npos ? 0 : std::stoll(message.substr(at + field.size()));
}

// Whatever stage it is that does not fit: a LoRA's matrices, a video that is encoded, or bands count as well.
TEST(Refusal, WhatIsAdvisedFits) {
    const TemporaryFolder folder;
    int64_t sizes = 0, lengths = 0;
    for (const film::Source source : {film::Source::noise, film::Source::video}) {
        for (const bool lora : {false, true}) {
            for (const size_t mib : {240, 300, 420, 600}) {
                Planned p({.width = 832, .height = 480, .frames = 201}, source);
                if (lora) p.add_lora(folder, 30000);
                const plan::Machine machine = cpu(mib << 20);
                const std::string refusal = p.refusal(machine);
                ASSERT_NE(refusal, "") << mib;
                if (const int64_t frames = advised(refusal, "frames ")) {
                    ++lengths;
                    EXPECT_TRUE(p.fits(832, 480, frames, machine)) << refusal;
                }
                if (const int64_t width = advised(refusal, "size ")) {
                    ++sizes;
                    const int64_t height = advised(refusal, concat("size ", width, 'x'));
                    EXPECT_TRUE(p.fits(width, height, 201, machine)) << refusal;
                }
            }
        }
    }
    EXPECT_GT(sizes, 4);
    EXPECT_GT(lengths, 4);
}

// Windows that are known for one grid do not come with another.
TEST(Refusal, AdviceNamesAttention) {
    const film::Networks networks = film::published_networks("wan2.1-1.3b");
    const film::Settings settings{.width = 3840, .height = 2160, .frames = 81};
    const auto says = [&](film::Attention attention) {
        const film::FilmMaker make = film::other_films({}, networks.traits(), settings, attention);
        const film::Film film = make(3840, 2160, 81);
        EXPECT_EQ(film.attention.layout, *t3::published_layout(16));
        plan::Machine machine = cpu();
        machine.packing = 0;
        machine.allowed = plan_film(networks, film, {}, machine).find("denoise")->bytes - 1;
        Observer observer;
        return refusal(plan_film(networks, film, {}, machine), networks, film, machine, make, observer, {}).plain();
    };
    const std::string table = says(film::Attention::automatic), planned = says(film::Attention::t3);
    EXPECT_NE(table.find("frames 41 attention full, or size 2880x1616 attention full"), std::string::npos) << table;
    EXPECT_NE(planned.find("frames 41, or size 2880x1616"), std::string::npos) << planned;
    EXPECT_EQ(planned.find("attention full"), std::string::npos) << planned << ": windows are planned for any size";
}

// Amounts that are nearly the same are told apart.
TEST(Refusal, IsExact) {
    Planned p;
    for (const size_t less : {size_t{1}, size_t{5} << 20}) {
        const size_t needed = p.plan(cpu()).bytes(), allowed = needed - less;
        const std::string refusal = p.refusal(cpu(allowed));
        const auto say = [&](size_t bytes) {
            return less == 1 ? concat(bytes, " bytes") : concat((bytes + (1 << 20) - 1) >> 20, " MiB");
        };
        EXPECT_NE(refusal.find(concat("needs ", say(needed), ", but ", say(allowed), " may be used")),
                  std::string::npos)
            << refusal;
    }
    const film::Networks networks = film::published_networks("wan2.1-1.3b");
    const film::FilmMaker make = film::other_films({}, networks.traits(), {});
    const film::Film film = make(832, 480, 81);
    plan::Machine machine = cpu();
    machine.packing = 0;
    machine.allowed = plan_film(networks, film, {}, machine).find("denoise")->bytes - (size_t{3} << 20);
    ASSERT_GT(machine.allowed, kGiB);
    Observer observer;
    const std::string says =
        refusal(plan_film(networks, film, {}, machine), networks, film, machine, make, observer, {}).plain();
    EXPECT_NE(says.find(" MiB, but "), std::string::npos) << says;
    EXPECT_NE(says.find(" MiB may be used"), std::string::npos) << says;
}

}  // namespace
}  // namespace t3video::session
