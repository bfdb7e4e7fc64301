// Checks, sizes and encodes inputs.
#include "pipeline/inputs.h"

#include <algorithm>
#include <cmath>

#include "core/content_hash.h"
#include "media/film_reader.h"
#include "media/resize.h"

namespace t3video::pipeline {
namespace {

media::Image fitted(const media::Image& image, const FramePlan& size, Fit fit, int threads) {
    if (fit == Fit::stretch) return media::resize(image, size.width, size.height, media::Filter::bicubic, threads);
    return media::cover(image, size.width, size.height, media::Filter::lanczos, threads);
}

// Levels to -1..1.
void put_frame(const media::Image& image, std::span<float> out) {
    std::ranges::transform(image.rgb, out.begin(),
                           [](uint8_t level) { return static_cast<float>(level) / 127.5f - 1; });
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
                 const SettingChoices& choices) {
    check_inputs(inputs);
    Input input{.choices = inputs};
    if (!inputs.any()) return input;
    media::Image image;
    if (!inputs.image.empty()) {
        require_valid(traits.wan22, "--image: ", files.folder.empty() ? "this" : files.folder.string(),
                      " is a text-to-video model; a film that begins with a picture needs a TI2V model (Wan2.2 "
                      "TI2V-5B)");
        image = media::read_picture(inputs.image);
        input.frames = 1;
    } else {
        const int64_t most = choices.frames.value_or(resolve_settings(files, traits, choices).frames);
        const auto reader = media::open_frames(inputs.video);
        while (input.frames < most && reader->read(image)) ++input.frames;
        require_valid(input.frames > 0, inputs.video.string(), ": holds no frames");
        input.fps = reader->fps();
    }
    input.width = image.width;
    input.height = image.height;
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
    const auto reader = still ? nullptr : media::open_frames(asked.video);
    media::Image image;
    const auto source = [&](int64_t first, int64_t count) {
        Tensor chunk = empty_on_host({count, size.height, size.width, 3});
        for (int64_t i = 0; i < count; ++i) {
            if (still) {
                image = media::read_picture(asked.image);
            } else {
                require_valid(reader->read(image), asked.video.string(), ": ends before frame ", first + i);
            }
            put_frame(fitted(image, size, asked.fit, ctx.threads()), chunk.slice(i, i + 1).span<float>());
        }
        if (progress) progress(first + count);
        return chunk;
    };
    return to_host(ctx, vae.encode(ctx, still ? 1 : frames, size.height, size.width, source));
}

}  // namespace t3video::pipeline
