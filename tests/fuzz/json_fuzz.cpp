// The JSON that the program reads beside weights: each reader gets every input.
#include <array>
#include <map>

#include "apps/common/batch_list.h"
#include "film/folder_claims.h"
#include "film/frame_size.h"
#include "film/settings.h"
#include "fuzz.h"
#include "job/film_record.h"
#include "job/identity.h"
#include "job/job_files.h"
#include "models/wan_dit/config.h"
#include "t3/window_layout.h"
#include "text/tokenizer_json.h"

using namespace t3video;

namespace {

// A folder whose files have the input's contents: the request only, or all others of a job.
class JobFolder {
  public:
    JobFolder(const std::filesystem::path& input, bool request) {
        for (const std::string file : job::kJobFiles) {
            if ((file == job::kRequest) == request) std::filesystem::create_symlink(input, folder_ / file);
        }
        if (!request) testing::write_file(folder_ / job::kRequest, job::dumped_request({{"prompt", "A star."}}));
    }
    const std::filesystem::path& path() const { return folder_.path(); }

  private:
    testing::TemporaryFolder folder_;
};

// A model folder whose model_index.json is the input.
class ModelIndex {
  public:
    explicit ModelIndex(const std::filesystem::path& input) {
        std::filesystem::create_symlink(input, folder_ / "model_index.json");
    }
    const std::filesystem::path& path() const { return folder_.path(); }

  private:
    testing::TemporaryFolder folder_;
};

bool read_job(const std::filesystem::path& folder) {
    const job::SavedStages saved = job::read_stages(folder, 1);
    const bool listed = job::WrittenFiles(folder).has(folder / "request.json");
    return saved.embeddings || saved.latents || saved.input || listed || job::read_decoded(folder);
}

bool is_read(const std::filesystem::path& folder) {
    const auto job = job::look_at_job(folder);
    return job && job->trouble.empty();
}

bool is_of_film(const std::filesystem::path& folder) {
    const nlohmann::json request = job::request_of_job(folder);
    return job::holder_of(folder, request) == job::Holder::film && !job::film_id(request).empty();
}

// Of a transformer whose heads only its config.json tells.
const std::map<std::string, Shape> kShapes = {
    {"patch_embedding.weight", {96, 16, 1, 2, 2}}, {"text_embedding.0.weight", {96, 64}},
    {"time_embedding.0.weight", {96, 256}},        {"blocks.0.ffn.0.weight", {256, 96}},
    {"blocks.0.modulation", {1, 6, 96}},           {"head.head.weight", {64, 96}},
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto path = fuzz::input_file(data, size);
    static const JobFolder folder(path, false), requested(path, true);
    const std::string text(fuzz::as_text(data, size));
    fuzz::expect_contract([&] { return !t3::read_layout(path).patterns.empty(); });
    fuzz::expect_contract([&] { return !apps::read_batch_list(path).items.empty(); });
    fuzz::expect_contract([&] { return !text::read_tokenizer_json(text, "input").model.empty(); });
    fuzz::expect_contract([&] { return film::claim_of_config(path).empty(); });
    static const ModelIndex model(path);
    fuzz::expect_contract([&] { return film::claim_of_folder(model.path()).empty(); });
    fuzz::expect_contract([&] { return job::parse_film_record(text).has_value(); });
    fuzz::expect_contract([&] { return is_read(requested.path()) || is_read(folder.path()); });
    fuzz::expect_contract([&] { return !job::front_door_of(folder.path()).empty(); });
    fuzz::expect_contract([&] { return read_job(folder.path()); });
    fuzz::expect_contract([&] { return is_of_film(requested.path()); });
    fuzz::expect_contract([&] { return models::infer_dit_config(kShapes, path, "input").heads > 0; });
    static const film::Settings defaults = film::resolve_settings({}, {}, {});
    for (const auto place : {&film::ModelFiles::generation, &film::ModelFiles::scheduler}) {
        film::ModelFiles files;
        files.*place = path;
        fuzz::expect_contract([&] {
            const film::Settings settings = film::resolve_settings(files, {}, {});
            film::frame_size(settings.width, settings.height, settings.frames, 16);
            return settings.steps != defaults.steps || settings.shift != defaults.shift;
        });
    }
    return 0;
}
