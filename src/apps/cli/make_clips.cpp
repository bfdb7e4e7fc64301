// t3video make-clips: draws short animated films with captions, to train and to measure with.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>

#include "apps/cli/clip_folder.h"
#include "apps/cli/commands.h"
#include "apps/common/interrupt.h"
#include "apps/common/log.h"
#include "apps/common/progress.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "film/field_values.h"

namespace t3video::apps {
namespace {

struct MakeClipsOptions {
    std::string seed = "0", size = "448x256", fps = "8";
    std::string extension = media::default_output().extension() == ".mp4" ? ".mp4" : "/";
    std::filesystem::path output;
    int64_t count = 0, frames = 17;
    int threads = 0;
    bool held_out = false, quiet = false;

    ClipSettings settings() const;
    void run() const;
};

ClipSettings MakeClipsOptions::settings() const {
    constexpr std::string_view kExtensions[] = {".mp4", ".mkv", ".mov", ".y4m", "/"};
    const bool known = std::ranges::count(kExtensions, extension) > 0;
    require_valid(known, "--extension ", extension, ": expected .mp4, .mkv, .mov or .y4m, or / for folders of PNGs");
    ClipSettings s{.split = held_out ? media::clips::Split::held_out : media::clips::Split::training,
                   .frames = frames,
                   .fps = film::parse_fps(Field("fps", fps)),
                   .extension = extension};
    film::parse(Field("seed", seed), s.seed);
    std::tie(s.width, s.height) = film::parse_size(Field("size", size));
    return s;
}

// Clips that are made side by side: as many as cores, and as memory has room for.
int clips_at_once(const ClipSettings& settings, int threads) {
    // Background, frame and noise in floats, and the frames that x264 looks ahead at: measured 198 at 1920x1080 with 81
    // frames, 110 with 17.
    constexpr int64_t kBytesPerPixel = 256;
    const int64_t each = settings.width * settings.height * kBytesPerPixel;
    const int64_t room = std::max<int64_t>(available_memory() - kProgramBytes, 0) / each;
    require_valid(room > 0, Field("size", settings.width, 'x', settings.height), ": a clip takes about ", each >> 20,
                  " MiB while it is made, and ", available_memory() >> 20, " MiB are available");
    const int most = available_threads();
    return static_cast<int>(std::min<int64_t>(room, threads == 0 ? most : std::min(threads, most)));
}

// Makes what is missing, clips side by side; those that were made, in any order. Once one fails, no other begins.
std::vector<ClipFolder::Item> make_missing(const ClipFolder& folder, int threads, Progress& progress) {
    const std::vector<ClipFolder::Item>& missing = folder.missing();
    const std::stop_token stop = interrupts();
    std::vector<ClipFolder::Item> made;
    std::mutex ending;
    std::atomic<bool> failed{false};
    parallel_for(threads, 0, static_cast<int64_t>(missing.size()), 1, [&](int64_t first, int64_t last) {
        try {
            for (int64_t i = first; i < last && !failed; ++i) {
                const ClipFolder::Item& item = missing[static_cast<size_t>(i)];
                if (!folder.make(item, stop)) return;
                const std::lock_guard lock(ending);
                made.push_back(item);
                progress.advance(static_cast<int64_t>(made.size()));
            }
        } catch (...) {
            failed = true;
            throw;
        }
    });
    return made;
}

void MakeClipsOptions::run() const {
    set_quiet(quiet);
    const ClipSettings wanted = settings();
    media::clips::check_clip(wanted.width, wanted.height, wanted.frames);
    const int at_once = clips_at_once(wanted, threads);
    const ClipFolder folder(output, wanted, count);
    const auto missing = static_cast<int64_t>(folder.missing().size());
    if (missing < count) log_info(fmt::format("{} of {} clips are there already", count - missing, count));
    const UnsavedWork work;
    std::vector<ClipFolder::Item> made;
    if (missing > 0) {
        Progress progress = Progress::for_stderr(quiet);
        progress.begin("Draw", missing, "clips");
        made = make_missing(folder, at_once, progress);
        progress.end();
    }
    const size_t listed = folder.write_list(made);
    const auto done = static_cast<int64_t>(made.size());
    if (done < missing)
        throw Stopped(
            Message("stopped after ", count - missing + done, " of ", count, " clips; the same command goes on"));
    log_info(fmt::format("{} lists {} clips", folder.list().string(), listed));
}

}  // namespace

void add_make_clips(CLI::App& program, Action& chosen) {
    auto* c = program.add_subcommand("make-clips", "Draw short animated films with captions, to train a model on");
    const auto o = std::make_shared<MakeClipsOptions>();
    c->add_option("--count", o->count, "Clips")->required()->check(CLI::Range(1, 1'000'000))->type_name("N");
    c->add_option("--output,-o", o->output, "Folder of the clips, 00000.mp4 and so on, and of their list, clips.json")
        ->required()
        ->type_name("DIR");
    c->add_option("--seed", o->seed, "Which clips: another seed, other clips")->type_name("N")->capture_default_str();
    c->add_flag("--held-out", o->held_out, "Draw the combinations that are never drawn without this option");
    c->add_option("--size", o->size, "Width and height in pixels")->type_name("WxH")->capture_default_str();
    c->add_option("--frames", o->frames, "Frames of a clip")->type_name("N")->capture_default_str();
    c->add_option("--fps", o->fps, "Frames per second, as in 24 or 24000/1001")
        ->type_name("RATE")
        ->capture_default_str();
    c->add_option("--extension", o->extension, "Kind of file: .mp4, .mkv, .mov, .y4m; / for folders of PNGs")
        ->type_name("EXT")
        ->capture_default_str();
    c->add_option("--threads", o->threads, "CPU threads; 0: one per core")->check(CLI::Range(0, 1024));
    c->add_flag("--quiet", o->quiet, "Print nothing but errors");
    c->footer(
        "A clip shows a coloured object that moves over a painted background, as its caption says: \"A red ball "
        "drifts\n"
        "left over green hills.\" There are 8 colours, 8 objects, 6 motions and 6 backgrounds, 2304 combinations. "
        "Each\n"
        "comes once, in an order that follows from the seed, before any comes again; 230 of them are held out.\n\n"
        "The same seed gives the same clips: more of them with a larger count. Clips that are there already are kept,\n"
        "so that after an interruption the same command goes on. Files that it did not make are never replaced.\n\n"
        "Examples:\n"
        "  t3video make-clips --count 256 --output clips\n"
        "  t3video make-clips --count 24 --held-out --output heldout");
    c->callback([o, &chosen] { chosen = [o] { o->run(); }; });
}

}  // namespace t3video::apps
