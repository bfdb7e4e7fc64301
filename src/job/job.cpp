// Job folders: made, opened, set aside, and their stages saved.
#include "job/job.h"

#include <fcntl.h>
#include <unistd.h>

#include "checkpoint/tensor_source.h"
#include "core/error.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "job/identity.h"
#include "job/job_files.h"

namespace t3video::job {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const Message kAnother(Field("job"), " another folder");

// Paths need not be UTF-8.
std::string dumped(const json& content) {
    return content.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

// Where jobs go that are set aside: "film.1.job", "film.2.job" and so on beside "film.job".
class Aside {
  public:
    explicit Aside(const fs::path& job) : job_(job.has_filename() ? job : job.parent_path()) {}

    // Those that are there.
    std::vector<fs::path> jobs() const {
        std::vector<fs::path> jobs;
        const fs::path above = folder_above(job_);
        if (!is_folder(above)) return jobs;
        for (const fs::path& entry : entries_of(above)) {
            const std::string name = entry.filename().string(), start = job_.stem().string() + ".",
                              end = job_.extension().string();
            if (!name.starts_with(start) || !name.ends_with(end) || name.size() <= start.size() + end.size()) continue;
            const std::string number = name.substr(start.size(), name.size() - start.size() - end.size());
            if (number.find_first_not_of("0123456789") == std::string::npos) jobs.push_back(job_.parent_path() / name);
        }
        return jobs;
    }
    fs::path free() const {
        for (int number = 1;; ++number) {
            const fs::path name =
                job_.parent_path() / concat(job_.stem().string(), '.', number, job_.extension().string());
            if (!is_there(name)) return name;
        }
    }

  private:
    fs::path job_;
};

}  // namespace

std::optional<fs::path> find_job(const fs::path& folder, const json& request) {
    if (holder_of(folder, request) == Holder::film) return folder;
    for (const fs::path& job : Aside(folder).jobs()) {
        if (holder_of(job, request) == Holder::film) return job;
    }
    return std::nullopt;
}

Job::Lock::Lock(const fs::path& folder) : descriptor_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (descriptor_ < 0) return;
    const LockState state = try_lock(descriptor_);
    works_ = state != LockState::unsupported;
    if (state != LockState::busy) return;
    close(descriptor_);
    throw InUse(Message("job folder ", folder.string(),
                        " is in use by another t3video process; wait for it to end, or give ", kAnother));
}

Job::Lock::~Lock() {
    if (descriptor_ >= 0) close(descriptor_);
}

bool Job::Lock::is_of(const fs::path& folder) const {
    return descriptor_ >= 0 && is_same_file(folder, concat("/proc/self/fd/", descriptor_));
}

Job::Job(fs::path folder, json request) : folder_(std::move(folder)), request_(std::move(request)), written_(folder_) {
    const Holder holder = holder_of(folder_, request_);
    require_valid(holder != Holder::foreign, "job folder ", folder_.string(),
                  ": holds files, but no job of t3video; give ", kAnother);
    if (holder == Holder::another) make_way();
    make_folder();
    written_ = WrittenFiles(folder_);
    for (const char* file : kJobFiles) remove_partial(folder_ / file);
}

// Another film's job goes aside, and one of this film that went aside before comes back.
void Job::make_way() {
    const Lock other(folder_);
    const auto mine = find_job(folder_, request_);
    set_aside_ = Aside(folder_).free();
    std::error_code error;
    fs::rename(folder_, set_aside_, error);
    require_valid(!error, "job folder ", folder_.string(), " of another film cannot be set aside as ",
                  set_aside_.string(), ": ", error.message(), "; give ", kAnother);
    if (mine) fs::rename(*mine, folder_, error);
}

void Job::keep_folder() {
    if (!lock_ || !lock_->is_of(folder_)) make_folder();
}

void Job::make_folder() {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (is_full(error.value())) throw WriteError(concat(folder_.string(), ": ", words_of_refusal(error.value())));
    std::error_code ignored;
    require_valid(fs::is_directory(folder_, ignored), "job folder ", folder_.string(), " cannot be made",
                  error ? ": " + error.message() : std::string(), "; give ", kAnother);
    lock_.reset();
    lock_.emplace(folder_);
    const Holder holder = holder_of(folder_, request_);
    if (holder == Holder::film) {
        json stored = read_job_json(folder_ / kRequest);
        const json before = stored;
        stored.update(request_);
        if (stored != before) replace_file(folder_ / kRequest, dumped_request(stored));
        return;
    }
    if (holder != Holder::nobody)
        throw InUse(concat("job folder ", folder_.string(), " has just become another film's"));
    replace_file(folder_ / kRequest, dumped_request(request_));
    if (!front_door_.empty()) replace_file(folder_ / kFrontDoor, front_door_ + "\n");
}

SavedStages Job::stages(int threads) const {
    return read_stages(folder_, threads);
}

void Job::write(const char* file, const json& content) {
    keep_folder();
    replace_file(folder_ / file, dumped(content));
}

void Job::write(const char* file, const std::map<std::string, Tensor>& tensors,
                std::map<std::string, std::string> metadata) {
    keep_folder();
    metadata[kChecksum] = checksum_of(tensors);
    checkpoint::save_safetensors(folder_ / file, tensors, metadata);
}

void Job::save_front_door(const std::string& text) {
    front_door_ = text;
    keep_folder();
    replace_file(folder_ / kFrontDoor, front_door_ + "\n");
}

void Job::save(const Decoded& decoded) {
    write(kDecoded, json{{"output", decoded.output.string()}, {"frames", decoded.frames}, {"of", decoded.of}});
}

void Job::save(const Embeddings& embeddings) {
    std::map<std::string, Tensor> tensors{{"positive", embeddings.positive}};
    if (embeddings.negative.defined()) tensors["negative"] = embeddings.negative;
    write(kEmbeddings, tensors);
}

void Job::save(const sampling::SampleState& state) {
    std::map<std::string, Tensor> tensors{{"x", state.x}};
    for (size_t i = 0; i < state.history.size(); ++i) tensors["history." + std::to_string(i)] = state.history[i];
    for (const auto& [name, kept] : state.further) tensors[kFurther + name] = kept;
    write(kLatents, tensors, {{"step", std::to_string(state.step)}});
}

void Job::save_input(const Tensor& latent) {
    write(kInput, {{"latent", latent}});
}

}  // namespace t3video::job
