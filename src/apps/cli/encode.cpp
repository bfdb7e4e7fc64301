// t3video encode: from lists of clips to latents and texts that a run learns from.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "apps/cli/commands.h"
#include "apps/cli/inspect.h"
#include "apps/common/interrupt.h"
#include "apps/common/log.h"
#include "apps/common/options.h"
#include "apps/common/progress.h"
#include "apps/common/tongue.h"
#include "core/error.h"
#include "core/readable_bytes.h"
#include "film/field_values.h"
#include "film/film.h"
#include "training/data/data_list.h"
#include "training/data/encode.h"
#include "training/data/encoders_of.h"

namespace t3video::apps {
namespace {

namespace fs = std::filesystem;
using training::DataProblem;

struct EncodeCommand {
    std::vector<fs::path> lists;
    fs::path output, model_folder, base;
    film::PartOverrides parts;
    std::vector<std::string> sizes;
    std::vector<int64_t> frames;
    std::string fps, source_fps, extraction, shard_bytes = "256MiB", caption_extension = ".txt";
    std::optional<int64_t> stride, sample, max_frames;
    std::optional<bool> buckets, no_upscale;
    bool every_frame = false, without_captions = false, quiet = false;
    ComputeOptions compute;

    training::EncodeChoices choices() const;
    training::DataSet read_lists() const;
    void run() const;
};

training::EncodeChoices EncodeCommand::choices() const {
    training::EncodeChoices c{.every_frame = every_frame};
    for (const std::string& size : sizes) {
        const auto [width, height] = film::parse_size(Field("size", size));
        c.settings.resolutions.push_back({width, height});
    }
    c.settings.target_frames = frames;
    if (!fps.empty()) c.fps = film::parse_fps(Field("fps", fps));
    if (!source_fps.empty()) c.settings.source_fps = film::parse_fps(Field("source-fps", source_fps));
    if (!extraction.empty()) c.settings.extraction = training::extraction_of(extraction);
    c.settings.stride = stride;
    c.settings.sample = sample;
    c.settings.max_frames = max_frames;
    c.settings.buckets = buckets;
    c.settings.no_upscale = no_upscale;
    return c;
}

// What a kind of problem came to, as a title for some and the rest.
const char* about(DataProblem::Kind kind) {
    using Kind = DataProblem::Kind;
    switch (kind) {
        case Kind::broken:
            return "cannot be read";
        case Kind::no_file:
            return "without a file";
        case Kind::no_caption:
            return "without a caption";
        case Kind::repeated:
            return "repeated";
        case Kind::changed:
            return "changed";
        case Kind::unread:
            return "not read";
    }
    return "";
}

// The first few of each kind.
void tell(const training::DataSet& set, bool without_captions) {
    constexpr size_t kFew = 3;
    std::map<DataProblem::Kind, std::vector<const DataProblem*>> kinds;
    for (const DataProblem& problem : set.problems) {
        if (!without_captions || problem.kind != DataProblem::Kind::no_caption) kinds[problem.kind].push_back(&problem);
    }
    for (const auto& [kind, problems] : kinds) {
        const bool harmless = kind == DataProblem::Kind::changed || kind == DataProblem::Kind::unread;
        const auto say = [&](const std::string& line) { harmless ? log_info(line) : log_warning(line); };
        for (size_t i = 0; i < std::min(kFew, problems.size()); ++i) say(problems[i]->text());
        if (problems.size() > kFew) say(fmt::format("... and {} more {}", problems.size() - kFew, about(kind)));
    }
    std::string names;
    for (const std::string& name : set.passed_over) names += (names.empty() ? "" : ", ") + name;
    if (!names.empty()) log_info("Passed over, as nothing here depends on it: " + names);
}

training::DataSet EncodeCommand::read_lists() const {
    training::DataSet set;
    for (const fs::path& list : lists)
        set.append(training::read_data_list(list, {base, caption_extension, without_captions}));
    tell(set, without_captions);
    const auto pictures = std::ranges::count(set.items, training::ClipKind::picture, &training::DataItem::kind);
    const auto all = static_cast<int64_t>(set.items.size());
    log_info(fmt::format("Lists  {} videos, {} pictures", all - pictures, pictures));
    return set;
}

class Console final : public training::EncodeObserver {
  public:
    explicit Console(bool quiet) : progress_(Progress::for_stderr(quiet)) {}

    void planned(const training::EncodingPlan& p) override {
        for (const plan::StagePlan* stage : {&p.text, &p.latents})
            log_info(
                fmt::format("Plan   {:<8} {:>9}{}", stage->name, readable_bytes(stage->bytes), stage->about_weights()));
        log_info(fmt::format("Plan   {:<8} {:>9} of {}, at most {}x{}, {} frames", "all", readable_bytes(p.bytes()),
                             p.about_allowed(), p.largest.size.width, p.largest.size.height, p.largest.frames));
    }
    void stage(const std::string& name, int64_t total, const std::string& unit) override {
        progress_.begin(name, total, unit);
    }
    void advanced(int64_t done) override { progress_.advance(done); }
    void stage_ended() override { progress_.end(); }
    void left_out(const training::LeftOut& clip) override {
        progress_.give_way();
        log_warning(clip.text().in(command_line()) + "; left out");
    }
    void note(const Message& line) override {
        progress_.give_way();
        log_info(line.in(command_line()));
    }

  private:
    Progress progress_;
};

// What the model makes films at, where nobody says more.
training::ModelDefaults defaults_of(const session::FileModel& model) {
    const film::ModelTraits traits = model.networks().traits();
    const film::Settings s = film::resolve_settings(model.files(), traits, {});
    const film::FrameSize size = film::frame_size(s.width, s.height, s.frames, traits.cell);
    return {.size = {size.width, size.height}, .frames = s.frames, .fps = s.fps, .cell = traits.cell};
}

void EncodeCommand::run() const {
    set_quiet(quiet);
    training::EncodeOptions options{.choices = choices(),
                                    .output = output,
                                    .shard_bytes = parse_bytes(shard_bytes, "--shard-bytes"),
                                    .memory = compute.bytes()};
    const training::DataSet set = read_lists();
    session::Session session = compute.session();
    session::FileModel& model = session.open({.model = model_folder, .parts = parts});
    options.model = defaults_of(model);
    model.require_finite_vae(session.context().threads());
    const training::EncodingModel networks{model.networks(), model.tokenizer(), training::encoders_of(model)};
    for (const std::string& note : model.networks().notes) log_info(note);
    const UnsavedWork work;
    Console console(quiet);
    const training::EncodeReport report =
        training::encode_clips(session.context(), networks, set, options, console, interrupts());
    if (report.there > 0) log_info(fmt::format("{} of {} clips were there already", report.there, report.items));
    const std::string left_out = report.about_left_out();
    if (!left_out.empty()) log_warning(fmt::format("Left out: {}", left_out));
    if (report.stopped) {
        throw Stopped(Message("stopped after ", report.there + report.done, " of ", report.items,
                              " clips, which are saved; the same command goes on"));
    }
    if (report.others > 0)
        log_info(fmt::format("{} also holds {} clips that are not asked for here; they stay", output.string(),
                             report.others));
    const training::ShardSet shards(output);
    log_info(fmt::format("{} holds {} encoded clips", output.string(), shards.size()));
    if (!quiet) print_buckets(shards);
}

}  // namespace

void add_encode(CLI::App& program, Action& chosen) {
    auto* c = program.add_subcommand("encode", "Encode videos, pictures and captions once, for training");
    const auto o = std::make_shared<EncodeCommand>();
    c->add_option("LIST", o->lists, "Lists of clips, or folders of clips with captions; several add up")
        ->required()
        ->type_name("");
    c->add_option("--output,-o", o->output, "Folder of the encoded clips, 00000.safetensors and so on")
        ->required()
        ->type_name("DIR");
    c->add_option("--model", o->model_folder,
                  "Model folder, of which the VAE and the text encoder are used (default: the bundled demo model)")
        ->type_name("DIR")
        ->group("Model");
    c->add_option("--vae", o->parts.vae, "VAE instead of the folder's")->type_name("FILE")->group("Model");
    c->add_option("--text-encoder", o->parts.text_encoder, "Text encoder instead of the folder's")
        ->type_name("FILE")
        ->group("Model");
    c->add_option("--tokenizer", o->parts.tokenizer, "Tokenizer instead of the folder's")
        ->type_name("FILE")
        ->group("Model");

    const char* const kLists = "Lists";
    c->add_option("--base", o->base, "What relative paths begin at (default: the folder of the list)")
        ->type_name("DIR")
        ->group(kLists);
    c->add_option("--caption-extension", o->caption_extension, "Of the captions in folders of clips")
        ->type_name("EXT")
        ->capture_default_str()
        ->group(kLists);
    c->add_flag("--without-captions", o->without_captions, "Take clips that have no caption, with an empty one")
        ->group(kLists);

    const char* const kClips = "Clips (each goes before what a list says)";
    c->add_option("--size", o->sizes, "Width and height in pixels, or several; a clip takes the nearest by its shape")
        ->delimiter(',')
        ->type_name("WxH[,WxH]")
        ->group(kClips);
    c->add_flag("--buckets,!--no-buckets", o->buckets, "Sizes of about that area in the shapes of the clips")
        ->group(kClips);
    c->add_flag("--no-upscale,!--upscale", o->no_upscale, "Enlarge no clip: a small one takes a smaller size")
        ->group(kClips);
    c->add_option("--frames", o->frames, "Length in frames, 4k+1, or several")
        ->delimiter(',')
        ->type_name("N[,N]")
        ->group(kClips);
    c->add_option("--fps", o->fps, "Rate that frames are taken at, by their times (default: the model's)")
        ->type_name("RATE")
        ->group(kClips);
    c->add_option("--source-fps", o->source_fps, "Count the files' frames as of this rate, whatever their times")
        ->type_name("RATE")
        ->group(kClips);
    c->add_flag("--every-frame", o->every_frame, "Take every frame of a file, whatever its time")->group(kClips);
    c->add_option("--extraction", o->extraction,
                  "head: the first frames; chunk: consecutive pieces; slide: pieces that begin every --stride frames; "
                  "uniform: --sample pieces spread evenly; full: all, up to --max-frames (default: head)")
        ->type_name("WAY")
        ->group(kClips);
    c->add_option("--stride", o->stride, "Frames from one piece to the next, of slide (default: 1)")
        ->type_name("N")
        ->group(kClips);
    c->add_option("--sample", o->sample, "Pieces of a clip, of uniform (default: 1)")->type_name("N")->group(kClips);
    c->add_option("--max-frames", o->max_frames, "Frames of a clip at most, of full (default: 129)")
        ->type_name("N")
        ->group(kClips);
    c->add_option("--shard-bytes", o->shard_bytes, "Size of a file of the output, which is written when it is full")
        ->type_name("SIZE")
        ->capture_default_str();
    o->compute.add_to(*c);
    c->add_flag("--quiet", o->quiet, "Print nothing but errors and what is left out");
    c->footer(
        "Lists are JSON, one object a line (JSONL), CSV, or the TOML of musubi-tuner and diffusion-pipe; an entry "
        "names\n"
        "a video or picture and its caption, as in {\"video\": \"a.mp4\", \"prompt\": \"A red ball.\"}. In a folder "
        "each\n"
        "clip has its caption in a text file of the same name. Clips that are broken or too short are named and left\n"
        "out. Without --size and --frames clips are brought to what the model makes films of.\n\n"
        "Finished clips are kept: after Ctrl-C, a crash or a full disk the same command goes on, and clips that were\n"
        "added to the list are added to the folder.\n\n"
        "Examples:\n"
        "  t3video make-clips --count 16 --output clips\n"
        "  t3video encode clips --model models/demo --output encoded\n"
        "  t3video encode dataset.toml --model Wan2.1-T2V-1.3B --output encoded --device cuda\n"
        "  t3video encode videos pictures --model Wan2.1-T2V-1.3B --size 832x480 --buckets --frames 17,81 -o encoded");
    c->callback([o, &chosen] { chosen = [o] { o->run(); }; });
}

}  // namespace t3video::apps
