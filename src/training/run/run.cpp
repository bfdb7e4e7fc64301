// Begins runs, and takes them up again.
#include "training/run/run.h"

#include "core/error.h"
#include "training/run/fields.h"
#include "training/run/run_loop.h"

namespace t3video::training {
namespace {

using nlohmann::json;

film::Request request_of(const RunOptions& o) {
    film::Request request;
    request.model = o.model;
    request.parts = o.parts;
    return request;
}

// What the run depends on beside its options, by contents.
json contents_of(session::FileModel& model, const RunLoop& loop) {
    const job::ModelContents& m = model.contents();
    return {{"dit", m.dit},
            {"text_encoder", m.text_encoder},
            {"tokenizer", m.tokenizer},
            {"vae", m.vae},
            {"loras", m.loras},
            {"heads", m.heads},
            {"data", loop.data_hashes()}};
}

// Throws InvalidRequest unless all that both name is the same.
void require_same(const json& before, const json& now, const std::string& where) {
    for (const auto& [name, value] : now.items()) {
        const std::string what = name == "data" ? "the encoded clips" : "the model's " + name;
        require_valid(before.contains(name) && before[name] == value, where, ": ", what,
                      " hold something else than when the run began; it cannot go on as it would have");
    }
}

}  // namespace

RunResult begin_run(session::Session& session, const RunOptions& options, RunObserver& observer, std::stop_token stop) {
    check(options);
    session::FileModel& model = session.open(request_of(options));
    RunLoop loop(session, model, options, observer, stop);
    loop.plan();
    const RunFolder folder = RunFolder::make(options.output);
    folder.write_record({{"t3video_run", 1},
                         {"options", fields_of(options)},
                         {"contents", contents_of(model, loop)},
                         {"computing", loop.computing()}});
    return loop.run(folder, std::nullopt);
}

void plan_only(session::Session& session, const RunOptions& options, RunObserver& observer) {
    check(options);
    RunLoop(session, session.open(request_of(options)), options, observer, {}).plan();
}

RunResult resume_run(session::Session& session, const std::filesystem::path& path, const ResumeChoices& choices,
                     RunObserver& observer, std::stop_token stop) {
    const RunFolder folder = RunFolder::open(path);
    json record = folder.record();
    const std::string where = (path / "run.json").string();
    require_valid(record.contains("options") && record.contains("contents"), where, ": is damaged; it lacks members");
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
        observer.note(Message("The run was begun on ", record.value("computing", json()).dump(),
                              "; here sums may be taken in another order, so that the last bits differ"));
    loop.plan();
    record["options"] = fields_of(options);
    folder.write_record(record);
    const std::vector<Checkpoint> saved = folder.checkpoints();
    return loop.run(folder, saved.empty() ? std::nullopt : std::optional(saved.back()));
}

}  // namespace t3video::training
