// Checks, sizes and encodes inputs.
#include "pipeline/inputs.h"

#include <algorithm>
#include <cmath>

#include "core/content_hash.h"
#include "core/memory.h"
#include "media/film_reader.h"
#include "media/resize.h"
#include "pipeline/plan.h"

namespace t3video::pipeline {
namespace {

std::unique_ptr<media::FrameReader> open_reader(const InputChoices& inputs, int64_t memory = media::kNoLimit) {
    return inputs.image.empty() ? media::open_frames(inputs.video, memory) : media::open_picture(inputs.image, memory);
}

media::Fitting fitting_of(int64_t width, int64_t height, const FramePlan& size, Fit fit) {
    if (fit == Fit::stretch) return media::stretching(width, height, size.width, size.height, media::Filter::bicubic);
    return media::covering(width, height, size.width, size.height, media::Filter::lanczos);
}

// The next frame at the film's size into `out` [height, width, 3], levels to -1..1; false at the end.
bool read_fitted(media::FrameReader& reader, const FramePlan& size, Fit fit, int threads, float* out) {
    const int64_t line = size.width * 3;
    const auto put = [&](int64_t y, const uint8_t* row) {
        std::transform(row, row + line, out + y * line,
                       [](uint8_t level) { return static_cast<float>(level) / 127.5f - 1; });
    };
    media::Resizer resizer(fitting_of(reader.width(), reader.height(), size, fit), threads, put);
    return reader.read([&](const uint8_t* row) { resizer.add(row); });
}

}  // namespace

void check_inputs(const InputChoices& inputs) {
    require_valid(inputs.image.empty() || inputs.video.empty(),
                  "--image and --video exclude each other: a film begins with a picture or is made from a video");
    require_valid(!inputs.strength || !inputs.video.empty(), "--strength belongs to --video");
    require_valid(!inputs.strength || (*inputs.strength > 0 && *inputs.strength <= 1), "--strength ",
                  inputs.strength.value_or(0), ": expected more than 0 (the input) to 1 (pure noise)");
    require_valid(inputs.fit == Fit::crop || inputs.any(), "--fit belongs to --image or --video");
}

Input open_input(const InputChoices& inputs, const ModelFiles& files, const ModelTraits& traits,
                 const SettingChoices& choices, int64_t memory) {
    check_inputs(inputs);
    Input input{.choices = inputs};
    if (!inputs.any()) return input;
    int64_t most = 1;
    if (!inputs.image.empty()) {
        require_valid(traits.wan22, "--image: ", files.folder.empty() ? "this" : files.folder.string(),
                      " is a text-to-video model; a film that begins with a picture needs a TI2V model (Wan2.2 "
                      "TI2V-5B)");
    } else {
        most = choices.frames.value_or(resolve_settings(files, traits, choices).frames);
    }
    const auto reader = open_reader(inputs, memory > 0 ? std::max<int64_t>(0, memory - kProgram) : media::kNoLimit);
    input.width = reader->width();
    input.height = reader->height();
    input.bytes = reader->bytes();
    // Whether it is whole shows when it is read.
    while (input.frames < most && reader->read([](const uint8_t*) {})) ++input.frames;
    require_valid(input.frames > 0, inputs.path().string(), ": holds no frames");
    if (!inputs.video.empty()) input.fps = reader->fps();
    input.hash = content_hash(inputs.path());
    return input;
}

Size size_by_shape(int64_t width, int64_t height, int64_t area, int64_t cell) {
    require(width > 0 && height > 0 && area > 0 && cell > 0, "size of shape ", width, ":", height, ", ", area,
            " pixels, cells of ", cell);
    const double ratio = double(width) / double(height);
    const auto whole_cells = [&](double side) {
        return std::max<int64_t>(1, static_cast<int64_t>(side) / cell) * cell;
    };
    Size by_width{.width = whole_cells(std::sqrt(double(area) * ratio))}, by_height{};
    by_width.height = whole_cells(double(area) / double(by_width.width));
    by_height.height = whole_cells(double(area) / std::sqrt(double(area) * ratio));
    by_height.width = whole_cells(double(area) / double(by_height.height));
    const auto off = [&](const Size& size) {
        const double found = double(size.width) / double(size.height);
        return std::max(ratio / found, found / ratio);
    };
    return off(by_width) < off(by_height) ? by_width : by_height;
}

int64_t host_memory(const Context& ctx, int64_t memory) {
    return ctx.device() == Device::cpu && memory > 0 ? memory : available_memory();
}

int64_t reading_bytes(const Input& input, const FramePlan& size) {
    if (!input.choices.any()) return 0;
    return input.bytes + media::Resizer::bytes(fitting_of(input.width, input.height, size, input.choices.fit));
}

SettingChoices with_input(const Input& input, const ModelFiles& files, const ModelTraits& traits,
                          const SettingChoices& choices) {
    const InputChoices& asked = input.choices;
    if (!asked.any()) return choices;
    SettingChoices result = choices;
    const Settings model = resolve_settings(files, traits, choices);
    if (!choices.width && !choices.height) {
        const Size size = size_by_shape(input.width, input.height, model.width * model.height, traits.cell);
        result.width = size.width;
        result.height = size.height;
    }
    result.source = asked.image.empty() ? Source::video : Source::image;
    if (result.source == Source::image) return result;
    result.strength = asked.strength.value_or(kDefaultStrength);
    require_valid(*result.strength == 1 || choices.solver.value_or("euler") == "euler", "--solver ",
                  choices.solver.value_or(""), ": starts from noise alone; a --strength below 1 (found ",
                  *result.strength, ") takes euler");
    if (*result.strength < 1 && !choices.solver) result.solver = "euler";
    if (!choices.fps && input.fps >= 1 && input.fps <= 240) result.fps = input.fps;
    const int64_t most = (input.frames - 1) / 4 * 4 + 1;
    require_valid(!choices.frames || *choices.frames <= input.frames, "--frames ", choices.frames.value_or(0), ": ",
                  asked.video.string(), " has ", input.frames, "; try --frames ", most);
    if (!choices.frames) result.frames = std::min(model.frames, most);
    return result;
}

Tensor encode_input(Context& ctx, const models::WanVae& vae, const Input& input, const FramePlan& size, int64_t frames,
                    const std::function<void(int64_t)>& progress) {
    const InputChoices& asked = input.choices;
    const bool still = !asked.image.empty();
    const auto reader = open_reader(asked);
    const auto source = [&](int64_t first, int64_t count) {
        Tensor chunk = empty_on_host({count, size.height, size.width, 3});
        for (int64_t i = 0; i < count; ++i) {
            float* frame = chunk.slice(i, i + 1).data<float>();
            require_valid(read_fitted(*reader, size, asked.fit, ctx.threads(), frame), asked.path().string(),
                          ": ends before frame ", first + i);
        }
        if (progress) progress(first + count);
        return chunk;
    };
    return to_host(ctx, vae.encode(ctx, still ? 1 : frames, size.height, size.width, source));
}

}  // namespace t3video::pipeline
