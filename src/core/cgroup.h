// Control groups: the limits that containers and service managers set.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace t3video {

struct Cgroup {
    std::filesystem::path folder;
    bool unified;  // version 2, which names its files differently
};

// The groups that limit this process by `controller` ("memory", "cpu"), of both versions: its own, and those above as
// far as they can be seen from here. Empty where there are none. `root` stands before all paths, for tests.
std::vector<Cgroup> cgroups_of(const std::string& controller, const std::filesystem::path& root = "/");

// The number with which a file begins; nothing where it is absent or begins with a word ("max").
std::optional<int64_t> number_in(const std::filesystem::path& file);

// The number behind `name` on a line of its own; 0 where there is none.
int64_t number_in(const std::filesystem::path& file, const std::string& name);

}  // namespace t3video
