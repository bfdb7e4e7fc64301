// t3video jobs: what the job folders of a place hold.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "apps/cli/commands.h"
#include "apps/cli/inspect.h"
#include "apps/common/log.h"
#include "apps/common/tongue.h"
#include "core/error.h"
#include "core/paths.h"
#include "core/printable.h"
#include "core/readable_bytes.h"
#include "job/job.h"
#include "media/frame_writer.h"
#include "plan/plan.h"

namespace t3video::apps {
namespace {

namespace fs = std::filesystem;

std::string stage_of(const job::JobState& job) {
    if (!job.trouble.empty()) return "damaged";
    if (job.decoded && job.decoded->complete())
        return media::output_exists(job.decoded->output) ? "film written" : "film written, gone since";
    if (job.decoded && job.step == job.steps)
        return fmt::format("frame {} of {}", job.decoded->frames, job.decoded->of);
    if (job.step == job.steps) return "latents ready";
    if (job.step > 0) return fmt::format("step {} of {}", job.step, job.steps);
    return job.text ? "text encoded" : "begun";
}

// One line of at most `most` bytes, cut between characters of UTF-8.
std::string shortened(const std::string& prompt, size_t most) {
    const std::string text = printable(prompt);
    if (text.size() <= most) return text;
    size_t end = most - 3;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return text.substr(0, end) + "...";
}

std::vector<job::JobState> find_jobs(const fs::path& place) {
    require_valid(is_folder(place), place.string(), is_there(place) ? ": not a folder" : ": no such folder",
                  "; expected one with job folders in it");
    if (auto itself = job::look_at_job(place)) return {*itself};
    std::vector<job::JobState> jobs;
    for (const fs::path& entry : entries_of(place)) {
        std::error_code ignored;
        if (!fs::is_directory(entry, ignored)) continue;
        // "film.job" rather than "./film.job"
        if (auto job = job::look_at_job(place == "." ? entry.filename() : entry)) jobs.push_back(*job);
    }
    return jobs;
}

}  // namespace

void print_jobs(const std::vector<job::JobState>& jobs) {
    size_t widest = 6;
    for (const auto& job : jobs) widest = std::max(widest, printable(job.folder.string()).size());
    fmt::print("{:<{}}  {:<24}  {:>9}  {:<14}  {}\n", "folder", widest, "stage", "size", "film", "prompt");
    for (const auto& job : jobs) {
        const bool known = job.width > 0;
        fmt::print("{:<{}}  {:<24}  {:>9}  {:<14}  {}\n", printable(job.folder.string()), widest, stage_of(job),
                   known ? readable_bytes(job.bytes) : "",
                   known ? fmt::format("{}x{}x{}", job.width, job.height, job.film_frames) : "",
                   known ? shortened(job.prompt, 60) : shortened(job.trouble, 80));
    }
}

namespace {

// What can be read is listed, whatever the rest is.
void list(const std::vector<fs::path>& places) {
    std::vector<job::JobState> jobs;
    std::vector<Message> refused;
    for (const fs::path& place : places) {
        try {
            for (auto& job : find_jobs(place)) jobs.push_back(std::move(job));
        } catch (const InvalidRequest& error) {
            refused.push_back(error.message());
        }
    }
    if (!jobs.empty()) print_jobs(jobs);
    if (jobs.empty() && refused.empty())
        fmt::print("No job folders here; t3video generate leaves one beside each film.\n");
    if (refused.empty()) return;
    std::fflush(stdout);
    for (size_t i = 0; i + 1 < refused.size(); ++i) log_warning(refused[i].in(command_line()));
    throw InvalidRequest(refused.back());
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
