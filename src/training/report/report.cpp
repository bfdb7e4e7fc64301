// The page from top to bottom: state, findings, numbers, curves, films, tables.
#include "training/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/output_file.h"
#include "core/paths.h"
#include "core/readable_bytes.h"
#include "plan/machine.h"
#include "report/html.h"
#include "report/page.h"
#include "training/report/figures.h"
#include "training/report/films.h"
#include "training/report/summary.h"

namespace t3video::training {

using namespace report;
namespace {

constexpr const char* kNoNumber = "–";

std::string memory_text(double bytes) {
    return bytes >= 0 && bytes < 1e18 ? readable_bytes(static_cast<int64_t>(bytes)) : kNoNumber;
}

std::string title_of(const Log& log, const std::filesystem::path& folder) {
    if (!log.run.title.empty()) return escaped(log.run.title);
    const std::filesystem::path path = absolute_path(folder).lexically_normal();  // may end with a slash
    const std::string name = (path.has_filename() ? path : path.parent_path()).filename().string();
    return name.empty() ? "Training run" : escaped(name);
}

std::string header_of(const Log& log, const Summary& summary, const std::string& title) {
    const Log::Run& run = log.run;
    const std::string state = log.end ? escaped(*log.end) : log.updates.empty() ? "not begun" : "under way";
    std::string page = fmt::format("<header><h1>{} <span class=\"state{}\">{}</span></h1>\n", title,
                                   log.end == "done" ? " done" : "", state);
    std::vector<std::string> facts;
    if (!run.model.empty()) facts.push_back(escaped(run.model));
    if (!run.trained.empty()) {
        facts.push_back("trained: " + escaped(run.trained) +
                        (run.numbers > 0 ? fmt::format(" ({} numbers)", grouped(run.numbers)) : std::string()));
    }
    if (!run.device.empty()) facts.push_back(escaped(run.device));
    for (const std::string& fact : facts) page += fmt::format("<p class=\"quiet\">{}</p>\n", fact);
    if (summary.planned > 0) {
        const double share = std::min(1.0, static_cast<double>(summary.done) / static_cast<double>(summary.planned));
        page += fmt::format("<div class=\"bar\"><i style=\"width:{:.1f}%\"></i></div>\n", share * 100);
    }
    return page + "</header>\n";
}

std::string findings_text(const Log& log, const Summary& summary) {
    std::string page;
    for (const auto& [concern, text] : findings_of(log, summary)) {
        const bool is_serious = concern == Concern::serious;
        page += fmt::format("<p class=\"finding {}\">{} {}</p>\n", is_serious ? "serious" : "warning",
                            is_serious ? "✖" : "⚠", escaped(text));
    }
    if (log.updates.empty()) return page + "<p class=\"quiet\">No update has been made yet.</p>\n";
    return page.empty() ? "<p class=\"finding good\">✔ Nothing unusual.</p>\n" : page;
}

std::string tiles_of(const Log& log, const Summary& summary) {
    std::string page;
    const auto add = [&](const char* name, const std::string& value, const std::string& beside) {
        page += fmt::format("<div><dt>{}</dt><dd>{}<small>{}</small></dd></div>\n", name, value, beside);
    };
    const size_t stages = log.run.stages.size();
    std::string where = stages > 1 ? fmt::format("stage {} of {}", summary.stage + 1, stages) : std::string();
    if (!log.updates.empty() && std::isfinite(log.updates.back().epoch))
        where += fmt::format("{}epoch {}", where.empty() ? "" : ", ", readable(log.updates.back().epoch));
    add("Update", grouped(summary.done),
        summary.planned > 0 ? fmt::format("of {}<br>{}", grouped(summary.planned), where) : where);
    if (log.updates.empty()) {
        add("Time", readable_duration(log.run.planned_seconds), "planned, for all updates");
        add("Memory", memory_text(log.run.planned_bytes), "planned, at the peak");
        return "<dl class=\"tiles\">" + page + "</dl>\n";
    }
    if (log.end)
        add("Time", readable_duration(summary.spent), "in updates");
    else
        add("Time left", "about " + readable_duration(summary.left),
            readable_duration(summary.spent) + " spent in updates");
    add("Time per update", readable_duration(summary.seconds), "planned " + readable_duration(summary.planned_seconds));
    add("Training loss", readable(summary.loss),
        fmt::format("{} at first{}", readable(summary.first_loss), stages > 1 ? " in this stage" : ""));
    if (!log.validations.empty()) {
        const Log::Validation& last = log.validations.back();
        const Log::Validation& first = *first_validation_like(log, last);
        add("Validation loss", readable(last.mean),
            &first == &last ? "the first one"
                            : fmt::format("{} since update {}", readable_change(last.mean / first.mean - 1),
                                          grouped(first.update)));
    }
    if (!log.moved.empty()) {
        add("Outputs moved by", readable_share(log.moved.back().share),
            fmt::format("from the base model's, after update {}", grouped(log.moved.back().update)));
    }
    add("Skipped updates", grouped(summary.skipped), "gradient not finite");
    add("Memory", memory_text(summary.peak_bytes), "planned " + memory_text(log.run.planned_bytes));
    return "<dl class=\"tiles\">" + page + "</dl>\n";
}

std::string curves_of(const Log& log) {
    std::string page;
    for (const Plot& plot : plots_of(log)) page += figure_of(plot) + "\n";
    return page.empty() ? page : "<div class=\"plots\">\n" + page + "</div>\n";
}

// NaN for a level that it lacks.
double loss_at(const Log::Validation& validation, double sigma) {
    for (const auto& [at, loss] : validation.losses) {
        if (at == sigma) return loss;
    }
    return Log::kNone;
}

std::string validation_table(const Log& log) {
    if (log.validations.empty()) return {};
    const Log::Validation& last = log.validations.back();
    const Log::Validation& first = *first_validation_like(log, last);
    const auto row = [](const std::string& name, double before, double now) {
        return std::vector{name, readable_in_column(before), readable_in_column(now),
                           readable_change(now / before - 1)};
    };
    std::vector<std::vector<std::string>> rows;
    for (const auto& [sigma, loss] : last.losses)
        rows.push_back(row("σ " + readable(sigma), loss_at(first, sigma), loss));
    rows.push_back(row("<b>mean</b>", first.mean, last.mean));
    const std::string before = "update " + grouped(first.update), now = "update " + grouped(last.update);
    return fmt::format("<p class=\"quiet\">{} clips{}, at the same noise each time.</p>\n", grouped(last.clips),
                       log.run.stages.size() > 1 ? fmt::format(" of stage {}", last.stage + 1) : std::string()) +
           table_of({{"Noise level"}, {before, true}, {now, true}, {"Change", true}}, rows);
}

std::string stages_of(const Log& log) {
    std::vector<std::vector<std::string>> stages, sizes;
    for (size_t i = 0; i < log.run.stages.size(); ++i) {
        const Log::Stage& stage = log.run.stages[i];
        const std::string name = std::to_string(i + 1);
        stages.push_back(
            {name, escaped(stage.data), grouped(stage.updates), readable(stage.rate), escaped(stage.layout)});
        for (const Log::Bucket& bucket : stage.buckets) {
            sizes.push_back({name, fmt::format("{}x{}", bucket.width, bucket.height), grouped(bucket.frames),
                             grouped(bucket.clips), grouped(bucket.tokens)});
        }
    }
    if (stages.empty()) return {};
    std::string page =
        table_of({{"Stage"}, {"Clips"}, {"Updates", true}, {"Learning rate", true}, {"Attention"}}, stages);
    if (!sizes.empty()) {
        page += "<h3>Sizes of clips</h3>\n" +
                table_of({{"Stage"}, {"Size"}, {"Frames", true}, {"Clips", true}, {"Tokens of a clip", true}}, sizes);
    }
    return page;
}

std::string settings_of(const Log& log) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [name, value] : log.run.settings) rows.push_back({escaped(name), escaped(value)});
    return rows.empty() ? std::string() : table_of({{"Setting"}, {"Value"}}, rows);
}

std::string events_of(const Log& log) {
    std::vector<Log::Note> events = log.notes;
    for (const Log::Note& checkpoint : log.checkpoints)
        events.push_back({checkpoint.update, "saved " + checkpoint.text});
    std::ranges::stable_sort(events, {}, &Log::Note::update);
    constexpr size_t kMost = 100;
    const size_t left_out = events.size() - std::min(kMost, events.size());
    std::vector<std::vector<std::string>> rows;
    for (size_t i = left_out; i < events.size(); ++i)
        rows.push_back({grouped(events[i].update), escaped(events[i].text)});
    if (rows.empty()) return {};
    return (left_out > 0 ? fmt::format("<p class=\"quiet\">The last {}; {} earlier ones are in log.jsonl.</p>\n", kMost,
                                       grouped(static_cast<int64_t>(left_out)))
                         : std::string()) +
           table_of({{"Update", true}, {"What happened"}}, rows);
}

}  // namespace

std::string report_of(const Log& log, const std::filesystem::path& folder) {
    const Summary summary = summary_of(log);
    const std::string title = title_of(log, folder);
    std::string page = header_of(log, summary, title) + findings_text(log, summary) + tiles_of(log, summary);
    page += section("Curves", curves_of(log));
    page += section("Sample films", film_rows_of(log, folder));
    page += section("Validation", validation_table(log));
    page += section("Stages", stages_of(log));
    page += section("Settings", settings_of(log));
    page += section("Events", events_of(log));
    // Whatever stands in the texts, a browser runs and loads nothing.
    return page_of(title, "t3video training", {}, {}, page);
}

void write_report(const std::filesystem::path& folder) {
    replace_file(folder / "report.html", report_of(read_log(folder / "log.jsonl"), folder));
}

}  // namespace t3video::training
