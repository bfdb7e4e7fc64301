// A film at work in its job: what stages leave is saved, what they tell is passed on, frames become files.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "job/film_record.h"
#include "job/outputs.h"
#include "media/contact_sheet.h"
#include "media/frame_writer.h"
#include "session/model.h"
#include "session/safe_points.h"
#include "session/stages.h"

namespace t3video::session {

// The sound of a film: that of this video, or why it has none where one might expect it.
struct Sound {
    std::filesystem::path video;
    Message silence;
};
Sound sound_of(const film::Request& request);

// A film of a job, and where and how it is written.
struct JobFilm {
    film::Request request;  // with an output
    film::Film film;
    job::FilmOrigin origin;
    media::FilmFormat format;  // of the output
    std::string form;          // what the file depends on beside its latents, as text
    job::SideFiles side;       // once they are claimed
    Sound sound = {};

    // Throws InvalidRequest unless a film of this size, rate and length can be written to the output.
    void check_output() const;
    // Fills in format and form, once the sound is known. `decoder`: FileModel::decoder_record.
    void settle_format(const nlohmann::json& decoder);
    // Claims the output and what goes beside it: job::claim_outputs. The observer hears what people should know of it.
    void claim(const job::WrittenFiles& written, const std::vector<std::filesystem::path>& inputs, Observer& observer);
    // Whether this very film is there, as the request wants it written.
    bool is_there(const job::WrittenFiles& written) const;
};

class FilmWatch final : public Watch {
  public:
    // `colours`: for previews, null where none are wanted.
    FilmWatch(Context& ctx, const FileModel& model, const JobFilm& film, job::Job& job, Material& material, Asker asker,
              LatentPainter painter);

    void begin(const char* stage, int64_t total, const char* unit) override;
    void prepared(const plan::StagePlan& stage, double seconds) override;
    void embedded(const Tensor& rows, int64_t prompts) override;
    void encoding(int64_t frames) override;
    void starts(const sampling::Schedule& schedule, const sampling::SampleState& state) override;
    void stepped(const sampling::SampleState& state) override;
    void frame(const media::Image& frame) override;
    void decoded(int64_t frames) override;
    void end(const char* stage) override;

    // Whether values of the denoising were no numbers.
    bool broken() const { return steps_ && steps_->broken(); }

  private:
    std::string record() const;
    void write_picture(const std::filesystem::path& path, const media::Image& image);
    void give_names(const std::vector<const PartialFile*>& files, const std::string& form,
                    const std::function<void()>& name);
    void open_film();
    void close_film();

    Context& ctx_;
    const FileModel& model_;
    const JobFilm& film_;
    job::Job& job_;
    Material& material_;
    Asker asker_;
    LatentPainter painter_;  // of previews; empty: there are none
    int64_t total_ = 0;      // of the stage's units
    std::optional<StepWatch> steps_;
    std::optional<DecodeWatch> frames_;
    std::unique_ptr<media::FrameWriter> writer_;
    std::optional<media::ContactSheet> sheet_;
};

}  // namespace t3video::session
