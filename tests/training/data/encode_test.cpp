// Clips to shards with the bundled model: what is encoded, what is left out, and how a run goes on.
#include "training/data/encode.h"

#include <algorithm>
#include <cmath>

#include "film/prompt_ids.h"
#include "ops/convert.h"
#include "support/encoding.h"
#include "training/data/folder_lock.h"

namespace t3video::training {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class Encode : public EncodingTest {
  protected:
    Encode() {
        for (const char* name : {"a", "b", "c"}) write_levels(folder_ / name, 9 + name[0] % 3, 40, 32, 3 + name[0] % 5);
        media::write_png(folder_ / "p.png", media::Image(64, 32));
        list("list.json", {"a", "b", "c", "p.png"});
    }
    void list(const std::string& name, const std::vector<std::string>& clips, const std::string& more = "") {
        std::string text;
        for (const std::string& clip : clips)
            text += concat(R"({"video": ")", clip, R"(", "prompt": ["Clip )", clip, R"(.", "Another)", more, "\"]}\n");
        write_file(folder_ / name, text);
    }
    static std::vector<std::string> files_of(const ShardSet& set) {
        std::vector<std::string> files;
        for (size_t i = 0; i < set.size(); ++i) files.push_back(fs::path(set.notes(i).file).filename());
        return files;
    }
};

TEST_F(Encode, ShardsHoldTheListInItsOrder) {
    const EncodeReport report = encode(read("list.json"), options("out"));
    EXPECT_EQ(report.done, 4);
    EXPECT_EQ(report.windows, 4);
    EXPECT_EQ(listener_->lines, std::vector<std::string>());
    const ShardSet set(folder_ / "out");
    EXPECT_EQ(files_of(set), (std::vector<std::string>{"a", "b", "c", "p.png"}));
    EXPECT_EQ(set.latent_shape(0), Shape({16, 2, 4, 4}));
    EXPECT_EQ(set.latent_shape(3), Shape({16, 1, 4, 4})) << "a picture is a clip of one frame";
    EXPECT_EQ(set.notes(0).fps, 8);
    EXPECT_EQ(set.encoders(), (Encoders{"vae", "t5", "tokens"}));
}

TEST_F(Encode, TextsAreThoseOfFilmsInBf16) {
    encode(read("list.json"), options("out"));
    const ShardSet set(folder_ / "out");
    const auto rows = [&](const std::string& caption) {
        const auto found = film::prompt_ids(*tokenizer_, networks_->text_encoder.config(), caption);
        return ops::convert(ctx_, nn::resident(ctx_, networks_->text_encoder).forward(ctx_, found.ids), DType::f32);
    };
    const auto expect_text = [&](const Tensor& found, const std::string& caption) {
        const Tensor expected = rows(caption), f32 = ops::convert(ctx_, found, DType::f32);
        ASSERT_EQ(found.dtype(), DType::bf16);
        ASSERT_EQ(found.shape(), expected.shape()) << caption;
        for (int64_t i = 0; i < expected.numel(); ++i) {
            const float a = f32.span<float>()[size_t(i)], b = expected.span<float>()[size_t(i)];
            ASSERT_NEAR(a, b, std::abs(b) / 250 + 1e-6) << caption;  // 8 bits, and packed weights' rounding
        }
    };
    ASSERT_EQ(set.clip(1).texts.size(), 2u);
    expect_text(set.clip(1).texts[0], "Clip b.");
    expect_text(set.clip(1).texts[1], "Another");
    expect_text(set.empty_text(), "");
    EXPECT_EQ(set.empty_text().dim(0), 1);
}

// In any number of runs, with any number of readers and any budget: the same clips.
TEST_F(Encode, GoesOn) {
    encode(read("list.json"), options("whole"));
    list("some.json", {"a", "c"});
    encode(read("some.json"), options("parts"));
    EncodeOptions slow = options("parts");
    slow.frame_bytes = 1;
    slow.readers = 1;
    const EncodeReport rest = encode(read("list.json"), slow);
    EXPECT_EQ(rest.there, 2);
    EXPECT_EQ(rest.done, 2);
    EXPECT_EQ(rest.others, 0);
    EXPECT_EQ(clips_in(folder_ / "parts"), clips_in(folder_ / "whole"));
    const EncodeReport nothing = encode(read("list.json"), slow);
    EXPECT_EQ(nothing.there, 4);
    EXPECT_EQ(listener_->stages, std::vector<std::string>{"look"}) << "no network is prepared";
    // Other captions are other clips, and those before them are counted.
    list("list.json", {"a", "b", "c", "p.png"}, " one");
    EXPECT_EQ(encode(read("list.json"), options("parts")).others, 4);
    EXPECT_EQ(ShardSet(folder_ / "parts").size(), 8u);
}

TEST_F(Encode, AStopKeepsWhatIsDone) {
    const DataSet set = read("list.json");
    encode(set, options("whole"));
    EncodeOptions o = options("out");
    o.shard_bytes = size_t{1} << 30;
    listener_ = std::make_unique<Listener>();
    listener_->stop_after = 2;
    const EncodeReport report = encode_listening(set, o);
    EXPECT_TRUE(report.stopped);
    EXPECT_EQ(report.done, 2);
    EXPECT_EQ(ShardSet(folder_ / "out").size(), 2u);
    EXPECT_FALSE(encode(set, o).stopped);
    EXPECT_EQ(clips_in(folder_ / "out"), clips_in(folder_ / "whole"));
}

// A length that is added is encoded, and those that are there are not again.
TEST_F(Encode, MoreWindowsAreAddedToThoseThatAreThere) {
    EncodeOptions o = options("out");
    encode(read("list.json"), o);
    o.choices.settings.target_frames = {5, 9};
    const EncodeReport report = encode(read("list.json"), o);
    EXPECT_EQ(report.windows, 3);
    EXPECT_EQ(report.others, 0);
    EXPECT_EQ(ShardSet(folder_ / "out").size(), 7u);
    // Pieces that overlap what was there, one of them the same.
    o.choices.settings = {.target_frames = {5}, .extraction = Extraction::slide, .stride = 2};
    const EncodeReport slid = encode(read("list.json"), o);
    EXPECT_EQ(slid.windows, 6 + 1);  // of 9, 10 and 11 frames 3, 3 and 4 pieces
    EXPECT_EQ(slid.others, 3);
}

TEST_F(Encode, WhatCannotBeEncodedIsNamedAndLeftOut) {
    write_levels(folder_ / "short", 4, 32, 32);
    write_file(folder_ / "broken.mp4", "no video");
    write_file(folder_ / "broken.png", "no picture");
    fs::create_directory(folder_ / "empty");
    fs::copy(folder_ / "b", folder_ / "copy");
    write_file(folder_ / "list.json", R"([{"video": "short", "prompt": "x"}, {"video": "broken.mp4", "prompt": "x"},
        {"video": "a", "prompt": "x"}, {"video": "broken.png", "prompt": "x"}, {"video": "gone.mp4", "prompt": "x"},
        {"video": "c"}, {"video": "b", "prompt": "x"}, {"video": "copy", "prompt": "x"},
        {"video": "empty", "prompt": "x"}])");
    const DataSet set = read("list.json");
    EXPECT_EQ(set.problems.size(), 2u) << "no file, and no caption";
    const EncodeReport report = encode(set, options("out"));
    EXPECT_EQ(report.done, 2);
    EXPECT_EQ(report.left_out.at(LeftOut::Kind::too_short), 1);
    EXPECT_EQ(report.left_out.at(LeftOut::Kind::broken), 3);
    EXPECT_EQ(report.left_out.at(LeftOut::Kind::repeated), 1);
    EXPECT_EQ(report.about_left_out(), "3 cannot be read, 1 too short, 1 repeated");
    EXPECT_EQ(files_of(ShardSet(folder_ / "out")), (std::vector<std::string>{"a", "b"}));
    ASSERT_EQ(listener_->lines.size(), 5u);
    for (const char* name : {"short", "broken.mp4", "broken.png", "copy", "empty"}) {
        const auto names = [&](const std::string& line) { return line.find(name) != std::string::npos; };
        EXPECT_EQ(std::ranges::count_if(listener_->lines, names), 1) << name;
    }
    write_file(folder_ / "bad.json", R"([{"video": "short", "prompt": "x"}, {"video": "broken.mp4", "prompt": "x"}])");
    expect_invalid([&] { encode(read("bad.json"), options("none")); },
                   {"no clip could be encoded", "1 cannot be read, 1 too short"});
}

TEST_F(Encode, LatentsThatAreNotFiniteAreLeftOut) {
    film::Networks broken = *networks_;
    broken.vae.for_each_param("", [&](const std::string& name, nn::Param& param) {
        if (name != "conv1.bias") return;
        Tensor bias = zeros(ctx_, {param.value.numel()});
        bias.data<float>()[0] = NAN;
        param.value = bias;
    });
    listener_ = std::make_unique<Listener>();
    const EncodingModel other{broken, *tokenizer_, {}};
    expect_invalid([&] { encode_clips(ctx_, other, read("list.json"), options("out"), *listener_); },
                   {"4 without finite latents"});
    EXPECT_EQ(listener_->lines.size(), 4u);
}

TEST_F(Encode, RefusesBeforeItBegins) {
    const DataSet set = read("list.json");
    encode(set, options("out"));
    const auto refused = [&](const EncodeOptions& o, const std::vector<std::string>& parts) {
        expect_invalid([&] { encode(set, o); }, parts);
        EXPECT_EQ(std::ranges::count(listener_->stages, "encode"), 0);
    };
    const EncodingModel other{*networks_, *tokenizer_, {"vae", "another", "tokens"}};
    expect_invalid([&] { encode_clips(ctx_, other, set, options("out"), *listener_); },
                   {"another text encoder", "another folder"});
    EncodeOptions o = options("new");
    o.memory = 1 << 20;
    refused(o, {"encoding captions needs", "memory"});
    o.memory = 400 << 20;
    o.model.size = {1024, 1024};
    refused(o, {"encoding clips of 1024x1024, 5 frames, needs", "what fits: size "});
    EXPECT_FALSE(fs::exists(folder_ / "new"));
    const auto choices = [&](const EncodeChoices& c, const std::vector<std::string>& parts) {
        EncodeOptions asked = options("new");
        asked.choices = c;
        refused(asked, parts);
    };
    choices({.settings = {.target_frames = {6}}}, {"frames 6", "4k+1"});
    choices({.settings = {.resolutions = {{8, 32}}}}, {"size 8x32", "16 to"});
    choices({.settings = {.stride = 3}}, {"stride 3 belongs to extraction slide"});
    choices({.settings = {.sample = 3}}, {"sample 3 belongs to extraction uniform"});
    choices({.settings = {.max_frames = 9}}, {"max-frames 9 belongs to extraction full"});
    choices({.settings = {.target_frames = {5}, .extraction = Extraction::full}}, {"frames", "max-frames limits"});
    choices({.fps = 10, .every_frame = true}, {"every-frame", "excludes fps"});
    choices({.fps = 0.001}, {"fps 0.001", "0.01 to 1000"});
    o = options("list.json");
    refused(o, {"list.json", "is no folder"});
}

TEST_F(Encode, OneRunAtATimeWritesToAFolder) {
    {
        const FolderLock other(folder_ / "out", "encodes into this folder");
        expect_invalid([&] { encode(read("list.json"), options("out")); }, {"out: another process encodes"});
    }
    EXPECT_FALSE(fs::exists(folder_ / "out")) << "nothing came of it";
    EXPECT_EQ(encode(read("list.json"), options("out")).done, 4);
}

// What the user says goes before what a list says, and what neither says is the model's.
TEST_F(Encode, RulesComeFromTheUserTheListAndTheModelInThisOrder) {
    const ModelDefaults model{.size = {832, 480}, .frames = 81, .fps = 16, .cell = 16};
    DataSet set;
    set.groups = {{},
                  {.target_frames = {1, 25},
                   .extraction = Extraction::chunk,
                   .source_fps = 30,
                   .resolutions = {{854, 480}},
                   .no_upscale = true}};
    const auto plain = rules_of(set, {}, model);
    EXPECT_EQ(plain[0].sizes, (std::vector<Size>{{832, 480}}));
    EXPECT_EQ(plain[0].windows, (WindowSettings{.target_frames = {81}}));
    EXPECT_EQ(plain[1].sizes, (std::vector<Size>{{864, 480}})) << "whole cells";
    EXPECT_EQ(plain[1].windows, (WindowSettings{.target_frames = {1, 25}, .extraction = Extraction::chunk}));
    EXPECT_EQ(plain[1].source_fps, 30);
    const auto asked = rules_of(set,
                                {.settings = {.target_frames = {17},
                                              .resolutions = {{3840, 2160}, {512, 512}},
                                              .buckets = false,
                                              .no_upscale = false},
                                 .fps = 24},
                                model);
    for (const ClipRules& rules : asked) {
        EXPECT_EQ(rules.sizes, (std::vector<Size>{{512, 512}, {3840, 2176}}));
        EXPECT_EQ(rules.windows.target_frames, std::vector<int64_t>{17});
        EXPECT_FALSE(rules.no_upscale);
        EXPECT_EQ(rules.fps, 24);
    }
    EXPECT_EQ(asked[1].windows.extraction, Extraction::chunk);
    const auto buckets = rules_of(set, {.settings = {.buckets = true}}, model);
    EXPECT_EQ(buckets[0].sizes, aspect_sizes({832, 480}, 16));
    const auto every = rules_of(set, {.every_frame = true}, model);
    EXPECT_FALSE(every[1].source_fps);
}

}  // namespace
}  // namespace t3video::training
