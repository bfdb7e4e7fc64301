// What tests of encoding clips share: a small model, little clips, and shards compared by what they hold.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "media/png.h"
#include "support/data_lists.h"
#include "training/data/encode.h"

namespace t3video::testing {

// Pictures 0.png, 1.png, ... of one level each, `step` apart.
inline std::filesystem::path write_levels(const std::filesystem::path& folder, int64_t count, int64_t width = 32,
                                          int64_t height = 32, int step = 5) {
    std::filesystem::create_directories(folder);
    for (int64_t i = 0; i < count; ++i) {
        media::Image image(width, height);
        std::fill(image.rgb.begin(), image.rgb.end(), static_cast<uint8_t>(i * step));
        media::write_png(folder / (std::to_string(i) + ".png"), image);
    }
    return folder;
}

// Every clip of a folder of shards: its notes and values, as bytes, by its key.
inline std::map<std::string, std::string> clips_in(const std::filesystem::path& folder) {
    std::map<std::string, std::string> clips;
    const training::ShardSet set(folder);
    for (size_t i = 0; i < set.size(); ++i) {
        const training::EncodedClip clip = set.clip(i);
        const training::ClipNotes& n = clip.notes;
        std::string bytes = concat(n.file, ' ', n.width, 'x', n.height, ' ', n.frames, ' ', n.fps, ' ', n.repeats);
        for (const std::string& caption : n.captions) bytes += "\n" + caption;
        const auto add = [&](const Tensor& x) {
            bytes += concat('\n', x.shape(), ' ');
            bytes.append(reinterpret_cast<const char*>(x.raw()), x.bytes());
        };
        add(clip.latents);
        for (const Tensor& text : clip.texts) add(text);
        clips[n.key] = bytes;
    }
    return clips;
}

class EncodingTest : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        files_ = std::make_unique<film::ModelFiles>(film::find_model(film::demo_model_folder()));
        networks_ = std::make_unique<film::Networks>(film::load_networks(*files_));
        tokenizer_ = std::make_unique<text::Tokenizer>(files_->need(film::Part::tokenizer));
    }
    static void TearDownTestSuite() {
        tokenizer_.reset();
        networks_.reset();
        files_.reset();
    }

    struct Listener final : training::EncodeObserver {
        void left_out(const training::LeftOut& clip) override { lines.push_back(clip.text().plain()); }
        void note(const Message& line) override { notes.push_back(line.plain()); }
        void stage(const std::string& name, int64_t, const std::string&) override { stages.push_back(name); }
        void advanced(int64_t done) override {
            if (stages.back() == "encode" && done >= stop_after) stop.request_stop();
        }
        std::vector<std::string> lines, notes, stages;
        int64_t stop_after = INT64_MAX;
        std::stop_source stop;
    };

    // 32x32, 5 frames, in shards of one clip each, unless the test says more.
    training::EncodeOptions options(const std::string& output) const {
        return {.model = {.size = {32, 32}, .frames = 5, .fps = 8, .cell = 16},
                .output = folder_ / output,
                .shard_bytes = 1,
                .readers = 2};
    }
    training::EncodeReport encode(const training::DataSet& set, const training::EncodeOptions& options) {
        listener_ = std::make_unique<Listener>();
        return encode_listening(set, options);
    }
    training::EncodeReport encode_listening(const training::DataSet& set, const training::EncodeOptions& options) {
        return training::encode_clips(ctx_, model(), set, options, *listener_, listener_->stop.get_token());
    }
    static training::EncodingModel model() { return {*networks_, *tokenizer_, {"vae", "t5", "tokens"}}; }
    training::DataSet read(const std::string& list) const { return training::read_data_list(folder_ / list); }

    static inline std::unique_ptr<film::ModelFiles> files_;
    static inline std::unique_ptr<film::Networks> networks_;
    static inline std::unique_ptr<text::Tokenizer> tokenizer_;
    TemporaryFolder folder_;
    Context ctx_;
    std::unique_ptr<Listener> listener_;
};

}  // namespace t3video::testing
