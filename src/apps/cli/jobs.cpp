// t3video jobs: what the job folders of a place hold.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "apps/cli/commands.h"
#include "core/error.h"
#include "media/frame_writer.h"
#include "pipeline/job.h"
#include "pipeline/plan.h"

namespace t3video::apps {
namespace {

namespace fs = std::filesystem;

std::string stage_of(const pipeline::JobState& job) {
    if (job.decoded && job.decoded->complete())
        return media::output_exists(job.decoded->output) ? "film written" : "film written, gone since";
    if (job.decoded && job.step == job.steps)
        return fmt::format("frame {} of {}", job.decoded->frames, job.decoded->of);
    if (job.step == job.steps) return "latents ready";
    if (job.step > 0) return fmt::format("step {} of {}", job.step, job.steps);
    return job.text ? "text encoded" : "begun";
}

// One line of at most `most` bytes, cut between characters of UTF-8.
std::string shortened(std::string text, size_t most) {
    std::ranges::replace_if(
        text, [](unsigned char c) { return c < ' '; }, ' ');
    if (text.size() <= most) return text;
    size_t end = most - 3;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return text.substr(0, end) + "...";
}

std::vector<pipeline::JobState> find_jobs(const fs::path& place) {
    require_valid(fs::exists(place), place.string(), ": no such folder");
    require_valid(fs::is_directory(place), place.string(), ": not a folder; expected one with job folders in it");
    if (auto itself = pipeline::look_at_job(place)) return {*itself};
    require_valid(!pipeline::is_job_folder(place), (place / "request.json").string(),
                  ": damaged; remove the job folder, or give the t3video generate command again to begin anew");
    std::vector<pipeline::JobState> jobs;
    for (const auto& entry : fs::directory_iterator(place)) {
        if (!entry.is_directory()) continue;
        // "film.job" rather than "./film.job"
        const fs::path folder = place == "." ? entry.path().filename() : entry.path();
        if (auto job = pipeline::look_at_job(folder)) jobs.push_back(*job);
    }
    std::ranges::sort(jobs, {}, &pipeline::JobState::folder);
    return jobs;
}

void list(const std::vector<fs::path>& places) {
    std::vector<pipeline::JobState> jobs;
    for (const fs::path& place : places) {
        for (auto& job : find_jobs(place)) jobs.push_back(std::move(job));
    }
    if (jobs.empty()) return fmt::print("No job folders here; t3video generate leaves one beside each film.\n");
    size_t widest = 6;
    for (const auto& job : jobs) widest = std::max(widest, job.folder.string().size());
    fmt::print("{:<{}}  {:<24}  {:>9}  {:<14}  {}\n", "folder", widest, "stage", "size", "film", "prompt");
    for (const auto& job : jobs) {
        fmt::print("{:<{}}  {:<24}  {:>9}  {:<14}  {}\n", job.folder.string(), widest, stage_of(job),
                   pipeline::readable_bytes(job.bytes), fmt::format("{}x{}x{}", job.width, job.height, job.film_frames),
                   shortened(job.prompt, 60));
    }
}

}  // namespace

void add_jobs(CLI::App& program, Action& chosen) {
    auto* c = program.add_subcommand("jobs", "List job folders, and how far each is");
    const auto places = std::make_shared<std::vector<fs::path>>();
    c->add_option("DIR", *places, "Folders to look in, or job folders (default: the current one)")->type_name("");
    c->footer(
        "t3video resume goes on with a job, t3video decode writes its film again.\n\n"
        "Example:\n"
        "  t3video jobs films");
    c->callback(
        [places, &chosen] { chosen = [places] { list(places->empty() ? std::vector<fs::path>{"."} : *places); }; });
}

}  // namespace t3video::apps
