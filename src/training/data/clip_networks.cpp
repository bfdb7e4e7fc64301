// Plans and runs the encoders of clips.
#include "training/data/clip_networks.h"

#include <algorithm>

#include "checkpoint/finite.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/readable_bytes.h"
#include "film/input_frames.h"
#include "ops/convert.h"
#include "plan/encoders.h"

namespace t3video::training {
namespace {

constexpr const char *kText = "text", *kEncode = "encode";

// Takes the memory that a plan says a stage needs before the stage, as nothing else is held where it computes.
void make_room(Context& ctx, const plan::StagePlan& plan) {
    ctx.trim();
    if (ctx.device() == Device::cpu) return;
    Allocator& allocator = ctx.allocator();
    allocator.trim();
    allocator.reset_peak();
    const size_t taken = allocator.peak() + allocator.set_aside();
    allocator.reserve(std::min(allocator.peak() + plan.bytes - std::min(plan.bytes, taken), allocator.limit()));
}

// Of all groups, the size and the length that take the most.
Bucket largest_of(const std::vector<ClipRules>& groups) {
    Bucket largest;
    for (const ClipRules& rules : groups) {
        for (const Size& size : rules.sizes) {
            if (size.width * size.height > largest.size.width * largest.size.height) largest.size = size;
        }
        largest.frames = std::max(largest.frames, rules.longest(ClipKind::video));
    }
    return largest;
}

// The next smaller size, in eighths of the sides, that fits; the least that was tried where none does.
std::optional<Size> smaller_that_fits(const Size& size, int64_t cell, auto&& fits) {
    for (int64_t eighths = 7; eighths >= 1; --eighths) {
        const auto side = [&](int64_t whole) { return std::max(cell, whole * eighths / 8 / cell * cell); };
        const Size smaller{side(size.width), side(size.height)};
        if (smaller != size && fits(smaller)) return smaller;
    }
    return std::nullopt;
}

}  // namespace

std::string EncodingPlan::about_allowed() const {
    return readable_bytes(allowed) + (limit.empty() ? "" : " (" + limit + ")");
}

EncodingPlan plan_encoding(const Context& ctx, const film::Networks& networks, const std::vector<ClipRules>& groups,
                           int64_t captions, const HostNeeds& host, const plan::Poll& poll) {
    plan::Machine machine = plan::machine_of(ctx, host.memory);
    const int64_t on_host = plan::host_memory(ctx, host.memory);
    EncodingPlan plan{.largest = largest_of(groups), .allowed = machine.allowed, .limit = machine.limit};
    const auto clip_bytes = [&](const Size& size) {
        return plan.largest.frames * media::frame_bytes(size.width, size.height);
    };
    // Enough for readers and some clips ahead, and never much of what networks need.
    constexpr int64_t kReaders = int64_t{256} << 20, kClips = 8;
    plan.frames =
        host.frames > 0 ? host.frames : std::min(kReaders + kClips * clip_bytes(plan.largest.size), on_host / 8);
    plan.reading = std::max<int64_t>(0, on_host - kProgramBytes - clip_bytes(plan.largest.size) - host.waiting) / 2;

    machine.input_bytes = static_cast<size_t>(host.waiting);
    plan.text = plan::plan_text(kText, networks.text_encoder, captions, machine, poll);
    const auto latents = [&](const Size& size) {
        machine.input_bytes = static_cast<size_t>(host.waiting + plan.frames + clip_bytes(size));
        return plan::plan_encode(kEncode, networks.vae, plan.largest.frames, size.height, size.width, machine, poll);
    };
    plan.latents = latents(plan.largest.size);
    const Message more =
        machine.limit.empty() ? Message("allow more with ", Field("memory")) : Message("raise that limit");
    require_valid(plan.text.bytes <= machine.allowed, "encoding captions needs ", readable_bytes(plan.text.bytes),
                  ", but ", plan.about_allowed(), " may be used; ", more);
    const Size& size = plan.largest.size;
    const auto describe = [&](const Size& s) { return Field("size", s.width, 'x', s.height); };
    if (plan.latents.bytes > machine.allowed) {
        const auto fits = smaller_that_fits(size, groups.front().cell,
                                            [&](const Size& s) { return latents(s).bytes <= machine.allowed; });
        throw InvalidRequest(Message("encoding clips of ", size.width, 'x', size.height, ", ", plan.largest.frames,
                                     " frames, needs ", readable_bytes(plan.latents.bytes), ", but ",
                                     plan.about_allowed(), " may be used; ",
                                     fits ? Message("what fits: ", describe(*fits), "; or ", more) : more));
    }
    require_valid(machine.on_cpu() || static_cast<int64_t>(machine.input_bytes) + kProgramBytes <= on_host, "clips of ",
                  size.width, 'x', size.height, ", ", plan.largest.frames, " frames, need ",
                  readable_bytes(machine.input_bytes), " of the host while they wait, and ", readable_bytes(on_host),
                  " are available; a smaller ", Field("size"), " needs less");
    return plan;
}

CaptionEncoder::CaptionEncoder(Context& ctx, const EncodingModel& model, const plan::StagePlan& plan)
    : ctx_(ctx), network_((make_room(ctx, plan), nn::prepared(ctx, model.networks.text_encoder, plan.residency))) {}

Tensor CaptionEncoder::encode(const std::vector<int64_t>& ids) const {
    const Tensor rows = to_host(ctx_, ops::convert(ctx_, network_.forward(ctx_, ids), DType::bf16));
    require_valid(checkpoint::is_finite(rows, ctx_.threads()),
                  "the text encoder gives values that are infinite or not numbers; its file is damaged");
    return rows;
}

LatentEncoder::LatentEncoder(Context& ctx, const EncodingModel& model, const plan::StagePlan& plan)
    : ctx_(ctx),
      network_((make_room(ctx, plan),
                nn::prepared(ctx, model.networks.vae, plan.residency, models::WanVae::Half::encoder))) {}

Tensor LatentEncoder::encode(const ClipWindow& clip) const {
    const auto& [width, height] = clip.size;
    const auto chunk = [&](int64_t first, int64_t count) {
        Tensor x = empty_on_host({count, height, width, 3});
        for (int64_t i = 0; i < count; ++i)
            film::write_floats(clip.frames.at(static_cast<size_t>(first + i)).pixels, x.slice(i, i + 1).data<float>());
        return x;
    };
    return to_host(ctx_, network_.encode(ctx_, clip.window.frames, height, width, chunk));
}

}  // namespace t3video::training
