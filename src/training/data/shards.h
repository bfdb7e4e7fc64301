// Encoded clips on the disk: what a run learns from, made once.
//
// A folder of safetensors files "00000.safetensors", ... Each holds some clips, N counting from 0 in it:
//
//     N.latents  [channels, T, H, W] f32, normalised    N.text.K  [rows, dim] bf16, of caption K, without padding
//     empty      [rows, dim] bf16, of the empty text, which stands for captions that are dropped
//
// and in its metadata "t3video_clips", a JSON list with a description of each, and the networks' identities.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace t3video::training {

// By contents (session: content_of), so that latents of another VAE are told.
struct Encoders {
    std::string vae, text_encoder, tokenizer;
    bool operator==(const Encoders&) const = default;
};

struct ClipNotes {
    std::string key;  // of the clip's contents and of how it was brought to its size: the same for the same latents
    std::string file;
    std::vector<std::string> captions;          // at least one; several are said in turn
    int64_t width = 0, height = 0, frames = 0;  // in pixels
    double fps = 0;                             // of the latents' frames
    int64_t repeats = 1;                        // in an epoch
};

struct EncodedClip {
    ClipNotes notes;
    Tensor latents;             // in host memory, as the texts
    std::vector<Tensor> texts;  // one for each caption
};

// Whether it is a safetensors file whose metadata describe clips. Throws InvalidRequest for a damaged one.
bool is_shard(const std::filesystem::path& file);

// Throws InvalidRequest, naming the folder, where its clips were encoded by others.
void require_same_encoders(const std::filesystem::path& folder, const Encoders& found, const Encoders& expected);

// Writes shards, each whole or not at all. A folder that has some goes on: clips that are there stay.
class ShardWriter {
  public:
    // Makes the folder where there is none. Throws InvalidRequest for shards of other encoders, or that are no shards.
    ShardWriter(std::filesystem::path folder, Encoders encoders, Tensor empty_text,
                size_t shard_bytes = size_t{256} << 20);

    bool has(const std::string& key) const { return keys_.contains(key); }
    // Throws InvalidRequest, naming the clip, for latents and texts with values that are not finite; WriteError as the
    // disk says.
    void add(EncodedClip clip);
    // Writes what waits. Not done by the destructor: a run that fails leaves only whole shards.
    void finish();

    int64_t clips() const { return static_cast<int64_t>(keys_.size()); }

  private:
    std::filesystem::path folder_;
    Encoders encoders_;
    Tensor empty_text_;
    size_t shard_bytes_, waiting_bytes_ = 0;
    std::vector<EncodedClip> waiting_;
    std::set<std::string> keys_;
    int64_t next_ = 0;
};

// A folder of shards, opened: latents are read when they are asked for.
class ShardSet {
  public:
    // Throws InvalidRequest, naming the file, for a folder without shards, one that is damaged, two of different
    // encoders, and a key that is there twice.
    explicit ShardSet(const std::filesystem::path& folder);

    const Encoders& encoders() const { return encoders_; }
    size_t size() const { return clips_.size(); }
    const ClipNotes& notes(size_t i) const { return clips_.at(i).notes; }
    const Shape& latent_shape(size_t i) const { return clips_.at(i).latents.shape(); }
    const Shape& text_shape(size_t i, size_t caption) const { return clips_.at(i).texts.at(caption).shape(); }
    // Of the empty text.
    const Tensor& empty_text() const { return empty_text_; }
    // Views of the mapped files. Throws InvalidRequest, naming file and clip, for values that are not finite.
    EncodedClip clip(size_t i) const;

  private:
    struct Stored {
        ClipNotes notes;
        Tensor latents;
        std::vector<Tensor> texts;
        std::filesystem::path file;
    };
    void open(const std::filesystem::path& file);

    Encoders encoders_;
    Tensor empty_text_;
    std::vector<Stored> clips_;
};

}  // namespace t3video::training
