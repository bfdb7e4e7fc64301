// Sizes of a small video autoencoder (taehv: taew2_1, taew2_2 and their kin), read off the shapes of its tensors.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "models/shape_reader.h"

namespace t3video::models {

struct SmallVaeConfig {
    static constexpr size_t kStages = 3;   // of the decoder and of the encoder
    static constexpr int64_t kBlocks = 3;  // of a stage
    // Frames that a stage makes of one, and of which the encoder's stages make one.
    static constexpr std::array<int64_t, kStages> kGrowth{1, 2, 2}, kPooling{2, 2, 1};
    static constexpr int64_t kFrames = 4;  // of the video for one of the latent

    bool wide_kernels = false;                   // the `super` decoder: depthwise 7x7 kernels instead of 3x3 ones
    int64_t z = 0;                               // latent channels
    int64_t patch = 1;                           // pixels along each side that are channels of one
    std::array<int64_t, kStages + 1> decoder{};  // widths of the stages, and in front of the last convolution
    std::array<int64_t, kStages + 1> encoder{};  // of the first convolution, and of the stages; zeros: there is none
    std::array<int64_t, kStages> grown{};        // rows of the kernels that make frames; the last of them are used

    bool encodes() const { return encoder[0] > 0; }
    int64_t frame_channels() const { return 3 * patch * patch; }  // of a frame as the network sees it
    int64_t cell() const { return 8 * patch; }                    // pixels per latent pixel
};

// From the shapes of all tensors under their official names. `path` is named in messages. Throws InvalidRequest when
// this is no small autoencoder.
SmallVaeConfig infer_small_vae_config(const TensorShapes& shapes, const std::filesystem::path& path);

// The tensors of a file of these sizes, in the order of computation.
std::vector<std::pair<std::string, Shape>> official_tensors(const SmallVaeConfig& config);

// Where in the list of the decoder's layers those of a stage stand, as their names number them.
struct StageNames {
    std::string block[SmallVaeConfig::kBlocks];  // "decoder.3.conv."
    std::string widen;                           // "decoder.4.", of wide kernels alone
    std::string grow;                            // "decoder.7.conv.weight"
    std::string conv;                            // "decoder.8.weight", else
};
StageNames decoder_stage(const SmallVaeConfig& config, size_t stage);

struct EncoderNames {
    std::string pool, conv;                      // "encoder.2.conv.weight", "encoder.3.weight"
    std::string block[SmallVaeConfig::kBlocks];  // "encoder.4.conv."
};
EncoderNames encoder_stage(size_t stage);

}  // namespace t3video::models
