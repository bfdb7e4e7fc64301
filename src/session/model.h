// A model that is open, and where a session takes its networks from.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "checkpoint/mapped_file.h"
#include "film/film.h"
#include "job/identity.h"
#include "nn/layer_store.h"
#include "session/preview.h"
#include "text/tokenizer.h"

namespace t3video::session {

// Networks, and each of them prepared for a context: nn::prepared.
class Model {
  public:
    explicit Model(film::Networks networks) : networks_(std::move(networks)) {}
    virtual ~Model() = default;
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;

    const film::Networks& networks() const { return networks_; }

    virtual models::Umt5 text_encoder(Context& ctx, nn::Residency residency) const;
    virtual models::WanDit dit(Context& ctx, size_t expert, nn::Residency residency) const;
    virtual models::WanVae vae(Context& ctx, nn::Residency residency, models::WanVae::Half half) const;
    // The small decoder, where there is one.
    virtual models::SmallVae decoder(Context& ctx, nn::Residency residency) const;
    // Throws InvalidRequest where weights that were read are no longer what they were.
    virtual void require_unchanged() const {}

  private:
    film::Networks networks_;
};

// Of random weights: for measuring.
class RandomModel final : public Model {
  public:
    using Model::Model;

    models::Umt5 text_encoder(Context& ctx, nn::Residency residency) const override;
    models::WanDit dit(Context& ctx, size_t expert, nn::Residency residency) const override;
    models::WanVae vae(Context& ctx, nn::Residency residency, models::WanVae::Half half) const override;
    models::SmallVae decoder(Context& ctx, nn::Residency residency) const override;
};

// Of files, mapped and checked once. What is known of them is found when it is first asked for.
class FileModel final : public Model {
  public:
    // Networks of these files, of which some may be absent.
    FileModel(film::ModelFiles files, film::Networks networks);

    const film::ModelFiles& files() const { return files_; }
    const text::Tokenizer& tokenizer();
    const job::ModelContents& contents();
    const std::string& vae_hash();
    // What decodes, as members of an object: the hash of the VAE, or of the small decoder and which latents it takes.
    nlohmann::json decoder_record();
    // Of previews, on this context, which outlives it: by the small decoder, so many rows of pixels at a time, or by
    // colours of latents, which the VAE makes now.
    LatentPainter painter(Context& ctx, int64_t band_rows);
    // Throws InvalidRequest unless the VAE's weights are finite; looks once.
    void require_finite_vae(int threads);
    // The same of what decodes.
    void require_finite_decoder(int threads);
    // Throws InvalidRequest, naming the first weight that is not finite: of the text encoder, of transformers and
    // LoRAs.
    void require_finite_text_encoder(int threads) const;
    void require_finite_transformers(int threads) const;

    void require_unchanged() const override;
    // Whether the same names still lead to the files that were opened.
    bool is_current() const;

  private:
    film::ModelFiles files_;
    std::vector<std::unique_ptr<checkpoint::WatchedFile>> weights_, others_;
    std::optional<text::Tokenizer> tokenizer_;
    std::optional<job::ModelContents> contents_;
    std::optional<LatentColours> colours_;
    std::string vae_hash_;
    bool vae_is_finite_ = false, decoder_is_finite_ = false;
};

}  // namespace t3video::session
