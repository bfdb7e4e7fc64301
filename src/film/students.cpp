// Names of released students, as their makers and those who convert them write them: docs/few-step.md.
#include "film/students.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "core/paths.h"
#include "film/settings_file.h"

namespace t3video::film {
namespace {

namespace fs = std::filesystem;

constexpr const char *kSelfForcing = "renoise:timesteps=1000/750/500/250,warp=true",
                     *kCausal = "its makers run it with attention to earlier frames only";

// Letters and digits alone, in lower case: "Wan2.1-T2V" and "wan21_t2v" are one name.
std::string squeezed(std::string_view name) {
    std::string text;
    for (const char raw : name) {
        const char c = raw >= 'A' && raw <= 'Z' ? static_cast<char>(raw - 'A' + 'a') : raw;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) text += c;
    }
    return text;
}

// Whether `word` stands in the name between other characters than letters.
bool has_word(std::string_view name, std::string_view word) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto same = [](char a, char b) { return (a | 0x20) == b; };
    for (auto at = name.begin();; ++at) {
        at = std::search(at, name.end(), word.begin(), word.end(), same);
        if (at == name.end()) return false;
        const auto behind = at + static_cast<std::ptrdiff_t>(word.size());
        if ((at == name.begin() || !letter(at[-1])) && (behind == name.end() || !letter(*behind))) return true;
    }
}

Student fast_wan(const std::string& told_by, bool wan22, bool full_attention) {
    return {"FastWan", told_by,           "renoise",
            3,         wan22 ? 5.0 : 8.0, full_attention ? "" : "its makers run it with sparse attention (VSA)"};
}

// The student that a name is of, wherever it stands.
std::optional<Student> student_named(const std::string& name, const std::string& told_by, bool wan22) {
    const std::string text = squeezed(name);
    const auto has = [&](std::string_view part) { return text.find(part) != std::string::npos; };
    if (has("turbowan") || has_word(name, "rcm")) {
        return Student{has("turbowan") ? "TurboWan" : "rCM",
                       told_by,
                       has("i2v") && !has("ti2v") ? "rcm:sigma_max=200" : "rcm",
                       4,
                       5,
                       has("turbowan") ? "its makers run it with sparse linear attention (SLA)" : ""};
    }
    if (has("fastwan")) return fast_wan(told_by, wan22 || has("ti2v5b"), has("fullattn"));
    if (has("causvid")) return Student{"CausVid", told_by, "renoise", 3, 8, has("bidirect") ? "" : kCausal};
    if (has("lightx2v") || has("stepdistill") || has("wan22lightning") || (has("4step") && has("lora")))
        return Student{"a 4-step distillation of lightx2v", told_by, "euler", 4, 5};
    if (has("selfforcing") || has("sfwan")) return Student{"Self-Forcing", told_by, kSelfForcing, 4, 5, kCausal};
    return std::nullopt;
}

bool is_base(const std::string& name) {
    std::string text = squeezed(name);
    const auto strip = [&](std::initializer_list<std::string_view> parts, bool front) {
        return std::ranges::any_of(parts, [&](std::string_view part) {
            const bool found = front ? text.starts_with(part) : text.ends_with(part);
            if (found) text.erase(front ? 0 : text.size() - part.size(), part.size());
            return found;
        });
    };
    while (strip({"models", "wanai", "t3video"}, true)) {
    }
    while (strip(
        {"safetensors", "gguf", "pth", "pt", "diffusers", "bf16", "fp16", "fp32", "fp8", "e4m3fn", "e5m2", "scaled"},
        false)) {
    }
    constexpr std::string_view kBases[] = {"wan21t2v13b", "wan21t2v14b", "wan22ti2v5b", "wan22t2va14b", "wan22i2va14b"};
    return std::ranges::find(kBases, text) != std::end(kBases);
}

// What a file is called: its name, or, where that is what all such files are called, the names of the two folders
// above, those aside that are always there.
std::vector<fs::path> names_of(const fs::path& file) {
    const std::string stem = squeezed(file.filename().string());
    constexpr std::string_view kGeneral[] = {"diffusionpytorchmodel", "pytorch",        "model",        "adaptermodel",
                                             "distillmodel",          "highnoisemodel", "lownoisemodel"};
    if (std::ranges::none_of(kGeneral, [&](std::string_view name) { return stem.starts_with(name); })) return {file};
    constexpr size_t kFolders = 2;
    std::vector<fs::path> names;
    for (fs::path folder = absolute_path(file).parent_path(); folder.has_relative_path() && names.size() < kFolders;
         folder = folder.parent_path()) {
        constexpr std::string_view kAlways[] = {"transformer", "transformer2", "snapshots"};
        const std::string name = squeezed(folder.filename().string());
        if (std::ranges::find(kAlways, name) == std::end(kAlways)) names.push_back(folder);
    }
    return names;
}

std::optional<Student> student_of_file(const fs::path& file, bool wan22) {
    for (const fs::path& name : names_of(file)) {
        const std::string text = name.filename().string();
        if (is_base(text)) return std::nullopt;
        if (auto student = student_named(text, name.string(), wan22)) return student;
    }
    return std::nullopt;
}

// FastVideo's pipeline, whose scheduler_config.json names a solver that it does not use.
bool is_dmd_pipeline(const fs::path& index) {
    if (!is_file(index)) return false;
    const nlohmann::json object = read_any_json(index);
    return object.is_object() && object.value("_class_name", nlohmann::json()) == "WanDMDPipeline";
}

}  // namespace

std::optional<Student> student_of(const ModelFiles& files, bool wan22) {
    for (auto lora = files.loras.rbegin(); lora != files.loras.rend(); ++lora) {
        if (auto student = lora->weight == 0 ? std::nullopt : student_of_file(lora->file, wan22)) return student;
    }
    if (files.dit.empty()) return std::nullopt;
    const bool diffusers = files.kind == FolderKind::diffusers;
    const fs::path place = files.dit.parent_path(), index = files.folder / "model_index.json";
    const bool of_folder = (diffusers ? place.parent_path() : place) == files.folder;
    auto student = student_of_file(files.dit, wan22);
    if (!student && diffusers && of_folder && is_dmd_pipeline(index)) student = fast_wan(index.string(), wan22, true);
    if (student) student->of_folder = of_folder;
    return student;
}

std::string base_model_of(const ModelFiles& files) {
    if (files.dit.empty() || !files.loras.empty()) return {};
    for (const fs::path& name : names_of(files.dit)) {
        if (is_base(name.filename().string())) return name.string();
    }
    return {};
}

}  // namespace t3video::film
