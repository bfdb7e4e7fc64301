// What clients may name, and what their words make of it: models, LoRAs, uploads, fields.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "film/request.h"
#include "serving/service.h"

namespace t3video::serving {

// A request that clients made, and how it is kept.
struct AskedFilm {
    film::Request request;  // with the paths of its files, and no output
    FieldValues fields;     // without the model, and with the seed as it fell
    std::string model, container;

    // The output and what goes beside it.
    void place(const std::filesystem::path& folder, int64_t preview_every);
};

class Catalogue {
  public:
    Catalogue(std::vector<ServedModel> models, std::vector<std::filesystem::path> loras, const Uploads& uploads);

    // Throws InvalidRequest, naming the field, for what is not served, for a value that cannot be, and for two values
    // of one field.
    AskedFilm film_of(const FieldValues& fields, const std::string& container) const;

    const std::vector<ServedModel>& models() const { return models_; }
    // LoRA files that are there now, by their names without ending.
    std::map<std::string, std::filesystem::path> loras() const;

  private:
    Field with_path(const film::RequestField& field, const std::string& value) const;

    std::vector<ServedModel> models_;
    std::vector<std::filesystem::path> lora_folders_;
    const Uploads& uploads_;
};

}  // namespace t3video::serving
