// Medians and means over parts of the log.
#include "training/report/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "core/readable_bytes.h"
#include "plan/machine.h"
#include "report/curve.h"
#include "report/html.h"

namespace t3video::training {

using namespace report;
namespace {

constexpr size_t kRecent = 50;       // updates whose seconds count as today's
constexpr size_t kLostUpdates = 10;  // in a row without a finite loss: no chance any more

// Of the finite ones; NaN for none.
double mean_loss(std::span<const Log::Update> updates) {
    double sum = 0;
    int64_t count = 0;
    for (const Log::Update& update : updates) {
        if (!std::isfinite(update.loss)) continue;
        sum += update.loss;
        ++count;
    }
    return count > 0 ? sum / static_cast<double>(count) : Log::kNone;
}

double median_seconds(std::span<const Log::Update> updates) {
    std::vector<double> seconds;
    for (const Log::Update& update : updates) {
        if (std::isfinite(update.seconds)) seconds.push_back(update.seconds);
    }
    if (seconds.empty()) return Log::kNone;
    const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
    std::ranges::nth_element(seconds, middle);
    return *middle;
}

// The mean over a stage's clips; 0 where it is not known.
double tokens_of(const Log::Stage& stage) {
    double tokens = 0, clips = 0;
    for (const Log::Bucket& bucket : stage.buckets) {
        tokens += static_cast<double>(bucket.tokens) * static_cast<double>(bucket.clips);
        clips += static_cast<double>(bucket.clips);
    }
    return clips > 0 ? tokens / clips : 0;
}

double seconds_left(const Log& log, const Summary& summary) {
    double left = 0;
    int64_t end = 0;
    for (size_t i = 0; i < log.run.stages.size(); ++i) {
        const Log::Stage& stage = log.run.stages[i];
        const int64_t begin = end;
        end += stage.updates;
        const auto updates = static_cast<double>(std::max<int64_t>(0, end - std::max(begin, summary.done)));
        const double here = tokens_of(log.run.stages[std::min<size_t>(summary.stage, log.run.stages.size() - 1)]);
        const double there = tokens_of(stage);
        left += updates * summary.seconds * (here > 0 && there > 0 ? there / here : 1);
    }
    return left;
}

std::span<const Log::Update> updates_of_stage(const Log& log, int64_t stage) {
    size_t begin = log.updates.size();
    while (begin > 0 && log.updates[begin - 1].stage == stage) --begin;
    return std::span(log.updates).subspan(begin);
}

std::span<const Log::Update> last_of(std::span<const Log::Update> updates, size_t count) {
    return updates.last(std::min(count, updates.size()));
}

void look_at_losses(const Log& log, const Summary& summary, std::vector<Finding>& findings) {
    size_t lost = 0;
    while (lost < log.updates.size() && !std::isfinite(log.updates[log.updates.size() - 1 - lost].loss)) ++lost;
    if (lost >= kLostUpdates) {
        findings.push_back(
            {Concern::serious,
             fmt::format("The last {} updates have no finite loss: the run is lost from update {} on. Go "
                         "back to a checkpoint before it, with a smaller learning rate.",
                         grouped(static_cast<int64_t>(lost)), grouped(log.updates[log.updates.size() - lost].update))});
        return;
    }
    const auto updates = updates_of_stage(log, summary.stage);
    const size_t window = averaged_updates(log);
    if (updates.size() < 4 * window) return;
    std::vector<PlotPoint> losses;
    for (const Log::Update& update : updates) losses.push_back({static_cast<double>(update.update), update.loss});
    double least = summary.loss;
    const std::vector<PlotPoint> means = running_mean(losses, window);
    for (size_t i = window; i < means.size(); ++i) least = std::min(least, means[i].y);  // false for NaN
    constexpr double kRisen = 1.5;  // means of losses at random noise levels differ by less
    if (summary.loss > kRisen * least) {
        findings.push_back(
            {Concern::warning, fmt::format("The training loss has risen: {} in the last {} updates, where "
                                           "it was {} before.",
                                           readable(summary.loss), window, readable(least))});
    }
}

void look_at_validations(const Log& log, std::vector<Finding>& findings) {
    if (log.validations.empty()) return;
    const Log::Validation& last = log.validations.back();
    const Log::Validation& first = *first_validation_like(log, last);
    if (!std::isfinite(last.mean)) {
        findings.push_back({Concern::serious,
                            fmt::format("The validation after update {} has no finite loss.", grouped(last.update))});
    }
    constexpr double kRisen = 1.02;  // the clips, noises and levels are the same each time
    if (last.mean > kRisen * first.mean) {
        findings.push_back({Concern::warning,
                            fmt::format("The validation loss has risen from {} (update {}) to {} (update {}), by {}.",
                                        readable(first.mean), grouped(first.update), readable(last.mean),
                                        grouped(last.update), readable_share(last.mean / first.mean - 1))});
    }
}

void look_at_outputs(const Log& log, const Summary& summary, std::vector<Finding>& findings) {
    if (log.moved.empty()) return;
    const auto& [update, share] = log.moved.back();
    if (!std::isfinite(share)) {
        findings.push_back(
            {Concern::serious, fmt::format("After update {} the model's outputs are not finite.", grouped(update))});
        return;
    }
    if (share >= kUnmovedShare) return;
    constexpr int64_t kBeginning = 10;  // one update in so many
    const bool is_early = !log.end && summary.done * kBeginning < summary.planned;
    findings.push_back(
        {is_early ? Concern::warning : Concern::serious,
         fmt::format(
             "The model has hardly changed{}: after update {} its outputs differ from the base's by {}, less than "
             "{}.{}",
             is_early ? " so far" : "", grouped(update), readable_share(share), readable_share(kUnmovedShare),
             is_early ? "" : " The learning rate is too small, or the run too short.")});
}

void look_at_costs(const Log& log, const Summary& summary, std::vector<Finding>& findings) {
    constexpr double kSlower = 1.5, kLarger = 1.05;  // plans are estimates of time, and counts of memory
    if (const double all = summary.spent + summary.left; all > kSlower * log.run.planned_seconds) {
        findings.push_back(
            {Concern::warning, fmt::format("All updates take about {}, planned were {}.", readable_duration(all),
                                           readable_duration(log.run.planned_seconds))});
    }
    if (summary.peak_bytes > kLarger * log.run.planned_bytes) {
        findings.push_back(
            {Concern::warning, fmt::format("The run took {} of memory, planned were {}.",
                                           readable_bytes(static_cast<int64_t>(summary.peak_bytes)),
                                           readable_bytes(static_cast<int64_t>(log.run.planned_bytes)))});
    }
}

void look_at_skips(const Log& log, const Summary& summary, std::vector<Finding>& findings) {
    constexpr int64_t kTolerable = 100;  // one update in so many
    if (summary.skipped * kTolerable <= summary.done) return;
    const auto last = std::find_if(log.updates.rbegin(), log.updates.rend(), [](const auto& u) { return u.skipped; });
    findings.push_back({Concern::warning,
                        fmt::format("{} of {} updates were skipped, because their gradient was not finite; the last of "
                                    "them was update {}.",
                                    grouped(summary.skipped), grouped(static_cast<int64_t>(log.updates.size())),
                                    grouped(last->update))});
}

}  // namespace

size_t averaged_updates(const Log& log) {
    return std::clamp<size_t>(log.updates.size() / 20, 5, 500);
}

Summary summary_of(const Log& log) {
    Summary summary{.done = log.last_update(), .planned = log.planned_updates()};
    if (summary.planned > 0) summary.planned_seconds = log.run.planned_seconds / static_cast<double>(summary.planned);
    for (const Log::Update& update : log.updates) {
        if (std::isfinite(update.seconds)) summary.spent += update.seconds;
        if (update.skipped) ++summary.skipped;
        if (!(summary.peak_bytes >= update.memory_bytes) && std::isfinite(update.memory_bytes))
            summary.peak_bytes = update.memory_bytes;
    }
    if (log.updates.empty()) return summary;
    summary.stage = log.updates.back().stage;
    const auto updates = updates_of_stage(log, summary.stage);
    const size_t window = averaged_updates(log);
    summary.seconds = median_seconds(last_of(updates, kRecent));
    summary.loss = mean_loss(last_of(updates, window));
    summary.first_loss = mean_loss(updates.first(std::min(window, updates.size())));
    if (summary.planned > 0) summary.left = seconds_left(log, summary);
    return summary;
}

const Log::Validation* first_validation_like(const Log& log, const Log::Validation& last) {
    return &*std::ranges::find(log.validations, last.stage, &Log::Validation::stage);
}

std::vector<Finding> findings_of(const Log& log, const Summary& summary) {
    std::vector<Finding> findings;
    look_at_outputs(log, summary, findings);
    look_at_losses(log, summary, findings);
    look_at_validations(log, findings);
    look_at_skips(log, summary, findings);
    look_at_costs(log, summary, findings);
    std::ranges::stable_sort(findings, {}, &Finding::concern);
    return findings;
}

}  // namespace t3video::training
