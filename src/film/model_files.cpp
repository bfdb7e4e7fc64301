// Finds the files of a model folder.
#include "film/model_files.h"

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "core/error.h"
#include "core/paths.h"
#include "film/bundled.h"
#include "film/folder_claims.h"
#include "film/settings_file.h"
#include "film/weight_files.h"

namespace t3video::film {
namespace {

namespace fs = std::filesystem;

// The first of `names` that exists in `folder`, or nothing.
fs::path first_of(const fs::path& folder, std::initializer_list<const char*> names) {
    for (const char* name : names) {
        if (is_file(folder / name)) return folder / name;
    }
    return {};
}

// A part from the user, checked to exist; else what was found in the folder.
fs::path part(const fs::path& given, const char* field, const fs::path& found) {
    require_valid(given.empty() || is_file(given), Field(field, given.string()),
                  is_folder(given) ? ": is a folder; name the file in it" : ": no such file");
    return given.empty() ? found : given;
}

const std::vector<std::string> kNetwork = {"diffusion_pytorch_model"}, kEncoder = {"model", "pytorch_model"};

// The file, and a note where there was a choice and the user named no other.
fs::path said(const FoundWeights& found, const fs::path& other, ModelFiles& files) {
    if (!found.note.empty() && other.empty()) files.notes.push_back(found.note);
    return found.file;
}

// The official text encoders: the released one first, then those in other types or formats.
FoundWeights official_encoder(const fs::path& folder) {
    constexpr const char* kReleased = "models_t5_umt5-xxl-enc-bf16.pth";
    std::vector<fs::path> found;
    for (const fs::path& entry : entries_of(folder)) {
        const std::string name = entry.filename().string();
        const bool weights = name.ends_with(".pth") || name.ends_with(".safetensors");
        if (name.starts_with("models_t5_umt5-xxl-enc-") && weights && is_file(entry)) found.push_back(entry);
    }
    if (const auto released = std::ranges::find(found, folder / kReleased); released != found.end())
        std::iter_swap(found.begin(), released);
    return first_of_several(found);
}

}  // namespace

void set_decoder(ModelFiles& files, const PartOverrides& overrides) {
    files.decoder = part(overrides.decoder, "decoder", {});
    require_valid(!overrides.decoder_latents || !files.decoder.empty(), Field("decoder-latents"),
                  " is said of a small decoder; name its file with ", Field("decoder"));
    if (!files.decoder.empty())
        files.decoder_latents = overrides.decoder_latents.value_or(models::latent_scale_of(files.decoder));
}

ModelFiles find_model(const fs::path& named, const PartOverrides& overrides) {
    require_valid(!is_file(named), Field("model", named.string()), ": is a file; ", Field("model"), " takes a folder, ",
                  Field("dit"), " a transformer's file");
    require_valid(is_folder(named), "model folder ", named.string(), " does not exist");
    const fs::path folder = snapshot_of(named);
    ModelFiles files;
    files.folder = folder;
    fs::path dit, encoder, vae, tokenizer;
    const auto weights = [&](const fs::path& part, const std::vector<std::string>& stems, const fs::path& other) {
        return said(find_weights(part, stems), other, files);
    };
    if (is_file(folder / "model_index.json") || is_folder(folder / "transformer")) {
        files.kind = FolderKind::diffusers;
        dit = weights(folder / "transformer", kNetwork, overrides.dit);
        encoder = weights(folder / "text_encoder", kEncoder, overrides.text_encoder);
        vae = weights(folder / "vae", kNetwork, overrides.vae);
        tokenizer = first_of(folder / "tokenizer", {"spiece.model", "tokenizer.json"});
        files.scheduler = first_of(folder / "scheduler", {"scheduler_config.json"});
        files.dit_config = folder / "transformer" / "config.json";
    } else {
        dit = weights(folder, kNetwork, overrides.dit);
        encoder = said(official_encoder(folder), overrides.text_encoder, files);
        vae =
            first_of(folder, {"Wan2.1_VAE.pth", "Wan2.2_VAE.pth", "Wan2.1_VAE.safetensors", "Wan2.2_VAE.safetensors"});
        tokenizer = first_of(folder / "google" / "umt5-xxl", {"spiece.model", "tokenizer.json"});
        files.dit_config = folder / "config.json";
    }
    if (overrides.dit.empty()) files.claim = claim_of_folder(folder);
    if (!overrides.dit.empty()) {  // its number of heads may differ
        const fs::path beside = first_of(overrides.dit.parent_path(), {"config.json"});
        if (!beside.empty()) files.dit_config = beside;
        if (files.dit_config == beside) files.claim = claim_of_config(beside);
    } else if (files.claim.empty()) {
        files.claim = claim_of_config(files.dit_config);
    }
    if (dit.empty() && encoder.empty() && vae.empty() && !files.claim.empty()) throw InvalidRequest(files.claim);
    const bool decodes = !overrides.vae.empty() || !overrides.decoder.empty();
    const bool replaced = !(overrides.dit.empty() || overrides.text_encoder.empty()) && decodes;
    require_valid(replaced || !(dit.empty() && encoder.empty() && vae.empty()), folder.string(),
                  ": not a model folder; expected Wan's files (diffusion_pytorch_model.safetensors, Wan2.1_VAE.pth, "
                  "...) or a diffusers "
                  "folder with model_index.json");
    files.dit = part(overrides.dit, "dit", dit);
    files.text_encoder = part(overrides.text_encoder, "text-encoder", encoder);
    files.vae = part(overrides.vae, "vae", vae);
    set_decoder(files, overrides);
    files.loras = overrides.loras;
    for (checkpoint::Lora& lora : files.loras) {
        lora.partial = overrides.lora_partial;
        require_valid(!is_folder(lora.file), Field("lora", lora.file.string()), ": is a folder; name the file in it");
        require_valid(is_file(lora.file), Field("lora", lora.file.string()),
                      ": no such file; expected FILE, or FILE:WEIGHT such as style.safetensors:0.8");
    }
    files.tokenizer = part(overrides.tokenizer, "tokenizer", tokenizer);
    if (!files.dit.empty()) files.layout = first_of(files.dit.parent_path(), {"t3-layout.json"});
    if (files.layout.empty()) files.layout = first_of(folder, {"t3-layout.json"});
    for (const checkpoint::Lora& lora : files.loras) {  // with a retrofit's LoRA a model has other windows
        const fs::path trained = first_of(lora.file.parent_path(), {"t3-layout.json"});
        if (!trained.empty()) files.layout = trained;
    }
    if (!files.dit.empty()) files.cache_table = first_of(files.dit.parent_path(), {"t3-cache.json"});
    if (files.cache_table.empty()) files.cache_table = first_of(folder, {"t3-cache.json"});
    files.generation = first_of(folder, {"generation_config.json"});
    return files;
}

const fs::path& ModelFiles::need(Part wanted) const {
    if (wanted == Part::dit && !claim.empty()) throw InvalidRequest(claim);
    struct Expected {
        const fs::path& file;
        const char *official, *diffusers, *field;
    };
    const Expected expected[] = {
        {dit, "diffusion_pytorch_model.safetensors (or its .index.json)",
         "transformer/diffusion_pytorch_model.safetensors (or its .index.json)", "dit"},
        {text_encoder, "models_t5_umt5-xxl-enc-bf16.pth", "text_encoder/model.safetensors (or its .index.json)",
         "text-encoder"},
        {vae, "Wan2.1_VAE.pth (or Wan2.2_VAE.pth)", "vae/diffusion_pytorch_model.safetensors", "vae"},
        {tokenizer, "google/umt5-xxl/spiece.model (or tokenizer.json; both are in google/umt5-xxl on the hub)",
         "tokenizer/spiece.model (or tokenizer.json; both are in google/umt5-xxl on the hub)", "tokenizer"},
    };
    const Expected& part = expected[static_cast<size_t>(wanted)];
    require_valid(!part.file.empty(), folder.string(), ": ",
                  kind == FolderKind::official ? part.official : part.diffusers,
                  " is missing; put it there or name a file with ", Field(part.field));
    if (wanted == Part::tokenizer) refuse_file_of_other_kind(part.file);
    return part.file;
}

std::vector<fs::path> ModelFiles::all() const {
    std::vector<fs::path> files{dit,       dit_config, text_encoder, vae,         decoder,
                                tokenizer, scheduler,  layout,       cache_table, generation};
    for (const checkpoint::Lora& lora : loras) files.push_back(lora.file);
    std::erase_if(files, [](const fs::path& file) { return !is_file(file); });
    return files;
}

fs::path demo_model_folder() {
    const fs::path folder = bundled_folder("demo");
    require_valid(!folder.empty(), "the bundled demo model is not at ", T3VIDEO_MODELS,
                  "/demo; name a model folder with ", Field("model", "DIR"));
    return folder;
}

}  // namespace t3video::film
