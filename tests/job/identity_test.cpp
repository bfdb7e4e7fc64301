// Which film is which.
#include "job/identity.h"

#include <gtest/gtest.h>

namespace t3video::job {
namespace {

using nlohmann::json;

TEST(Identity, WhatDoesNotCountChangesNothing) {
    const json film = {{"prompt", "a"}, {"seed", 3}, {"cfg", 5.0}, {"loras", json::array({{{"weight", 1.0}}})}};
    json other = film;
    other["device"] = "cuda";
    other["later"] = true;
    other["cfg"] = 5;
    other["loras"][0]["weight"] = 1;
    EXPECT_TRUE(is_same_film(film, other));
    EXPECT_EQ(film_id(film), film_id(other));
    EXPECT_EQ(film_id(film).size(), 16u);
    const json changes = {{"prompt", "b"}, {"seed", 4}, {"cfg", 5.5}, {"dtype", "bf16"}};
    for (const auto& [name, value] : changes.items()) {
        json changed = film;
        changed[name] = value;
        EXPECT_FALSE(is_same_film(film, changed)) << name;
        EXPECT_NE(film_id(film), film_id(changed)) << name;
    }
    EXPECT_FALSE(is_same_film(json(), json()));
}

TEST(Identity, NamesOfFilms) {
    EXPECT_EQ(film_name("A red ball drifts left.", 0), "a-red-ball-drifts-left-0");
    EXPECT_EQ(film_name("  ../../etc/passwd\n", 7), "etc-passwd-7");
    EXPECT_EQ(film_name("...", 18446744073709551615u), "film-18446744073709551615");
    EXPECT_EQ(film_name("\xe7\x8c\xab", 1), "\xe7\x8c\xab-1");
    const std::string longer = film_name("a glacier calves into a calm bay while a small boat watches it", 1);
    EXPECT_EQ(longer, "a-glacier-calves-into-a-calm-bay-while-a-small-1");
    std::string characters;
    for (int i = 0; i < 40; ++i) characters += "\xe7\x8c\xab";
    EXPECT_EQ(film_name(characters, 1), characters.substr(0, 48) + "-1");
    EXPECT_EQ(film_name("x\xff", 1), "x\xef\xbf\xbd-1");
}

}  // namespace
}  // namespace t3video::job
