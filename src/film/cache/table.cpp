// Reads, writes and chooses tables.
#include "film/cache/table.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/paths.h"
#include "film/bundled.h"
#include "film/settings_file.h"

namespace t3video::film {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;
using sampling::CacheKind;

// One object of a table, whose errors name file and member.
class Object {
  public:
    Object(const json& object, const fs::path& path, std::string name)
        : object_(object), path_(path), name_(std::move(name)) {
        require_valid(object.is_object(), path.string(), ": \"", name_, "\" is no JSON object");
    }

    bool has(const char* key) const { return object_.contains(key); }
    template <class T>
    T get(const char* key) const {
        require_valid(has(key), path_.string(), ": ", place(key), " is missing");
        T value{};
        read_setting(object_, key, path_, value);
        return value;
    }
    // More than 0.
    double positive(const char* key) const {
        const auto value = get<double>(key);
        require_valid(value > 0, path_.string(), ": ", place(key), " is ", value, ", expected more than 0");
        return value;
    }
    // At least two; of ratios more than 0.
    std::vector<double> numbers(const char* key, size_t most, bool ratios) const {
        require_valid(has(key) && object_[key].is_array(), path_.string(), ": ", place(key), " is no list of numbers");
        const json& list = object_[key];
        require_valid(list.size() >= 2 && list.size() <= most, path_.string(), ": ", place(key), " has ", list.size(),
                      " values, expected 2 to ", most);
        std::vector<double> values;
        for (const json& value : list) {
            const double number = value.is_number() ? value.get<double>() : std::nan("");
            require_valid(std::isfinite(number) && (!ratios || number > 0), path_.string(), ": ", place(key), " holds ",
                          value.dump(), ", expected ", ratios ? "numbers of more than 0" : "numbers");
            values.push_back(number);
        }
        return values;
    }
    std::string place(const char* key) const { return concat('"', name_, ".", key, '"'); }
    const fs::path& path() const { return path_; }

  private:
    const json& object_;
    const fs::path& path_;
    std::string name_;
};

CacheTable::Tea read_tea(const Object& object) {
    constexpr size_t kMostPowers = 16;
    return {object.numbers("coefficients", kMostPowers, false), object.positive("threshold")};
}

CacheTable::Mag read_mag(const Object& object) {
    constexpr size_t kMostSteps = 1000;
    CacheTable::Mag mag{.threshold = object.positive("threshold"),
                        .most = object.get<int64_t>("K"),
                        .retention = object.get<double>("retention")};
    require_valid(mag.most >= 1, object.path().string(), ": ", object.place("K"), " is ", mag.most,
                  ", expected 1 or more");
    require_valid(mag.retention >= 0 && mag.retention <= 1, object.path().string(), ": ", object.place("retention"),
                  " is ", mag.retention, ", expected 0 to 1");
    if (!object.has("positive") && !object.has("negative")) return mag;
    mag.ratios[0] = object.numbers("positive", kMostSteps, true);
    mag.ratios[1] = object.has("negative") ? object.numbers("negative", kMostSteps, true) : mag.ratios[0];
    return mag;
}

const char* const kMake = "t3video calibrate makes one; easy needs none";

std::string sizes_text(const TransformerSizes& s) {
    return concat(s.layers, " layers of width ", s.dim, ", ", s.channels, " channels in",
                  s.experts > 1 ? concat(", ", s.experts, " experts") : "");
}

using Found = std::optional<std::pair<CacheTable, fs::path>>;

// The bundled table of a model of these sizes that suits; of several the nearest by pixels.
template <class Suits>
Found bundled_table(const TransformerSizes& sizes, double pixels, Suits&& suits) {
    Found best;
    const auto distance = [&](const CacheTable& table) {
        return table.pixels > 0 ? std::abs(std::log(table.pixels / pixels)) : 0.0;
    };
    const fs::path folder = bundled_folder("caches");
    if (folder.empty()) return best;
    for (const fs::path& file : entries_of(folder)) {
        if (file.extension() != ".json") continue;
        CacheTable table = read_cache_table(file);
        if (table.sizes != sizes || !suits(table)) continue;
        if (!best || distance(table) < distance(best->first)) best.emplace(std::move(table), file);
    }
    return best;
}

std::pair<CacheTable, fs::path> find_table(CacheKind kind, const TransformerSizes& sizes, double pixels,
                                           const CacheTables& tables) {
    const auto require_has = [&](const CacheTable& table, const Message& file) {
        require_valid(table.has(kind), file, ": has nothing for ", name_of(kind), "; ", kMake);
    };
    if (!tables.named.empty()) {
        const Field named("cache-table", tables.named.string());
        require_valid(is_file(tables.named), named, ": no such file");
        CacheTable table = read_cache_table(tables.named);
        require_valid(table.sizes == sizes, named, ": is of ", table.name, " (", sizes_text(table.sizes),
                      "), but this model has ", sizes_text(sizes), "; ", kMake);
        require_has(table, Message(named));
        return {std::move(table), tables.named};
    }
    if (!tables.beside.empty()) {
        CacheTable table = read_cache_table(tables.beside);
        if (table.sizes == sizes && table.has(kind)) return {std::move(table), tables.beside};
    }
    if (auto found = bundled_table(sizes, pixels, [&](const CacheTable& table) { return table.has(kind); }))
        return std::move(*found);
    throw InvalidRequest(Message(Field("cache", name_of(kind)), ": no table is known for a transformer of ",
                                 sizes_text(sizes), "; ", kMake));
}

}  // namespace

bool CacheTable::has(CacheKind kind) const {
    return kind == CacheKind::tea       ? tea.has_value()
           : kind == CacheKind::tea_ret ? tea_ret.has_value()
                                        : mag && !mag->ratios[0].empty();
}

CacheTable read_cache_table(const fs::path& path) {
    const json all = read_settings_file(path);
    const Object root(all, path, "table");
    require_valid(root.has("model"), path.string(), ": not a table of a step cache: \"model\" is missing");
    const Object model(all["model"], path, "model");
    CacheTable table;
    table.name = model.get<std::string>("name");
    table.sizes = {model.get<int64_t>("dim"), model.get<int64_t>("layers"), model.get<int64_t>("channels"),
                   model.has("experts") ? model.get<int64_t>("experts") : 1};
    if (model.has("pixels")) table.pixels = model.positive("pixels");
    if (root.has("source")) table.source = root.get<std::string>("source");
    if (root.has("attention")) table.attention = root.get<std::string>("attention");
    if (root.has("teacache")) table.tea = read_tea({all["teacache"], path, "teacache"});
    if (root.has("teacache_ret")) table.tea_ret = read_tea({all["teacache_ret"], path, "teacache_ret"});
    if (root.has("magcache")) table.mag = read_mag({all["magcache"], path, "magcache"});
    return table;
}

ordered_json to_json(const CacheTable& table) {
    ordered_json all = {{"model",
                         {{"name", table.name},
                          {"dim", table.sizes.dim},
                          {"layers", table.sizes.layers},
                          {"channels", table.sizes.channels}}}};
    if (table.sizes.experts != 1) all["model"]["experts"] = table.sizes.experts;
    if (table.pixels > 0) all["model"]["pixels"] = table.pixels;
    if (!table.attention.empty()) all["attention"] = table.attention;
    if (!table.source.empty()) all["source"] = table.source;
    const auto add_tea = [&](const char* name, const std::optional<CacheTable::Tea>& tea) {
        if (tea) all[name] = {{"coefficients", tea->coefficients}, {"threshold", tea->threshold}};
    };
    add_tea("teacache", table.tea);
    add_tea("teacache_ret", table.tea_ret);
    if (!table.mag) return all;
    const CacheTable::Mag& mag = *table.mag;
    ordered_json& to = all["magcache"] = {{"threshold", mag.threshold}, {"K", mag.most}, {"retention", mag.retention}};
    if (!mag.ratios[0].empty()) to["positive"] = mag.ratios[0];
    if (mag.ratios[1] != mag.ratios[0]) to["negative"] = mag.ratios[1];
    return all;
}

CacheTable::Mag usual_mag(const TransformerSizes& sizes, double pixels) {
    auto found = bundled_table(sizes, pixels, [](const CacheTable& table) { return table.mag.has_value(); });
    CacheTable::Mag mag = found ? *found->first.mag : CacheTable::Mag{.threshold = 0.12, .most = 4, .retention = 0.2};
    mag.ratios = {};
    return mag;
}

ResolvedCache resolve_cache(const CacheChoice& choice, const TransformerSizes& sizes, double pixels,
                            const CacheTables& tables) {
    constexpr double kEasyThreshold = 0.05;  // the paper's
    ResolvedCache resolved;
    sampling::CacheSettings& s = resolved.settings;
    s.kind = choice.kind;
    s.first = choice.first.value_or(s.first);
    s.threshold = choice.threshold.value_or(kEasyThreshold);
    if (s.kind == CacheKind::easy) resolved.origin = "EasyCache, which needs no table";
    if (!s.keeps_residuals()) return resolved;
    const auto [table, file] = find_table(s.kind, sizes, pixels, tables);
    resolved.origin = concat(s.kind == CacheKind::mag ? "MagCache" : "TeaCache", " by the table of ", table.name, " (",
                             file.string(), ')');
    resolved.attention = table.attention;
    if (s.kind == CacheKind::mag) {
        s.ratios = table.mag->ratios;
        s.threshold = choice.threshold.value_or(table.mag->threshold);
        s.most = choice.most.value_or(table.mag->most);
        s.retention = choice.retention.value_or(table.mag->retention);
    } else {
        const CacheTable::Tea& tea = s.kind == CacheKind::tea ? *table.tea : *table.tea_ret;
        s.coefficients = tea.coefficients;
        s.threshold = choice.threshold.value_or(tea.threshold);
    }
    return resolved;
}

}  // namespace t3video::film
