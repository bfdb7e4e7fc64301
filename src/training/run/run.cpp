// Begins runs, and takes them up again.
#include "training/run/run.h"

#include "core/error.h"
#include "training/run/fields.h"
#include "training/run/run_loop.h"

namespace t3video::training {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;  // of run.json

film::Request request_of(const RunOptions& o) {
    film::Request request;
    request.model = o.model;
    request.parts = o.parts;
    return request;
}

// What the run depends on beside its options, by contents.
json contents_of(session::FileModel& model, const RunLoop& loop) {
    const job::ModelContents& m = model.contents();
    return {{"transformer", m.dit},       {"text encoder", m.text_encoder},
            {"tokenizer", m.tokenizer},   {"VAE", m.vae},
            {"LoRAs", m.loras},           {"number of heads", m.heads},
            {"data", loop.data_hashes()}, {"windows", loop.windows()}};
}

// Throws InvalidRequest unless all that both name is the same.
void require_same(const json& before, const json& now, const std::string& where) {
    for (const auto& [name, value] : now.items()) {
        const std::string what = name == "data"      ? "the encoded clips"
                                 : name == "windows" ? "the window layout"
                                                     : "the model's " + name;
        require_valid(before.contains(name) && before[name] == value, where, ": changed since the run began: ", what,
                      "; it cannot go on as it would have");
    }
}

}  // namespace

RunResult begin_run(session::Session& session, const RunOptions& options, RunObserver& observer, std::stop_token stop) {
    check(options);
    check_new_run(options.output);
    session::FileModel& model = session.open(request_of(options));
    RunLoop loop(session, model, options, observer, stop);
    loop.plan();
    const RunFolder folder = RunFolder::make(options.output);
    folder.write_record({{"t3video_run", kVersion},
                         {"options", fields_of(options)},
                         {"contents", contents_of(model, loop)},
                         {"computing", loop.computing()}});
    return loop.run(folder, std::nullopt);
}

void plan_only(session::Session& session, const RunOptions& asked, RunObserver& observer) {
    RunOptions options = asked;
    if (options.output.empty()) options.output = "run";  // nothing is written
    check(options);
    RunLoop(session, session.open(request_of(options)), options, observer, {}).plan();
}

RunResult resume_run(session::Session& session, const std::filesystem::path& path, const ResumeChoices& choices,
                     RunObserver& observer, std::stop_token stop) {
    const RunFolder folder = RunFolder::open(path);
    json record = folder.record();
    const std::string where = (path / "run.json").string();
    require_valid(record.contains("options") && record.contains("contents"), where, ": is damaged; it lacks members");
    require_valid(record.value("t3video_run", json()) == kVersion, where,
                  ": was written by another version of this program");
    RunOptions options = options_of(record["options"], where);
    options.output = path;
    if (choices.updates && !options.stages.empty()) options.stages.back().updates = *choices.updates;
    if (choices.keep) options.keep = *choices.keep;
    if (choices.save_every) options.save_every = *choices.save_every;
    check(options);
    session::FileModel& model = session.open(request_of(options));
    RunLoop loop(session, model, options, observer, stop);
    require_same(record["contents"], contents_of(model, loop), where);
    if (record.value("computing", json()) != loop.computing())
        observer.note(Message("Here sums may be taken in another order than where the run began, on another device or ",
                              "with other threads: the last bits may differ"));
    const std::vector<Checkpoint> saved = folder.checkpoints();
    const int64_t done = saved.empty() ? 0 : saved.back().update;
    require_valid(done <= options.all_updates(), path.string(), ": has ", done, " updates, more than the ",
                  options.all_updates(), " that are asked for");
    if (saved.empty()) observer.note(Message(path.string(), ": holds no checkpoint; the run begins anew"));
    loop.plan();
    record["options"] = fields_of(options);
    return loop.run(folder, saved.empty() ? std::nullopt : std::optional(saved.back()), &record);
}

}  // namespace t3video::training
