// The JSON that the program reads beside weights: each reader gets every input.
#include <array>
#include <map>

#include "apps/common/batch_list.h"
#include "fuzz.h"
#include "models/wan_dit/config.h"
#include "pipeline/film_record.h"
#include "pipeline/identity.h"
#include "pipeline/job_files.h"
#include "pipeline/settings.h"
#include "t3/window_layout.h"

using namespace t3video;

namespace {

// A folder whose files have the input's contents: the request only, or all others of a job.
class JobFolder {
  public:
    JobFolder(const std::filesystem::path& input, bool request) {
        for (const std::string file : pipeline::kJobFiles) {
            if ((file == pipeline::kRequest) == request) std::filesystem::create_symlink(input, folder_ / file);
        }
        if (!request)
            testing::write_file(folder_ / pipeline::kRequest, pipeline::dumped_request({{"prompt", "A star."}}));
    }
    const std::filesystem::path& path() const { return folder_.path(); }

  private:
    testing::TemporaryFolder folder_;
};

bool read_job(const std::filesystem::path& folder) {
    const pipeline::SavedStages saved = pipeline::read_stages(folder, 1);
    const bool listed = pipeline::WrittenFiles(folder).has(folder / "request.json");
    return saved.embeddings || saved.latents || saved.input || listed || pipeline::read_decoded(folder);
}

bool is_read(const std::filesystem::path& folder) {
    const auto job = pipeline::look_at_job(folder);
    return job && job->trouble.empty();
}

bool is_of_film(const std::filesystem::path& folder) {
    const nlohmann::json request = pipeline::request_of_job(folder);
    return pipeline::holder_of(folder, request) == pipeline::Holder::film && !pipeline::film_id(request).empty();
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
    fuzz::expect_contract([&] { return !apps::read_batch_list(path).empty(); });
    fuzz::expect_contract([&] { return pipeline::parse_film_record(text).has_value(); });
    fuzz::expect_contract([&] { return is_read(requested.path()) || is_read(folder.path()); });
    fuzz::expect_contract([&] { return !pipeline::command_of_job(folder.path()).empty(); });
    fuzz::expect_contract([&] { return read_job(folder.path()); });
    fuzz::expect_contract([&] { return is_of_film(requested.path()); });
    fuzz::expect_contract([&] { return models::infer_dit_config(kShapes, path, "input").heads > 0; });
    static const pipeline::Settings defaults = pipeline::resolve_settings({}, {}, {});
    for (const auto place : {&pipeline::ModelFiles::generation, &pipeline::ModelFiles::scheduler}) {
        pipeline::ModelFiles files;
        files.*place = path;
        fuzz::expect_contract([&] {
            const pipeline::Settings settings = pipeline::resolve_settings(files, {}, {});
            pipeline::plan_frames(settings.width, settings.height, settings.frames, 16);
            return settings.steps != defaults.steps || settings.shift != defaults.shift;
        });
    }
    return 0;
}
