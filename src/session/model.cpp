// Networks from files, and at random.
#include "session/model.h"

#include <algorithm>
#include <set>

#include "checkpoint/finite.h"
#include "checkpoint/tensor_source.h"
#include "core/content_hash.h"
#include "film/published.h"

namespace t3video::session {

models::Umt5 Model::text_encoder(Context& ctx, nn::Residency residency) const {
    return nn::prepared(ctx, networks_.text_encoder, residency);
}
models::WanDit Model::dit(Context& ctx, size_t expert, nn::Residency residency) const {
    return nn::prepared(ctx, networks_.experts.at(expert).dit, residency);
}
models::WanVae Model::vae(Context& ctx, nn::Residency residency, models::WanVae::Half half) const {
    return nn::prepared(ctx, networks_.vae, residency, half);
}
models::SmallVae Model::decoder(Context& ctx, nn::Residency residency) const {
    return nn::prepared(ctx, networks_.decoder.value(), residency, models::WanVae::Half::decoder);
}

models::Umt5 RandomModel::text_encoder(Context& ctx, nn::Residency residency) const {
    return film::prepared_at_random(ctx, networks().text_encoder, residency);
}
models::WanDit RandomModel::dit(Context& ctx, size_t expert, nn::Residency residency) const {
    return film::prepared_at_random(ctx, networks().experts.at(expert).dit, residency);
}
models::WanVae RandomModel::vae(Context& ctx, nn::Residency residency, models::WanVae::Half half) const {
    return film::prepared_at_random(ctx, networks().vae, residency, half);
}
models::SmallVae RandomModel::decoder(Context& ctx, nn::Residency residency) const {
    return film::prepared_at_random(ctx, networks().decoder.value(), residency, models::WanVae::Half::decoder);
}

FileModel::FileModel(film::ModelFiles files, film::Networks networks)
    : Model(std::move(networks)), files_(std::move(files)) {
    std::set<std::filesystem::path> weights;  // of an index the files that it names
    const auto add = [&](const std::filesystem::path& file) {
        if (!file.empty()) weights.merge(checkpoint::files_of(file));
    };
    for (const auto& file : {files_.dit, files_.text_encoder, files_.vae, files_.decoder}) add(file);
    for (const checkpoint::Lora& lora : files_.loras) add(lora.file);
    for (const auto& file : weights) weights_.push_back(std::make_unique<checkpoint::WatchedFile>(file));
    for (const auto& file : files_.all()) {
        if (!weights.contains(file)) others_.push_back(std::make_unique<checkpoint::WatchedFile>(file));
    }
}

const text::Tokenizer& FileModel::tokenizer() {
    if (!tokenizer_) tokenizer_.emplace(files_.need(film::Part::tokenizer));
    return *tokenizer_;
}

const job::ModelContents& FileModel::contents() {
    if (!contents_) contents_ = job::contents_of(files_, networks().dit().config().heads);
    return *contents_;
}

const std::string& FileModel::vae_hash() {
    if (vae_hash_.empty()) vae_hash_ = sampled_hash(files_.vae);
    return vae_hash_;
}

nlohmann::json FileModel::decoder_record() {
    if (files_.decoder.empty()) return {{"vae", vae_hash()}};
    const bool raw = files_.decoder_latents == models::LatentScale::raw;
    return {{"decoder", sampled_hash(files_.decoder)}, {"latents", raw ? "raw" : "normalised"}};
}

LatentPainter FileModel::painter(Context& ctx, int64_t band_rows) {
    // Weights that are few go where they are needed for each picture, and leave.
    if (networks().decoder)
        return [this, &ctx, band_rows](const Tensor& frame) {
            return decoded_picture(ctx, decoder(ctx, nn::Residency::resident), frame, band_rows);
        };
    if (!colours_) colours_.emplace(ctx, nn::resident(ctx, networks().vae));
    return [this](const Tensor& frame) { return colours_->picture(frame); };
}

void FileModel::require_finite_vae(int threads) {
    if (!vae_is_finite_) checkpoint::require_finite_weights(networks().vae, files_.vae, threads);
    vae_is_finite_ = true;
}

void FileModel::require_finite_decoder(int threads) {
    if (files_.decoder.empty()) return require_finite_vae(threads);
    if (!decoder_is_finite_) checkpoint::require_finite_file(files_.decoder, threads);
    decoder_is_finite_ = true;
}

void FileModel::require_finite_text_encoder(int threads) const {
    checkpoint::require_finite_weights(networks().text_encoder, files_.text_encoder, threads);
}

void FileModel::require_finite_transformers(int threads) const {
    for (const checkpoint::Lora& lora : files_.loras) checkpoint::require_finite_file(lora.file, threads);
    for (const film::Expert& expert : networks().experts)
        checkpoint::require_finite_weights(expert.dit, files_.dit, threads);
}

void FileModel::require_unchanged() const {
    for (const auto& file : weights_) file->require_unchanged();
}

bool FileModel::is_current() const {
    const auto current = [](const auto& file) { return file->is_current(); };
    return std::ranges::all_of(weights_, current) && std::ranges::all_of(others_, current);
}

}  // namespace t3video::session
