// Names with numbers.
#include "checkpoint/shards.h"

#include <cstdio>

#include "core/error.h"
#include "core/numbers.h"
#include "core/paths.h"

namespace t3video::checkpoint {

std::optional<ShardName> shard_name_of(std::string_view name) {
    constexpr std::string_view kOf = "-of-";
    constexpr size_t kDigits = 5;
    const size_t at = name.find(kOf);
    if (at == std::string_view::npos || at < kDigits + 1 || name[at - kDigits - 1] != '-') return std::nullopt;
    const size_t begin = at - kDigits, end = at + kOf.size() + kDigits;
    if (name.size() < end) return std::nullopt;
    const auto number = number_of<int>(name.substr(begin, kDigits)),
               of = number_of<int>(name.substr(end - kDigits, kDigits));
    if (!number || !of || *number < 1 || *number > *of) return std::nullopt;
    return ShardName{*number, *of, std::string(name.substr(0, begin - 1)), std::string(name.substr(end))};
}

std::vector<std::filesystem::path> shards_of(const std::filesystem::path& file) {
    const auto name = shard_name_of(file.filename().string());
    if (!name) return {file};
    std::vector<std::filesystem::path> shards;
    std::string missing;
    for (int i = 1; i <= name->of; ++i) {
        char numbers[32];
        std::snprintf(numbers, sizeof numbers, "-%05d-of-%05d", i, name->of);
        const std::filesystem::path shard = file.parent_path() / (name->before + numbers + name->after);
        if (!is_file(shard)) missing += (missing.empty() ? "" : ", ") + shard.filename().string();
        shards.push_back(shard);
        constexpr size_t kLongLine = 400;
        require_valid(missing.size() < kLongLine, file.string(), ": these of its ", name->of,
                      " parts are missing: ", missing, " ...");
    }
    require_valid(missing.empty(), file.string(), ": these of its ", name->of, " parts are missing: ", missing);
    return shards;
}

}  // namespace t3video::checkpoint
