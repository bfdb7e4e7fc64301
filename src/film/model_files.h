// Where the parts of a model lie, and what its folder says about using it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/lora/lora.h"
#include "core/message.h"
#include "models/small_vae/latent_scale.h"

namespace t3video::film {

enum class FolderKind { official, diffusers };
enum class Part { dit, text_encoder, vae, tokenizer };

// Single parts given by the user instead of those of the folder; empty: the folder's.
struct PartOverrides {
    std::filesystem::path dit, text_encoder, vae, tokenizer;
    std::filesystem::path decoder;                       // a small one, which decodes in place of the VAE
    std::optional<models::LatentScale> decoder_latents;  // unset: as its file's name says
    std::vector<checkpoint::Lora> loras;                 // for the DiT, in addition
    bool lora_partial = false;                           // all of them, as checkpoint::Lora says
};

// Parts that were not found are empty paths; need() says what is missing.
struct ModelFiles {
    std::filesystem::path folder;
    FolderKind kind = FolderKind::official;
    std::filesystem::path dit;           // safetensors or torch file, index or first part; GGUF
    std::filesystem::path dit_config;    // config.json with the number of heads, beside a DiT file given by the user if
                                         // there is one, else the folder's; may be absent
    std::filesystem::path text_encoder;  // as the transformer
    std::filesystem::path vae;
    std::filesystem::path decoder;  // a small one; empty: the VAE decodes
    models::LatentScale decoder_latents = models::LatentScale::normalised;
    std::filesystem::path tokenizer;  // spiece.model, or tokenizer.json
    std::filesystem::path scheduler;  // diffusers' scheduler_config.json; empty for official folders
    std::filesystem::path layout;     // t3-layout.json beside the last LoRA that has one, else beside the DiT file,
                                      // else in the folder; empty if none has
    std::filesystem::path
        cache_table;  // t3-cache.json beside the DiT file, else in the folder; empty if neither has one
    std::vector<checkpoint::Lora> loras;
    std::filesystem::path generation;  // generation_config.json; empty if there is none

    std::vector<std::string> notes = {};  // which of several variants of a file is read
    Message claim = {};  // why the transformer is not read, although it may be there; film/folder_claims.h

    // The file of a part. Throws InvalidRequest naming what the folder should hold and the field that replaces it.
    const std::filesystem::path& need(Part part) const;
    // All of these files that there are.
    std::vector<std::filesystem::path> all() const;
};

// Finds the parts by the official file names (Wan2.1_VAE.pth, models_t5_umt5-xxl-enc-bf16.pth, ...) or by diffusers'
// sub-folders; of a hub's cache folder in its snapshot. Throws InvalidRequest when the folder or a file given by the
// user does not exist, or the folder holds none.
ModelFiles find_model(const std::filesystem::path& folder, const PartOverrides& overrides = {});

// The small decoder of these parts, where there is one. Throws InvalidRequest for a file that does not exist.
void set_decoder(ModelFiles& files, const PartOverrides& overrides);

// The bundled demo model: in share/t3video/models/demo beside the program or its bin/, or in the source tree. Throws
// InvalidRequest when it is neither.
std::filesystem::path demo_model_folder();

}  // namespace t3video::film
