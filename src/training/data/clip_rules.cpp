// Puts what user, lists and model say together.
#include "training/data/clip_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "film/frame_size.h"

namespace t3video::training {
namespace {

DataSettings overlaid(DataSettings list, const DataSettings& user) {
    const auto take = [](auto& value, const auto& said) {
        if (said != std::decay_t<decltype(said)>()) value = said;
    };
    take(list.target_frames, user.target_frames);
    take(list.extraction, user.extraction);
    take(list.stride, user.stride);
    take(list.sample, user.sample);
    take(list.max_frames, user.max_frames);
    take(list.longest_only, user.longest_only);
    take(list.source_fps, user.source_fps);
    take(list.resolutions, user.resolutions);
    take(list.buckets, user.buckets);
    take(list.no_upscale, user.no_upscale);
    take(list.ratios, user.ratios);
    return list;
}

std::vector<Size> sizes_of(const DataSettings& s, const ModelDefaults& model) {
    std::vector<Size> sizes;
    for (const Size& size : s.resolutions.empty() ? std::vector{model.size} : s.resolutions) {
        if (!s.buckets.value_or(false)) {
            const film::FrameSize whole = film::frame_size(size.width, size.height, 1, model.cell);
            sizes.push_back({whole.width, whole.height});
        } else {
            std::ranges::copy(
                s.ratios.empty() ? aspect_sizes(size, model.cell) : ratio_sizes(size, s.ratios, model.cell),
                std::back_inserter(sizes));
        }
    }
    std::ranges::sort(sizes);
    sizes.erase(std::ranges::unique(sizes).begin(), sizes.end());
    return sizes;
}

ClipRules settled(const DataSettings& s, const EncodeChoices& choices, const ModelDefaults& model) {
    ClipRules rules{.sizes = sizes_of(s, model),
                    .cell = model.cell,
                    .no_upscale = s.no_upscale.value_or(false),
                    .windows = s.windows({.target_frames = {model.frames}}),
                    .fps = choices.fps.value_or(model.fps),
                    .source_fps = s.source_fps,
                    .every_frame = choices.every_frame};
    if (rules.every_frame) rules.source_fps.reset();
    windows_of(0, rules.windows);  // which checks them
    for (const Size& size : rules.sizes)
        film::frame_size(size.width, size.height, rules.longest(ClipKind::video), model.cell);
    return rules;
}

// Throws for a choice that belongs to one extraction, where no group has that.
void check_use(const std::vector<ClipRules>& groups, const std::optional<int64_t>& value, const char* field,
               Extraction extraction, const char* name) {
    const bool used =
        std::ranges::any_of(groups, [&](const ClipRules& rules) { return rules.windows.extraction == extraction; });
    require_valid(!value || used, Field(field, value.value_or(0)), " belongs to ", Field("extraction", name));
}

void check(const EncodeChoices& choices, const std::vector<ClipRules>& groups) {
    const DataSettings& user = choices.settings;
    const auto rate = [](const std::optional<double>& fps, const char* name) {
        require_valid(!fps || (*fps >= 0.01 && *fps <= 1000), Field(name, fps.value_or(0)),
                      ": expected 0.01 to 1000 frames per second");
    };
    rate(choices.fps, "fps");
    rate(user.source_fps, "source-fps");
    require_valid(!choices.every_frame || (!choices.fps && !user.source_fps), Field("every-frame"),
                  " takes frames whatever their time; it excludes ", Field("fps"), " and ", Field("source-fps"));
    check_use(groups, user.stride, "stride", Extraction::slide, "slide");
    check_use(groups, user.sample, "sample", Extraction::uniform, "uniform");
    check_use(groups, user.max_frames, "max-frames", Extraction::full, "full");
    const bool full =
        std::ranges::any_of(groups, [](const ClipRules& r) { return r.windows.extraction == Extraction::full; });
    require_valid(!full || user.target_frames.empty(), Field("frames"), ": ", Field("extraction", "full"),
                  user.extraction ? "" : ", as a list asks for,", " takes clips whole; ", Field("max-frames"),
                  " limits their length",
                  user.extraction ? Message() : Message(", or choose another ", Field("extraction")));
}

}  // namespace

int64_t ClipRules::longest(ClipKind kind) const {
    if (kind == ClipKind::picture) return 1;
    if (windows.extraction == Extraction::full) return (windows.max_frames - 1) / 4 * 4 + 1;
    return std::ranges::max(windows.target_frames);
}

std::optional<int64_t> ClipRules::enough() const {
    const bool from_the_first = windows.extraction == Extraction::head || windows.extraction == Extraction::full;
    return from_the_first ? std::optional(longest(ClipKind::video)) : std::nullopt;
}

std::string ClipRules::identity(ClipKind kind) const {
    std::string text = fmt::format("cell {} no_upscale {} sizes", cell, no_upscale);
    for (const Size& size : sizes) text += fmt::format(" {}x{}", size.width, size.height);
    if (kind == ClipKind::picture) return text;
    text += fmt::format(" fps {} source {} every {}", fps, source_fps.value_or(0), every_frame);
    if (windows.extraction == Extraction::full) return text + fmt::format(" full {}", longest(kind));
    text += fmt::format(" extraction {} frames", static_cast<int>(windows.extraction));
    for (const int64_t frames : windows.target_frames) text += fmt::format(" {}", frames);
    if (windows.extraction == Extraction::slide) text += fmt::format(" stride {}", windows.stride);
    if (windows.extraction == Extraction::uniform) text += fmt::format(" sample {}", windows.sample);
    // Of one length above 1 it makes no difference.
    const bool chooses = windows.target_frames != std::vector{longest(kind)} || longest(kind) == 1;
    return windows.longest_only && chooses ? text + " longest" : text;
}

std::vector<ClipRules> rules_of(const DataSet& set, const EncodeChoices& choices, const ModelDefaults& model) {
    std::vector<ClipRules> groups;
    for (const DataSettings& list : set.groups)
        groups.push_back(settled(overlaid(list, choices.settings), choices, model));
    check(choices, groups);
    return groups;
}

}  // namespace t3video::training
