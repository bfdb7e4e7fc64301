// Names to files, fields to requests.
#include "serving/catalogue.h"

#include <algorithm>
#include <ranges>

#include "core/error.h"
#include "core/numbers.h"
#include "core/paths.h"
#include "media/frame_writer.h"

namespace t3video::serving {
namespace {

namespace fs = std::filesystem;
using film::RequestField;
using Use = RequestField::Use;

std::string text_of(const nlohmann::json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string listed(const auto& names) {
    std::string all;
    for (const auto& name : names) all += (all.empty() ? "" : ", ") + name;
    return all;
}

}  // namespace

bool is_served(const RequestField& field) {
    const std::string_view name = field.name;
    if (name == "model" || name == "image" || name == "video" || name == "lora") return true;
    // Of a small decoder, whose file is the server's to name.
    return field.kind != RequestField::Kind::path && field.use != Use::place && name != "decoder-latents";
}

std::span<const std::string> containers() {
    static const std::vector<std::string> endings = [] {
        if (media::default_output().extension() == ".y4m") return std::vector<std::string>{".y4m"};
        return std::vector<std::string>{".mp4", ".mkv", ".mov", ".y4m"};
    }();
    return endings;
}

std::vector<ServedModel> models_of(std::span<const fs::path> folders) {
    std::vector<ServedModel> models;
    for (const fs::path& given : folders) {
        film::find_model(given);
        const fs::path folder = absolute_path(given).lexically_normal();
        const std::string stem = (folder.has_filename() ? folder : folder.parent_path()).filename().string();
        std::string name = stem;
        const auto taken = [&] { return std::ranges::find(models, name, &ServedModel::name) != models.end(); };
        for (int i = 2; taken(); ++i) name = concat(stem, '-', i);
        models.push_back({name, folder});
    }
    if (models.empty()) models.push_back({"demo", {}});
    return models;
}

void AskedFilm::place(const fs::path& folder, int64_t preview_every) {
    request.output = folder / ("film" + container);
    request.preview_every = preview_every;
    request.names_only = true;
}

Catalogue::Catalogue(std::vector<ServedModel> models, std::vector<fs::path> loras, const Uploads& uploads)
    : models_(std::move(models)), lora_folders_(std::move(loras)), uploads_(uploads) {
    require_valid(!models_.empty(), Field("model"), ": a server needs one at least");
    for (ServedModel& model : models_) {
        if (model.folder.empty()) model.folder = film::demo_model_folder();
    }
}

std::map<std::string, fs::path> Catalogue::loras() const {
    std::map<std::string, fs::path> files;
    for (const fs::path& folder : lora_folders_) {
        for (const fs::path& file : entries_of(folder)) {
            std::error_code ignored;
            if (file.extension() == ".safetensors" && fs::is_regular_file(file, ignored))
                files.emplace(file.stem().string(), file);
        }
    }
    return files;
}

// Its value as below the server, with the file that the client's word stands for.
Field Catalogue::with_path(const RequestField& field, const std::string& value) const {
    const std::string_view name = field.name;
    if (name == "model") {
        const auto found = std::ranges::find(models_, value, &ServedModel::name);
        require_valid(found != models_.end(), Field(field.name, value), ": no such model; this server has ",
                      listed(models_ | std::views::transform(&ServedModel::name)));
        return Field(field.name, found->folder.string());
    }
    if (name == "image" || name == "video") {
        const Upload::Kind kind = uploads_.kind_of(value, field.name);
        require_valid(name == "video" || kind == Upload::Kind::image, Field(field.name),
                      ": the upload is a video; give it as ", Field("video"));
        return Field(field.name, uploads_.path_of(value).string());
    }
    if (name == "lora") {
        const auto files = loras();
        const size_t colon = value.rfind(':');
        const bool weighted = colon != std::string::npos && !files.contains(value);
        const auto found = files.find(weighted ? value.substr(0, colon) : value);
        require_valid(found != files.end(), Field(field.name, value), ": no such LoRA; this server has ",
                      files.empty() ? "none" : listed(files | std::views::keys));
        return Field(field.name, found->second.string() + (weighted ? value.substr(colon) : ":1"));
    }
    return Field(field.name, value);
}

AskedFilm Catalogue::film_of(const FieldValues& fields, const std::string& container) const {
    AskedFilm asked{.model = models_.front().name, .container = container};
    if (container.empty()) asked.container = containers().front();
    const auto known = containers();
    require_valid(std::ranges::find(known, asked.container) != known.end(), Field("container", container),
                  ": expected ", listed(known));
    for (const auto& [name, value] : fields) {
        const RequestField* field = film::find_field(name);
        require_valid(field != nullptr && is_served(*field), Field(name), ": this server has no such field");
        const auto before = std::ranges::find(asked.fields, name, &FieldValues::value_type::first);
        if (field->kind != RequestField::Kind::list && before != asked.fields.end()) {
            require_valid(before->second == value, Field(name), ": is given twice, as ", before->second, " and ",
                          value);
            continue;
        }
        asked.fields.emplace_back(name, value);
    }
    for (auto& [name, value] : asked.fields) {
        const RequestField& field = *film::find_field(name);
        const Field whole = with_path(field, value);
        try {
            field.set(asked.request, whole);
        } catch (const InvalidRequest& error) {
            const std::string path = whole.value;
            throw InvalidRequest(
                error.message().with_words([&](const std::string& words) { return words == path ? value : words; }));
        }
        if (name == "model") asked.model = value;
    }
    std::erase_if(asked.fields, [](const auto& field) { return field.first == "model" || field.first == "seed"; });
    asked.fields.emplace_back("seed", text_of(film::find_field("seed")->get(asked.request)));  // as it fell
    if (asked.request.model.empty()) asked.request.model = models_.front().folder;
    return asked;
}

}  // namespace t3video::serving
