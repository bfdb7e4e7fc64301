// Files that are one JSON object of settings. Errors name the file and the setting.
#pragma once

#include <concepts>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>

#include "checkpoint/foreign_file.h"
#include "core/error.h"
#include "core/input_file.h"
#include "core/json.h"

namespace t3video::film {

// Throws InvalidRequest for a file that begins as one of another kind: a picture, an archive, a web page.
inline void refuse_file_of_other_kind(const std::filesystem::path& path) {
    constexpr size_t kBeginning = 4096;
    checkpoint::refuse_other_kind(InputFile(path, "a text or model").read(kBeginning), path.string());
}

// Whatever JSON the file is; discarded where it is none. Throws InvalidRequest for a file of another kind.
inline nlohmann::json read_any_json(const std::filesystem::path& path) {
    const std::string text = read_text_file(path, "a JSON object");
    checkpoint::refuse_other_kind(text, path.string());
    return parse_json_or_discard(text);
}

// Throws InvalidRequest for a file that is no JSON object.
inline nlohmann::json read_settings_file(const std::filesystem::path& path) {
    nlohmann::json object = read_any_json(path);
    require_valid(object.is_object(), path.string(), ": not a JSON object");
    return object;
}

// The value under `key`, where the file has one. Throws InvalidRequest for one of another type.
template <class T>
void read_setting(const nlohmann::json& object, const char* key, const std::filesystem::path& path, T& value) {
    if (!object.contains(key)) return;
    const nlohmann::json& found = object[key];
    constexpr bool text = std::is_same_v<T, std::string>, flag = std::is_same_v<T, bool>,
                   whole = std::is_integral_v<T> && !flag;
    require_valid(text    ? found.is_string()
                  : flag  ? found.is_boolean()
                  : whole ? found.is_number_integer()
                          : found.is_number(),
                  path.string(), ": \"", key, "\" is ", found.dump(), ", expected ",
                  text    ? "a text"
                  : flag  ? "true or false"
                  : whole ? "a whole number"
                          : "a number");
    value = found.get<T>();
}

// The same where null is as good as no value.
template <class T>
void read_setting(const nlohmann::json& object, const char* key, const std::filesystem::path& path,
                  std::optional<T>& value) {
    if (object.contains(key) && !object[key].is_null()) read_setting(object, key, path, value.emplace());
}

}  // namespace t3video::film
