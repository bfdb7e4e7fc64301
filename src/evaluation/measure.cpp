// Both films are read side by side, a frame ahead of what is being measured.
#include "evaluation/measure.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/error.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/paths.h"
#include "evaluation/latents.h"
#include "evaluation/meters/banding.h"
#include "evaluation/meters/colour.h"
#include "evaluation/meters/fidelity.h"
#include "evaluation/meters/flow.h"
#include "evaluation/meters/spectrum.h"
#include "evaluation/meters/stillness.h"
#include "evaluation/picture_numbers.h"
#include "evaluation/vmaf.h"
#include "job/film_record.h"
#include "media/film_comment.h"
#include "media/input/container_end.h"
#include "media/input/film_reader.h"

namespace t3video::evaluation {
namespace {

bool holds(std::span<const Metric> metrics, const Metric* metric) {
    return metric >= metrics.data() && metric < metrics.data() + metrics.size();
}

bool wants(const MeasureOptions& options, std::span<const Metric> metrics) {
    return std::ranges::any_of(options.metrics, [&](const Metric* metric) { return holds(metrics, metric); });
}

void set_luma(Frame& frame) {
    const size_t pixels = frame.image.rgb.size() / 3;
    frame.luma.resize(pixels);
    const uint8_t* rgb = frame.image.rgb.data();
    for (size_t i = 0; i < pixels; ++i)
        frame.luma[i] = 0.2126F * rgb[3 * i] + 0.7152F * rgb[3 * i + 1] + 0.0722F * rgb[3 * i + 2];
}

std::string frames_text(int64_t count) {
    return concat(count, count == 1 ? " frame" : " frames");
}

// A film's frames, one after the other. Throws InvalidRequest where some of them are known to be missing.
class FrameStream {
  public:
    FrameStream(const std::filesystem::path& path, int64_t memory, const std::stop_token& stop)
        : path_(path), reader_(media::open_frames(path, memory, stop)) {
        if (is_folder(path)) check_numbers(path, media::pictures_in(path));
    }

    FilmShape shape() const {
        return {.width = reader_->width(), .height = reader_->height(), .frames = frames_, .fps = reader_->fps()};
    }
    // Fetches the next frame into `frame`; false at the end.
    bool read(Frame& frame) {
        if (!reader_->read(frame.image)) {
            const bool in_frame = !is_folder(path_) && media::end_of_video(path_) == media::FileEnd::in_frame;
            require_valid(!in_frame, path_.string(),
                          ": damaged, or its recording was cut: it ends within a frame, behind ", frames_text(frames_),
                          " that are whole");
            return false;
        }
        frame.index = frames_++;
        set_luma(frame);
        return true;
    }

  private:
    std::filesystem::path path_;
    std::unique_ptr<media::FrameReader> reader_;
    int64_t frames_ = 0;
};

std::string words_of_unread(const std::string& reference) {
    return concat("its reference ", reference, " cannot be read");
}

// The frames that others are compared with, as long as they can be.
class ReferenceStream {
  public:
    // Null: there is none.
    ReferenceStream(const FilmFile* file, const FilmShape& film, int64_t memory, const std::stop_token& stop)
        : name_(file ? file->path.string() : std::string()) {
        if (!file) return;
        reading([&] { frames_.emplace(file->path, memory, stop); });
        if (!frames_) return;
        const FilmShape own = frames_->shape();
        // Rates are rounded in files: 29.97 is 30000/1001.
        const bool have_rates = film.fps > 0 && own.fps > 0;
        if (film.width != own.width || film.height != own.height)
            give_up("it is ", film.width, 'x', film.height, ", its reference ", name_, " is ", own.width, 'x',
                    own.height);
        else if (have_rates && std::abs(film.fps - own.fps) > 0.005 * own.fps)
            give_up("it has ", film.fps, " frames per second, its reference ", name_, " has ", own.fps);
    }
    bool is_open() const { return frames_.has_value(); }
    bool read(Frame& frame) {
        bool read = false;
        if (frames_) reading([&] { read = frames_->read(frame); });
        return read;
    }
    // After all frames of the film.
    void check_length(int64_t film_frames) {
        Frame rest;
        while (read(rest)) {
        }
        if (!frames_) return;
        const int64_t own = frames_->shape().frames;
        if (own != film_frames) give_up("it has ", frames_text(film_frames), ", its reference ", name_, " has ", own);
    }
    // Why the films cannot be compared; empty where they can, or where there is no reference.
    const std::string& trouble() const { return trouble_; }

  private:
    // What is wrong with the reference is said of it, once, and not of each film that it is a reference of.
    template <class Work>
    void reading(const Work& work) {
        try {
            work();
        } catch (const InvalidRequest&) {
            give_up(words_of_unread(name_));
        }
    }
    template <class... Parts>
    void give_up(const Parts&... why) {
        trouble_ = concat(why...);
        frames_.reset();
    }

    std::string name_, trouble_;
    std::optional<FrameStream> frames_;
};

// How many frames a film has, before they are read; 0 where the file does not say.
int64_t stated_frames(const std::filesystem::path& film) try {
    if (is_folder(film)) return std::ssize(media::pictures_in(film));
    const media::VideoInfo info = media::read_film_info(film);
    return info.fps ? std::llround(info.duration * info.fps->value()) : 0;
} catch (const InvalidRequest&) {
    return 0;
}

// The meters of a film.
class Meters {
  public:
    Meters(const FilmShape& shape, bool with_reference, const MeasureOptions& options) : options_(options) {
        // Those that take longest first, so that threads end together.
        if (with_reference) add(fidelity_metrics(), [&] { return fidelity_meter(shape); });
        comparing_ = meters_.size();
        add(flow_metrics(), [&] { return flow_meter(shape); });
        add(spectrum_metrics(), [&] { return spectrum_meter(shape); });
        add(stillness_metrics(), [&] { return stillness_meter(shape); });
        add(banding_metrics(), [&] { return banding_meter(shape); });
        add(grid_metrics(), [&]() -> std::unique_ptr<Meter> {
            const auto windows = options.windows ? options.windows(shape) : std::nullopt;
            return windows ? grid_meter(shape, *windows) : nullptr;
        });
        add(colour_metrics(), [&] { return colour_meter(shape); });
    }
    size_t size() const { return meters_.size(); }

    // `reference`: null where there is none at this place.
    void take(size_t i, const Frame& film, const Frame* reference) {
        if (i >= comparing_)
            meters_[i]->take(film, nullptr);
        else if (reference)
            meters_[i]->take(film, reference);
    }
    // Those that are wanted. `compared`: together with those that compare.
    std::vector<Value> values(bool compared) {
        std::vector<Value> all;
        for (size_t i = compared ? 0 : comparing_; i < meters_.size(); ++i) {
            for (Value& value : meters_[i]->values()) {
                if (std::ranges::count(options_.metrics, value.metric) > 0) all.push_back(std::move(value));
            }
        }
        return all;
    }

  private:
    template <class Make>
    void add(std::span<const Metric> metrics, const Make& make) {
        if (!wants(options_, metrics)) return;
        if (std::unique_ptr<Meter> meter = make()) meters_.push_back(std::move(meter));
    }

    const MeasureOptions& options_;
    std::vector<std::unique_ptr<Meter>> meters_;
    size_t comparing_ = 0;  // the first of them compare
};

struct FramePair {
    Frame film, reference;
    bool has_film = false, has_reference = false;
};

void measure_frames(const FilmFile& film, const FilmFile* reference, const MeasureOptions& options,
                    const std::stop_token& stop, FilmResult& result) {
    // The film's and the reference's.
    const int64_t memory = (options.memory > 0 ? options.memory : available_memory()) / (reference ? 2 : 1);
    FrameStream frames(film.path, memory, stop);
    const bool compares = wants(options, fidelity_metrics()) || (options.vmaf && wants(options, vmaf_metrics()));
    ReferenceStream others(compares ? reference : nullptr, frames.shape(), memory, stop);
    FilmShape stated = frames.shape();
    stated.frames = stated_frames(film.path);
    Meters meters(stated, others.is_open(), options);
    const auto read = [&](FramePair& pair) {
        pair.has_film = frames.read(pair.film);
        pair.has_reference = others.read(pair.reference);
    };
    // One pair is measured while the next is read.
    FramePair pairs[2];
    FramePair *now = &pairs[0], *next = &pairs[1];
    read(*now);
    require_valid(now->has_film, film.path.string(), ": no frames in this film");
    while (now->has_film) {
        if (stop.stop_requested()) throw Stopped(Message("stopped in the middle of ", film.path.string()));
        parallel_for(options.threads, 0, static_cast<int64_t>(meters.size()) + 1, 1, [&](int64_t first, int64_t last) {
            for (int64_t i = first; i < last; ++i) {
                if (i == 0)
                    read(*next);
                else
                    meters.take(static_cast<size_t>(i - 1), now->film, now->has_reference ? &now->reference : nullptr);
            }
        });
        if (options.progress) options.progress(now->film.index + 1);
        std::swap(now, next);
    }
    result.shape = frames.shape();
    others.check_length(result.shape.frames);
    if (!others.trouble().empty()) result.not_compared = others.trouble();
    result.values = meters.values(others.is_open());
    if (!others.is_open() || !options.vmaf || !wants(options, vmaf_metrics())) return;
    Value vmaf = measure_vmaf(*options.vmaf, film.path, reference->path, options.program_seconds, stop);
    const auto behind = std::ranges::find_if(result.values, [](const Value& v) { return !v.metric->compares; });
    result.values.insert(behind, std::move(vmaf));
}

void measure_latents(const FilmFile& film, const FilmFile* reference, FilmResult& result) {
    result.shape = latent_shape(film.path);
    check_latents(film.path);
    if (!reference) return;
    try {
        check_latents(reference->path);
    } catch (const InvalidRequest&) {
        result.not_compared = words_of_unread(reference->path.string());
        return;
    }
    try {
        result.values = compare_latents(film.path, reference->path);
    } catch (const InvalidRequest& error) {
        result.not_compared = error.what();
    }
}

// The prompt in a film's record; empty where it carries none.
std::string recorded_prompt(const std::filesystem::path& film) {
    try {
        const auto record = job::parse_film_record(media::read_film_info(film).comment);
        if (!record) return {};
        for (const auto& [name, values] : record->options) {
            if (name == "prompt" && values.size() == 1) return values.front();
        }
    } catch (const InvalidRequest&) {  // frames of another program, in their own numbers
    }
    return {};
}

}  // namespace

bool can_measure(const Metric& metric) {
    const FilmShape any{.width = 64, .height = 64};
    if (holds(flow_metrics(), &metric)) return flow_meter(any) != nullptr;
    if (holds(spectrum_metrics(), &metric)) return spectrum_meter(any) != nullptr;
    return true;
}

FilmResult measure_film(const FilmFile& film, const FilmFile* reference, const MeasureOptions& options,
                        const std::stop_token& stop) {
    FilmResult result;
    result.name = film.name;
    result.film = film.path;
    if (reference) result.reference = reference->path;
    try {
        const bool alike = !reference || reference->latents == film.latents;
        if (!alike)
            result.not_compared = concat("it is ", film.latents ? "latents" : "a film", ", its reference ",
                                         reference->path.string(), " is ", film.latents ? "a film" : "latents");
        const FilmFile* const other = alike ? reference : nullptr;
        if (film.latents) {
            measure_latents(film, other, result);
        } else {
            result.prompt = recorded_prompt(film.path);
            measure_frames(film, other, options, stop, result);
        }
    } catch (const InvalidRequest& error) {
        result.error = options.words ? options.words(error.message()) : error.what();
        result.not_compared.clear();
        result.values.clear();
    }
    return result;
}

}  // namespace t3video::evaluation
