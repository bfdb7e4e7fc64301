// From latents to frames.
#include <algorithm>

#include "core/error.h"
#include "ops/quantize.h"
#include "session/frame_joiner.h"
#include "session/stages.h"

namespace t3video::session {
namespace {

constexpr auto kDecoder = models::WanVae::Half::decoder;

// Frames that an H.264 encoder holds, 1.5 bytes per pixel each.
constexpr int64_t kFramesInEncoder = 60;

// Frames that become one of a latent's frames, but the first, and pixels along each side of one of its pixels.
struct Growth {
    int64_t frames, cell;
};
Growth growth_of(const models::WanVae& vae) {
    return {vae.config().stride_t(), vae.config().stride_hw()};
}
Growth growth_of(const models::SmallVae& decoder) {
    return {models::SmallVaeConfig::kFrames, decoder.config().cell()};
}

// What the networks alone take.
template <class Network>
plan::StagePlan count_bands(const Network& network, const Shape& latent, const plan::Machine& machine,
                            const plan::Poll& poll, int64_t band_rows, nn::Residency residency) {
    const auto run = [&](Context& ctx, const Network& decoder) {
        const auto sink = [&](const Tensor& frames, int64_t, int64_t) { ops::quantize_u8(ctx, frames); };
        decoder.decode(ctx, empty(ctx, latent), sink, {.band_rows = band_rows});
        return Work();
    };
    plan::StagePlan stage = plan::count("decode", machine, poll, network, residency, run, kDecoder);
    stage.band_rows = band_rows;
    return stage;
}

// And with frames that wait until they are whole, and are written.
template <class Network>
plan::StagePlan plan_in_bands(const Network& network, const Shape& latent, const plan::Machine& machine,
                              const plan::Poll& poll, int64_t band_rows, nn::Residency residency) {
    plan::StagePlan stage = count_bands(network, latent, machine, poll, band_rows, residency);
    const auto [step, cell] = growth_of(network);
    const int64_t frames = 1 + (latent[1] - 1) * step, pixels = latent[2] * latent[3] * cell * cell;
    stage.frame_bytes = static_cast<size_t>(frames * pixels * 3 * machine.sample_bytes);
    if (machine.on_cpu()) {
        if (band_rows > 0) stage.bytes += stage.frame_bytes;
        const int64_t encoded = std::min<int64_t>(machine.sample_bytes, 2);
        stage.bytes += static_cast<size_t>(std::min(frames, kFramesInEncoder) * pixels * 3 / 2 * encoded);
        stage.bytes += static_cast<size_t>(machine.encoder_bytes);
    }
    return stage;
}

class Decode final : public Stage {
  public:
    const char* name() const override { return "decode"; }

    bool is_due(const film::Film&, const Material&) const override { return true; }

    plan::StagePlan plan(const film::Networks& networks, const film::Film& film, const Material&,
                         const plan::Machine& machine, const plan::Poll& poll) const override {
        const Shape latent = latent_shape(film, networks.vae.config());
        return networks.decoder ? plan_decode(*networks.decoder, latent, machine, poll)
                                : plan_decode(networks.vae, latent, machine, poll);
    }

    void run(StageRun& run) const override {
        run.watch.begin(name(), run.film.settings.frames, "frames");
        if (run.model.networks().decoder) {
            decode(run, run.network<models::SmallVae>([&] { return run.model.decoder(run.ctx, run.plan.residency); }));
        } else {
            decode(run,
                   run.network<models::WanVae>([&] { return run.model.vae(run.ctx, run.plan.residency, kDecoder); }));
        }
        run.watch.end(name());
    }

  private:
    template <class Network>
    static void decode(StageRun& run, const Network& network) {
        const film::Settings& s = run.film.settings;
        const Tensor latent = run.material.latents->x;
        const int64_t height = latent.dim(2) * growth_of(network).cell;
        FrameJoiner joiner(
            height, s.width, s.height, run.ctx.threads(), [&](const media::Image& frame) { run.watch.frame(frame); },
            run.samples);
        int64_t rows = 0;
        network.decode(run.ctx, to_device(run.ctx, latent),
                       [&](const Tensor& frames, int64_t first_frame, int64_t first_row) {
                           const bool eight_bits = run.samples == media::Samples::u8;
                           joiner.add(to_host(run.ctx, eight_bits ? ops::quantize_u8(run.ctx, frames) : frames),
                                      first_frame, first_row);
                           rows += frames.dim(0) * frames.dim(1);
                           run.watch.decoded(rows / height);
                       },
                       {.band_rows = run.plan.band_rows});
    }
};

// Fewer, taller bands keep the device busier: as few as fit the budget. Where none do, those that take the least, which
// for a long film may be one: bands leave rows of all frames to one another.
template <class Network>
plan::StagePlan in_best_bands(const Network& network, const Shape& latent, const plan::Machine& machine,
                              const plan::Poll& poll) {
    // The last band is 13 rows of the latent high or more, so that lower ones would save no memory.
    const int64_t cell = growth_of(network).cell, rows = latent[2], limit = std::max<int64_t>(1, rows / 8);
    const size_t budget = std::min(machine.allowed, static_cast<size_t>(machine.decode_budget) + machine.taken);
    std::optional<plan::StagePlan> best;
    const auto fits = [&](int64_t bands) {
        const int64_t height = bands == 1 ? 0 : (rows + bands - 1) / bands * cell;
        plan::StagePlan stage = plan_in_bands(network, latent, machine, poll, height, nn::Residency::resident);
        const bool fitting = stage.bytes <= budget;
        if (fitting || !best || stage.bytes < best->bytes) best = std::move(stage);
        return fitting;
    };
    const auto chosen = [&] {
        return plan::packed_where_it_pays(machine, latent[1], [&](nn::Residency residency) {
            return residency == nn::Residency::resident
                       ? *best
                       : plan_in_bands(network, latent, machine, poll, best->band_rows, residency);
        });
    };
    int64_t most = 1;
    while (!fits(most)) {
        if (most == limit) return chosen();
        most = std::min(2 * most, limit);
    }
    for (int64_t fewest = most / 2 + 1; fewest < most;) {  // those before do not fit
        const int64_t middle = (fewest + most) / 2;
        if (fits(middle)) {
            most = middle;
        } else {
            fewest = middle + 1;
        }
    }
    return chosen();
}

}  // namespace

plan::StagePlan plan_decode(const models::WanVae& vae, const Shape& latent, const plan::Machine& machine,
                            const plan::Poll& poll) {
    return in_best_bands(vae, latent, machine, poll);
}

plan::StagePlan plan_decode(const models::SmallVae& decoder, const Shape& latent, const plan::Machine& machine,
                            const plan::Poll& poll) {
    return in_best_bands(decoder, latent, machine, poll);
}

plan::StagePlan plan_preview(const models::SmallVae& decoder, const Shape& latent, const plan::Machine& machine,
                             const plan::Poll& poll) {
    constexpr size_t kMost = size_t{1} << 30;
    const Shape frame{latent[0], 1, latent[2], latent[3]};
    plan::Machine beside = machine;
    beside.taken = 0;
    for (int64_t rows = latent[2];; rows = (rows + 1) / 2) {
        const int64_t band_rows = rows == latent[2] ? 0 : rows * decoder.config().cell();
        plan::StagePlan stage = count_bands(decoder, frame, beside, poll, band_rows, nn::Residency::resident);
        if (stage.bytes <= kMost || rows == 1) return stage;
    }
}

std::unique_ptr<Stage> decode_stage() {
    return std::make_unique<Decode>();
}

}  // namespace t3video::session
