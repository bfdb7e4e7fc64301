// Reads model_index.json, config.json and a hub's refs.
#include "film/folder_claims.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/input_file.h"
#include "core/paths.h"
#include "film/settings_file.h"

namespace t3video::film {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kTwo =
    "two transformers, for high and low noise (Wan2.2 A14B), which are not run yet; this program "
    "reads models of one: Wan2.1 T2V, Wan2.2 TI2V-5B";
constexpr const char* kReads = "; this program reads Wan's text-to-video models and TI2V-5B";

json object_in(const fs::path& file) {
    return is_file(file) ? read_settings_file(file) : json::object();
}

std::string text_at(const json& object, const char* key) {
    return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : "";
}

bool is_among(const std::string& text, std::initializer_list<const char*> names) {
    return std::ranges::find(names, text) != names.end();
}

// A component of a pipeline: ["diffusers", "AutoencoderKLWan"]; [null, null] for one that it does without.
bool is_component(const json& entry) {
    return entry.is_array() && std::ranges::any_of(entry, [](const json& part) { return !part.is_null(); });
}

std::vector<fs::path> folders_in(const fs::path& folder) {
    std::vector<fs::path> folders = entries_of(folder);
    std::erase_if(folders, [](const fs::path& entry) { return !is_folder(entry); });
    return folders;
}

fs::path snapshot_in(const fs::path& snapshots) {
    const fs::path reference = snapshots.parent_path() / "refs" / "main";
    if (is_file(reference)) {
        std::string hash = read_text_file(reference, "the name of a snapshot");
        hash.erase(std::min(hash.find_last_not_of(" \r\n") + 1, hash.size()));
        const bool plain = !hash.empty() && hash.find_first_of("/\\") == std::string::npos && hash != "..";
        if (plain && is_folder(snapshots / hash)) return snapshots / hash;
    }
    const std::vector<fs::path> found = folders_in(snapshots);
    require_valid(!found.empty(), snapshots.string(), ": holds no snapshot; download the model again");
    require_valid(found.size() == 1, snapshots.string(), ": holds ", found.size(),
                  " snapshots; name one of them, such as ", found.empty() ? "" : found.front().string());
    return found.front();
}

}  // namespace

fs::path snapshot_of(const fs::path& folder) {
    const fs::path name = folder.has_filename() ? folder.filename() : folder.parent_path().filename();
    if (name == "snapshots") return snapshot_in(folder.has_filename() ? folder : folder.parent_path());
    if (is_folder(folder / "snapshots")) return snapshot_in(folder / "snapshots");
    for (const fs::path& inside : is_file(folder / "model_index.json") ? std::vector<fs::path>() : folders_in(folder))
        require_valid(!inside.filename().string().starts_with("models--"), folder.string(),
                      ": holds the models of a hub's cache; name one of them, such as ", inside.string());
    return folder;
}

Message claim_of_folder(const fs::path& folder) {
    const fs::path index = folder / "model_index.json";
    if (is_folder(folder / "high_noise_model") || is_folder(folder / "low_noise_model"))
        return Message(folder.string(), ": holds high_noise_model and low_noise_model, ", kTwo);
    const json object = object_in(index);
    if (is_component(object.value("transformer_2", json())) || is_folder(folder / "transformer_2"))
        return Message(folder.string(), ": holds transformer and transformer_2, ", kTwo);
    if (const json boundary = object.value("boundary_ratio", json()); !boundary.is_null())
        return Message(index.string(), ": \"boundary_ratio\" is ", boundary.dump(),
                       ", the noise level from which a transformer_2 takes over, but the model has none");
    const std::string pipeline = text_at(object, "_class_name");
    const json expands = object.value("expand_timesteps", json());
    const bool image = pipeline == "WanImageToVideoPipeline" && expands != true;  // TI2V-5B's has one timestep a token
    if (image) return Message(index.string(), ": is of an image-to-video model (", pipeline, ")", kReads);
    if (!pipeline.empty() &&
        !is_among(pipeline, {"WanPipeline", "WanVideoToVideoPipeline", "WanImageToVideoPipeline", "WanDMDPipeline"}))
        return Message(index.string(), ": is of a ", pipeline, kReads);
    for (const auto& [name, entry] : object.items()) {
        if (is_component(entry) && !is_among(name, {"scheduler", "text_encoder", "tokenizer", "transformer", "vae"}))
            return Message(index.string(), ": the model has a part ", name, ", which is not run", kReads);
    }
    return {};
}

Message claim_of_config(const fs::path& config) {
    if (!is_file(config)) return {};
    const json object = read_any_json(config);
    const std::string type = text_at(object, "model_type"), made_by = text_at(object, "_class_name");
    if (!type.empty() && !is_among(type, {"t2v", "ti2v"}))
        return Message(config.string(), ": is of a model of the kind ", type, kReads);
    if (!made_by.empty() && !is_among(made_by, {"WanModel", "WanTransformer3DModel"}))
        return Message(config.string(), ": is of a ", made_by, kReads);
    for (const char* key : {"image_dim", "added_kv_proj_dim"}) {
        if (object.contains(key) && object[key].is_number())
            return Message(config.string(), ": is of an image-to-video model (", key, " ", object[key].dump(), ")",
                           kReads);
    }
    return {};
}

}  // namespace t3video::film
