// The stages of a session, over the transformer that is trained.
#include "training/run/sample_films.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/paths.h"
#include "film/prompt_ids.h"
#include "media/contact_sheet.h"
#include "media/frame_writer.h"
#include "media/png.h"
#include "session/denoise.h"

namespace t3video::training {
namespace {

namespace fs = std::filesystem;

// The networks of files, but for the transformer: that is where it is trained.
class TrainedModel final : public session::Model {
  public:
    TrainedModel(const session::FileModel& files, const models::WanDit& dit) : Model(files.networks()), dit_(dit) {}

    models::WanDit dit(Context&, size_t, nn::Residency) const override { return dit_; }

  private:
    const models::WanDit& dit_;
};

class SampleWatch final : public session::Watch {
  public:
    SampleWatch(fs::path film, const film::Settings& settings, session::Observer& observer, std::stop_token stop)
        : path_(std::move(film)),
          settings_(settings),
          observer_(observer),
          stop_(std::move(stop)),
          sheet_(settings.frames) {}

    void begin(const char* stage, int64_t total, const char* unit) override { observer_.stage(stage, total, unit); }
    void starts(const sampling::Schedule&, const sampling::SampleState& state) override {
        observer_.advanced(state.step);
    }
    void stepped(const sampling::SampleState& state) override {
        stop_if_asked();
        observer_.advanced(state.step);
    }
    void frame(const media::Image& image) override {
        stop_if_asked();
        if (!writer_) writer_ = media::open_writer(path_, image.width, image.height, settings_.fps);
        writer_->write(image);
        sheet_.add(frames_++, image);
    }
    void decoded(int64_t frames) override { observer_.advanced(frames); }
    void end(const char*) override { observer_.stage_ended(); }

    void close(const fs::path& sheet) {
        writer_->close();
        media::write_png(sheet, sheet_.image());
    }

  private:
    void stop_if_asked() const {
        if (stop_.stop_requested()) throw Stopped(Message("stopped in a sample film"));
    }

    fs::path path_;
    const film::Settings& settings_;
    session::Observer& observer_;
    std::stop_token stop_;
    media::ContactSheet sheet_;
    std::unique_ptr<media::FrameWriter> writer_;
    int64_t frames_ = 0;
};

}  // namespace

film::Film sample_film_of(const session::FileModel& model, const RunOptions& o, int64_t width, int64_t height,
                          int64_t frames, double fps, const film::LayoutChoice& windows) {
    const film::ModelTraits traits = model.networks().traits();
    film::SettingChoices choices{.width = width, .height = height, .frames = frames, .steps = o.sample_steps};
    choices.fps = fps;
    film::Film film{.settings = film::resolve_settings(model.files(), traits, choices)};
    film.size = film::frame_size(width, height, frames, traits.cell);
    film.attention = windows;
    return film;
}

SampleFilms::SampleFilms(session::Session& session, session::FileModel& model, const RunOptions& o,
                         session::Observer& observer)
    : session_(session), model_(model), observer_(observer), prompts_(o.prompts) {
    if (!any()) return;
    const film::ModelTraits traits = model.networks().traits();
    film::Film film{.settings = film::resolve_settings(model.files(), traits, {.steps = o.sample_steps})};
    film.size = film::frame_size(film.settings.width, film.settings.height, film.settings.frames, traits.cell);
    film.attention.layout = t3::full_attention(film.size.grid);
    session::Watch watch;
    const auto ids_of = [&](const std::string& text) {
        return film::prompt_ids(model.tokenizer(), model.networks().text_encoder.config(), text).ids;
    };
    for (const std::string& prompt : prompts_) {
        session::Material material{.prompt = ids_of(prompt)};
        if (film.guided()) material.negative = ids_of(film.settings.negative_prompt);
        plan::Plan text = session.plan(model, film, material, session.machine());
        std::erase_if(text.stages, [](const plan::StagePlan& stage) { return stage.name != "text"; });
        session.run(model, film, text, material, watch);
        embeddings_.push_back(material.embeddings.value());
    }
    session.rest();
}

plan::Plan SampleFilms::plan(const session::Model& model, const film::Film& film,
                             const session::Material& material) const {
    return session::plan_film(model.networks(), film, material, session_.machine());
}

size_t SampleFilms::bytes(const film::Film& film) const {
    size_t most = 0;
    if (!any()) return most;
    const size_t taken = session_.machine().taken;
    for (const plan::StagePlan& stage : plan(model_, film, {.embeddings = embeddings_.front()}).stages) {
        // The transformer's weights are there already.
        const size_t there = taken + (stage.name == "denoise" ? stage.held : 0);
        most = std::max(most, stage.bytes - std::min(stage.bytes, there));
    }
    return most;
}

std::vector<SampleFilm> SampleFilms::make(const models::WanDit& dit, const film::Film& film, const fs::path& folder,
                                          const std::string& name, std::stop_token stop) const {
    std::vector<SampleFilm> made;
    if (!any()) return made;
    make_folders(folder);
    const TrainedModel model(model_, dit);
    const Shape latent = latent_shape(film, model.networks().vae.config());
    for (size_t i = 0; i < prompts_.size(); ++i) {
        session::Material material{.embeddings = embeddings_[i]};
        if (!film.guided()) material.embeddings->negative = Tensor();
        material.noise = [&](Context& ctx, int64_t draw) {
            return session::make_noise(ctx, latent, i, film::NoiseSource::cpu, 0, draw);
        };
        const std::string stem = concat(name, '-', i);
        SampleFilm sample{prompts_[i], folder / (stem + media::default_output().extension().string()),
                          folder / (stem + ".png")};
        SampleWatch watch(sample.film, film.settings, observer_, stop);
        session_.run(model, film, plan(model, film, material), material, watch);
        watch.close(sample.sheet);
        made.push_back(std::move(sample));
    }
    session_.rest();
    return made;
}

}  // namespace t3video::training
