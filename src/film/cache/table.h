// What TeaCache and MagCache know of a model beforehand, from a file of JSON. Its format: docs/caches.md.
#pragma once

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "film/cache/choice.h"

namespace t3video::film {

// By which a model's kind is told.
struct TransformerSizes {
    int64_t dim = 0, layers = 0, channels = 0;  // channels of its input
    int64_t experts = 1;

    friend bool operator==(const TransformerSizes&, const TransformerSizes&) = default;
};

struct CacheTable {
    struct Tea {
        std::vector<double> coefficients;  // the highest power first
        double threshold = 0;
    };
    struct Mag {
        std::array<std::vector<double>, sampling::kBranches> ratios;  // empty: not known
        double threshold = 0;
        int64_t most = 0;  // "K"
        double retention = 0;
    };

    std::string name;         // of the model, for people
    std::string source = {};  // of the numbers, for people
    TransformerSizes sizes;
    double pixels = 0;      // of a frame: where models of the same sizes were made for several; else 0
    std::string attention;  // the windows that it was made with, as windows_of() says
    std::optional<Tea> tea, tea_ret;
    std::optional<Mag> mag;

    bool has(sampling::CacheKind kind) const;
};

// Throws InvalidRequest naming the file and the member that is wrong.
CacheTable read_cache_table(const std::filesystem::path& path);
nlohmann::ordered_json to_json(const CacheTable& table);

// MagCache's settings without ratios: those published for a model of these sizes, else those for Wan2.1-T2V-1.3B.
CacheTable::Mag usual_mag(const TransformerSizes& sizes, double pixels);

// Where a film's table is looked for, in this order: `named`, which must be the model's; `beside`, the model's own
// t3-cache.json, unless it is of another model; the bundled ones, the nearest in pixels of the model's sizes.
struct CacheTables {
    std::filesystem::path named, beside;
};

struct ResolvedCache {
    sampling::CacheSettings settings;
    std::string origin;     // for people: "TeaCache by the table of Wan2.1-T2V-1.3B (FILE)"
    std::string attention;  // of the table, empty without one
};

// The choice with all values filled in. Throws InvalidRequest where no table has what it needs.
ResolvedCache resolve_cache(const CacheChoice& choice, const TransformerSizes& sizes, double pixels,
                            const CacheTables& tables);

}  // namespace t3video::film
