// The one facade of a server of films, without a word of HTTP. Every call may come from any thread; status answers do
// not wait for films that are made, nor for what is being written.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "film/fields.h"
#include "serving/events.h"
#include "serving/queue.h"
#include "serving/refused.h"
#include "serving/uploads.h"
#include "session/session.h"

namespace t3video::serving {

// Whether clients may give a field: those of the film and its file, but for paths. "model" takes the name of a served
// model, "image" and "video" an upload's id, "lora" NAME[:WEIGHT] of the LoRA folders.
bool is_served(const film::RequestField& field);
// Endings of files that a film can be written as, ".mp4" first; builds without FFmpeg have fewer.
std::span<const std::string> containers();

struct ServedModel {
    std::string name;
    std::filesystem::path folder;  // empty: the bundled demo model
};
// Named after their folders; a name that is taken gets "-2". Without folders the demo model, as "demo". Throws
// InvalidRequest for a folder that holds no model.
std::vector<ServedModel> models_of(std::span<const std::filesystem::path> folders);

using SessionMaker = std::function<std::unique_ptr<session::Session>()>;

struct ServiceOptions {
    std::filesystem::path data;                // made where it is not there
    std::vector<ServedModel> models;           // the first one is the default
    std::vector<std::filesystem::path> loras;  // folders of .safetensors files
    std::vector<SessionMaker> devices;         // a worker each; sessions of many films
    UploadLimits uploads;
    int64_t queue_cap = 1000;                               // films that wait or run
    int64_t keep_seconds = 0;                               // of films that are over; 0: for good
    int64_t disk_bytes = 0;                                 // that the data folder may take; 0: the disk
    int64_t disk_reserve = int64_t{256} << 20;              // that stays free on its disk
    int64_t preview_every = 1;                              // steps
    double retry_seconds = 5;                               // until a film is tried again whose disk or device failed
    std::function<void(const std::string& line)> log = {};  // any thread
};

// A film that is asked for.
struct Submission {
    FieldValues fields;
    std::string container;  // empty: the first of containers()
    std::string key;
    int64_t key_cap = 0;  // films of the key that may wait or run; 0: any number
    int priority = 0;
};

// A film as clients see it.
struct FilmView {
    Entry entry;
    Progress progress;
    Ahead ahead;  // of one that is queued
    bool has_preview = false;
};

struct FilmPage {
    std::vector<FilmView> films;
    bool more = false;
};

struct ModelView {
    std::string name;
    film::Settings defaults;
    bool takes_image = false, takes_video = false;
    std::vector<std::string> loras;  // names that "lora" takes
};

struct StageEstimate {
    std::string name;
    double seconds = 0;
    size_t bytes = 0;
};
struct PlanView {
    Resolved film;
    film::Settings settings;  // as used, defaults filled in
    std::vector<StageEstimate> stages;
    double seconds = 0, seconds_before = 0;  // of this film; of those that would go first
    size_t bytes = 0, allowed = 0;
    Message refusal;  // why it cannot be made, and what could; empty where it fits
    std::vector<std::string> notes;
};

struct FilmFile {
    enum class Variant { video, thumbnail, spritesheet, preview };
    std::filesystem::path path;
    std::string type;  // "video/mp4"
    std::string name;  // for who saves it
};

// Counted since the server started, but for what waits and lies there now.
struct Counters {
    int64_t accepted = 0, completed = 0, failed = 0, cancelled = 0, removed = 0, expired = 0, resumed = 0;
    Counts now;
    int64_t disk_used = 0, disk_free = 0, uploads = 0;  // bytes
    // Seconds of films that were completed, all together.
    double waiting = 0, opening = 0, text = 0, encode = 0, denoise = 0, decode = 0;
};

struct Health {
    bool ready = true;
    std::string trouble;  // a full disk, a lost card; a line for people
};

class Service {
  public:
    // Locks the data folder, takes up what an earlier run left and starts working. Throws InvalidRequest where another
    // server has the folder, for one that a later version wrote, and for models that cannot be opened.
    explicit Service(ServiceOptions options);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    // These throw InvalidRequest for wrong fields, and Refused.
    FilmView submit(const Submission& submission);
    // The same film with these fields instead of its own: another prompt, mostly.
    FilmView remix(const std::string& id, const Submission& changes);
    // The film once more in another format: fields of the format, or a container. Its latents are not made again.
    FilmView decode(const std::string& id, const Submission& changes);
    PlanView plan(const Submission& submission);

    // These throw Refused for an unknown id and for a state that the action does not suit.
    FilmView get(const std::string& id);
    FilmPage list(const ListQuery& query);
    FilmView cancel(const std::string& id);
    FilmView resume(const std::string& id, int64_t key_cap = 0);
    void remove(const std::string& id);  // one that runs is stopped first
    FilmFile file(const std::string& id, FilmFile::Variant variant);
    std::unique_ptr<Subscription> events(const std::string& id);

    Uploads& uploads();
    // A file that came with a request which was refused does not stay, unless a film has it.
    void take_back(const Upload& upload) noexcept;
    std::vector<ModelView> models();
    Counters counters();
    Health health();

    // From now on nothing is accepted; films that run stop at their next safe point and go on at the next start.
    void shut_down();

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace t3video::serving
