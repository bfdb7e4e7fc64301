// A picture that a film begins with, or a video that it is made from.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "film/frame_size.h"
#include "film/input_frames.h"
#include "film/settings.h"

namespace t3video::film {

// What the user gives; at most one of the two.
struct InputChoices {
    std::filesystem::path image, video;
    std::optional<double> strength;  // of video to video, in (0, 1]: the share of the noise range to run through
    Fit fit = Fit::crop;

    const std::filesystem::path& path() const { return image.empty() ? video : image; }
    bool any() const { return !path().empty(); }
};

constexpr double kDefaultStrength = 0.6;  // half of the steps or more at high noise: content changes, motion stays

// Throws InvalidRequest for two inputs, a strength without a video or out of range, and options without an input.
void check_inputs(const InputChoices& inputs);

// An input at the size of a film.
struct Input {
    InputChoices choices;
    int64_t width = 0, height = 0;  // as players show the file, in square pixels
    std::vector<Tensor> frames;     // [height, width, 3] u8 in host memory, of the size that is computed
    std::string hash;               // of the contents
    bool timed = false;             // frames were taken by their times: another rate takes others

    int64_t bytes() const;  // of the frames
};

// An input whose header is read. Frames come later, once: how many there are, and whether the file is whole, shows
// then.
class OpenInput {
  public:
    // Nothing to open, or the choices are checked and the file is opened for a program that may take `memory` bytes on
    // the host. Throws InvalidRequest for a file that cannot be read, for an image where the model takes none, and for
    // an input that cannot be read within that memory, as far as its header shows.
    OpenInput(const InputChoices& choices, const ModelFiles& files, const ModelTraits& traits, int64_t memory,
              std::stop_token stop);

    // Null where there is no input.
    const InputHeader* header() const { return reader_ ? &header_ : nullptr; }

    // Reads the frames of a film of these settings, or fewer where there are no more, and brings each to the size: of a
    // video those that are shown at the film's moments. Throws InvalidRequest for a damaged file, one without frames,
    // and where they do not fit into the memory; Stopped.
    Input read(const FrameSize& size, const Settings& settings, int threads);

  private:
    InputChoices choices_;
    InputHeader header_;
    int64_t memory_;
    std::unique_ptr<media::FrameReader> reader_;
};

}  // namespace t3video::film
