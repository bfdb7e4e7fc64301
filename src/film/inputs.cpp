// Checks and reads inputs.
#include "film/inputs.h"

#include <algorithm>
#include <utility>

#include "core/content_hash.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/readable_bytes.h"

namespace t3video::film {
void check_inputs(const InputChoices& inputs) {
    const Field strength("strength", inputs.strength.value_or(0));
    require_valid(inputs.image.empty() || inputs.video.empty(), Field("image"), " and ", Field("video"),
                  " exclude each other: a film begins with a picture or is made from a video");
    require_valid(!inputs.strength || !inputs.video.empty(), Field("strength"), " belongs to ", Field("video"));
    require_valid(!inputs.strength || (*inputs.strength > 0 && *inputs.strength <= 1), strength,
                  ": expected more than 0 (the input) to 1 (pure noise)");
    require_valid(inputs.fit == Fit::crop || inputs.any(), Field("fit"), " belongs to ", Field("image"), " or ",
                  Field("video"));
}

int64_t Input::bytes() const {
    int64_t sum = 0;
    for (const Tensor& frame : frames) sum += static_cast<int64_t>(frame.bytes());
    return sum;
}

OpenInput::OpenInput(const InputChoices& choices, const ModelFiles& files, const ModelTraits& traits, int64_t memory,
                     std::stop_token stop)
    : choices_(choices), memory_(std::max<int64_t>(0, memory - kProgramBytes)) {
    check_inputs(choices);
    if (!choices.any()) return;
    const bool still = !choices.image.empty();
    require_valid(!still || traits.wan22, Field("image"), ": ", files.folder.empty() ? "this" : files.folder.string(),
                  " is a text-to-video model; a film that begins with a picture needs a TI2V model (Wan2.2 TI2V-5B)");
    reader_ =
        still ? media::open_picture(choices.image, memory_, stop) : media::open_frames(choices.video, memory_, stop);
    const auto [width, height] = shown_size(*reader_);
    header_ = {.source = still ? Source::image : Source::video,
               .width = width,
               .height = height,
               .fps = still ? 0 : reader_->fps(),
               .strength = still ? 1.0 : choices.strength.value_or(kDefaultStrength)};
}

Input OpenInput::read(const FrameSize& size, const Settings& settings, int threads) {
    Input input{.choices = choices_};
    if (!reader_) return input;
    const std::string name = choices_.path().string();
    const int64_t frames = header_.source == Source::image ? 1 : settings.frames;
    input.timed = header_.source == Source::video && reader_->timed();
    if (input.timed) reader_->sample_at(settings.fps);
    input.width = header_.width;
    input.height = header_.height;
    const media::Fitting fitting = fitting_of(*reader_, size.width, size.height, choices_.fit);
    const int64_t bytes = media::frame_bytes(size.width, size.height),
                  room = memory_ - reader_->bytes() - media::Resizer::bytes(fitting);
    while (static_cast<int64_t>(input.frames.size()) < frames) {
        require_valid(input.bytes() + bytes <= room, name, ": ", frames, " frames of ", size.width, "x", size.height,
                      " take ", readable_bytes(frames * bytes), ", and ", readable_bytes(room, Rounded::down),
                      " may be used; make it shorter, or allow more with ", Field("memory"));
        Tensor frame = read_frame(*reader_, fitting, threads);
        if (!frame.defined()) break;
        input.frames.push_back(std::move(frame));
    }
    require_valid(!input.frames.empty(), name, ": holds no frames");
    input.hash = content_hash(choices_.path());
    reader_.reset();
    return input;
}

}  // namespace t3video::film
