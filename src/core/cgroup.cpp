// Reads /proc/self/cgroup and /proc/self/mountinfo: proc(5), cgroups(7).
#include "core/cgroup.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace t3video {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> words_of(const std::string& line, char separator) {
    std::istringstream text(line);
    std::vector<std::string> words;
    for (std::string word; std::getline(text, word, separator);) words.push_back(word);
    return words;
}

bool contains(const std::string& list, const std::string& name) {
    return std::ranges::count(words_of(list, ','), name) > 0;
}

// mountinfo writes blanks and the like as "\040".
fs::path unescaped(const std::string& text) {
    std::string path;
    for (size_t i = 0; i < text.size(); ++i) {
        const std::string digits = text[i] == '\\' ? text.substr(i + 1, 3) : "";
        const bool escaped = digits.size() == 3 && digits.find_first_not_of("01234567") == std::string::npos;
        path += escaped ? static_cast<char>(std::stoi(digits, nullptr, 8)) : text[i];
        if (escaped) i += 3;
    }
    return path;
}

// A part of the hierarchy, from `top` on, that is seen at `point`.
struct Mount {
    fs::path top, point;
    bool unified;
};

std::vector<Mount> mounts_of(const std::string& controller, const fs::path& root) {
    std::ifstream file(root / "proc/self/mountinfo");
    std::vector<Mount> mounts;
    for (std::string line; std::getline(file, line);) {
        const auto words = words_of(line, ' ');
        const auto dash = std::ranges::find(words, "-");  // behind it: type, source, options of the file system
        if (words.size() < 6 || words.end() - dash < 4) continue;
        const bool unified = dash[1] == "cgroup2";
        if (!unified && !(dash[1] == "cgroup" && contains(dash[3], controller))) continue;
        mounts.push_back({unescaped(words[3]), root / unescaped(words[4]).relative_path(), unified});
    }
    return mounts;
}

// The path of this process in the hierarchy; nothing where it has none.
std::optional<fs::path> own_path(const std::string& controller, bool unified, const fs::path& root) {
    std::ifstream file(root / "proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
        const size_t first = line.find(':'), second = line.find(':', first + 1);  // "4:cpu,cpuacct:/user/one"
        if (second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        if (unified ? controllers.empty() : contains(controllers, controller)) return line.substr(second + 1);
    }
    return std::nullopt;
}

}  // namespace

std::vector<Cgroup> cgroups_of(const std::string& controller, const fs::path& root) {
    std::vector<Cgroup> groups;
    for (const Mount& mount : mounts_of(controller, root)) {
        const auto path = own_path(controller, mount.unified, root);
        if (!path) continue;
        // Outside of what is mounted, as in some containers, the mount's own folder is the nearest that can be seen.
        fs::path below = path->lexically_relative(mount.top);
        if (below.empty() || below == "." || *below.begin() == "..") below.clear();
        for (; !below.empty(); below = below.parent_path()) groups.push_back({mount.point / below, mount.unified});
        groups.push_back({mount.point, mount.unified});
    }
    return groups;
}

std::optional<int64_t> number_in(const fs::path& file) {
    std::ifstream text(file);
    int64_t number = 0;
    return text >> number ? std::optional(number) : std::nullopt;
}

int64_t number_in(const fs::path& file, const std::string& name) {
    std::ifstream text(file);
    for (std::string line; std::getline(text, line);) {
        std::istringstream words(line);
        std::string word;
        int64_t number = 0;
        if (words >> word >> number && word == name) return number;
    }
    return 0;
}

}  // namespace t3video
