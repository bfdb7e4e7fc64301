// Small training runs: encoded clips of random numbers for a tiny model, and what a run tells.
#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "checkpoint/tensor_source.h"
#include "core/hash_normal.h"
#include "core/message.h"
#include "support/films.h"
#include "training/data/encoders_of.h"
#include "training/run/run.h"

namespace t3video::testing {

inline film::Request tiny_model() {
    film::Request request;
    request.model = kGolden / "wan21-tiny/model";
    request.parts.tokenizer = kGolden / "tokenizer/spiece.model";
    return request;
}

// How clips are made.
struct ShardsOf {
    int64_t clips = 6, frames = 5, width = 64, height = 32;
    uint64_t seed = 0;
    int64_t not_a_number = -1;  // the clip that holds one
    bool of_another_vae = false;
};

// Clips whose latents are a pattern that a model can learn, with some noise, in two captions each. By a writer that
// takes whatever there is, as a damaged disk would.
inline void write_shards(const std::filesystem::path& folder, session::FileModel& model, const ShardsOf& of) {
    const auto dim = model.networks().text_encoder.config().dim;
    const auto& vae = model.networks().vae.config();
    const auto text_of = [&](int64_t rows, uint64_t seed) {
        Tensor text = empty_on_host({rows, dim}, DType::bf16);
        for (int64_t i = 0; i < text.numel(); ++i)
            text.data<bf16>()[i] = bf16(hash_normal(seed, static_cast<uint64_t>(i)));
        return text;
    };
    training::Encoders encoders = training::encoders_of(model);
    if (of.of_another_vae) encoders.vae += "0";
    std::map<std::string, Tensor> tensors{{"empty", text_of(1, 99)}};
    nlohmann::json list = nlohmann::json::array();
    for (int64_t i = 0; i < of.clips; ++i) {
        Tensor latents = empty_on_host({vae.z, (of.frames - 1) / 4 + 1, of.height / 8, of.width / 8});
        for (int64_t k = 0; k < latents.numel(); ++k)
            latents.data<float>()[k] = std::sin(0.7f * static_cast<float>(k % 13)) +
                                       0.3f * hash_normal(of.seed + static_cast<uint64_t>(i), static_cast<uint64_t>(k));
        if (i == of.not_a_number) latents.data<float>()[3] = std::numeric_limits<float>::quiet_NaN();
        const std::string number = std::to_string(i);
        tensors[number + ".latents"] = latents;
        tensors[number + ".text.0"] = text_of(3 + i % 4, 2 * static_cast<uint64_t>(i));
        tensors[number + ".text.1"] = text_of(5, 2 * static_cast<uint64_t>(i) + 1);
        list.push_back({{"key", concat(of.seed, '-', i, '-', of.width, ":0/1")},
                        {"file", "clip" + number + ".mp4"},
                        {"captions", {"one", "two"}},
                        {"width", of.width},
                        {"height", of.height},
                        {"frames", of.frames},
                        {"fps", 8.0},
                        {"repeats", 1}});
    }
    std::filesystem::create_directories(folder);
    checkpoint::save_safetensors(folder / concat(of.width, ".safetensors"), tensors,
                                 {{"t3video_clips", list.dump()},
                                  {"t3video_vae", encoders.vae},
                                  {"t3video_text_encoder", encoders.text_encoder},
                                  {"t3video_tokenizer", encoders.tokenizer}});
}

// Of that model on these clips.
inline training::RunOptions tiny_run(const std::filesystem::path& clips, const std::filesystem::path& output,
                                     int64_t updates) {
    training::RunOptions o;
    const film::Request model = tiny_model();
    o.model = model.model;
    o.parts = model.parts;
    o.output = output;
    o.stages = {{clips}};
    o.updates = updates;
    o.batch = 2;
    o.rate = 1e-3;
    o.layout = kGolden / "wan21-tiny/t3-layout.json";
    o.caption_dropout = 0.2;
    o.export_type = training::ExportType::f32;
    o.save_every = 4;
    return o;
}

class RunListener final : public training::RunObserver {
  public:
    std::function<void(const training::RunProgress&)> at = {};  // may throw

    std::optional<training::RunPlan> plan;
    std::vector<training::RunProgress> updates;
    std::vector<std::string> notes, warnings;

    void planned(const training::RunOptions&, const training::RunPlan& planned) override { plan = planned; }
    void updated(const training::RunProgress& progress) override {
        updates.push_back(progress);
        if (at) at(progress);
    }
    void note(const Message& line) override { notes.push_back(line.plain()); }
    void warn(const Message& line) override { warnings.push_back(line.plain()); }

    bool noted(const std::string& part) const {
        return std::ranges::any_of(notes,
                                   [&](const std::string& note) { return note.find(part) != std::string::npos; });
    }
    bool warned(const std::string& part) const {
        return std::ranges::any_of(warnings, [&](const std::string& w) { return w.find(part) != std::string::npos; });
    }
};

}  // namespace t3video::testing
