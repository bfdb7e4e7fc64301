// One little data set in every form that lists of trainers have.
#include "training/data/data_list.h"

#include <gtest/gtest.h>

#include "support/data_lists.h"

namespace t3video::training {
namespace {

using namespace testing;

// The clips a.mp4, b.mkv and p.png of a folder, which every form below describes.
class DataListForms : public ::testing::Test {
  protected:
    DataListForms() {
        for (const char* name : {"a.mp4", "b.mkv", "p.png"}) write_file(folder_ / name, "clip");
    }
    std::filesystem::path list(const std::string& name, const std::string& text) {
        return write_file(folder_ / name, text);
    }
    void write_captions(const std::string& extension) {
        list("a" + extension, kCaptionA);
        list("b" + extension, std::string("\xEF\xBB\xBF\n") + kCaptionB + "\r\n");
        list("p" + extension, kCaptionP);
    }
    void expect_all(const DataSet& set) {
        const std::vector<DataItem> expected = {{folder_ / "a.mp4", ClipKind::video, {kCaptionA}},
                                                {folder_ / "b.mkv", ClipKind::video, {kCaptionB}},
                                                {folder_ / "p.png", ClipKind::picture, {kCaptionP}}};
        EXPECT_EQ(set.items, expected);
        EXPECT_EQ(problems_of(set), std::vector<std::string>());
        EXPECT_EQ(set.groups, std::vector<DataSettings>(1));
    }

    // With what CSV, JSON and TOML have to quote, and characters of several bytes.
    static constexpr const char* kCaptionA = "A red ball, \"fast\",\nrolls left.";
    static constexpr const char* kCaptionB = "Ein gr\xC3\xBCner W\xC3\xBCrfel; \xE6\xB0\xB4.";
    static constexpr const char* kCaptionP = "A cat";
    TemporaryFolder folder_;
};

constexpr const char* kJsonA = R"("A red ball, \"fast\",\nrolls left.")";
constexpr const char* kJsonB = R"("Ein gr\u00fcner W\u00fcrfel; 水.")";

std::string record(const std::string& path, const std::string& file, const std::string& caption,
                   const std::string& text) {
    return concat("{\"", path, "\": \"", file, "\", \"", caption, "\": ", text, "}");
}

std::string records(const std::string& path, const std::string& caption, const std::string& between) {
    return record(path, "a.mp4", caption, kJsonA) + between + record(path, "./b.mkv", caption, kJsonB) + between +
           record(path, "p.png", caption, "\"A cat\"");
}

TEST_F(DataListForms, Json) {
    for (const auto& [path, caption] : {std::pair("data_file", "prompt_en"),
                                        {"video", "prompt"},
                                        {"video_path", "caption"},
                                        {"path", "cap"},
                                        {"video", "caption"},
                                        {"file_name", "text"}}) {
        expect_all(read_data_list(list("list.json", "\xEF\xBB\xBF [" + records(path, caption, ",\n") + "]\n")));
        expect_all(read_data_list(list("list.jsonl", records(path, caption, "\r\n\n") + "\n")));
        expect_all(read_data_list(list("named otherwise", records(path, caption, "\n"))));
    }
    expect_all(read_data_list(list(
        "captions of files", concat("{\"a.mp4\": ", kJsonA, ",\n \"b.mkv\": [", kJsonB, "], \"p.png\": \"A cat\"}"))));
}

TEST_F(DataListForms, Csv) {
    const std::string a = "\"A red ball, \"\"fast\"\",\nrolls left.\"", b = std::string("\"") + kCaptionB + "\"";
    expect_all(read_data_list(
        list("list.csv", "\xEF\xBB\xBFvideo,prompt\r\na.mp4," + a + "\r\n\r\n\"b.mkv\"," + b + "\r\np.png,A cat\r\n")));
    expect_all(read_data_list(list("list.csv", "prompt,video\n" + a + ",a.mp4\n" + b + ",b.mkv\nA cat,p.png")));
    expect_all(read_data_list(list("list.csv", "video;prompt\na.mp4;" + a + "\nb.mkv;" + b + "\np.png;A cat\n")));
    expect_all(read_data_list(list("list.tsv", "video\tprompt\na.mp4\t" + a + "\nb.mkv\t" + b + "\np.png\tA cat\n")));
    // A column for each kind, as DiffSynth has them.
    expect_all(
        read_data_list(list("list.csv", "image,video,prompt\n,a.mp4," + a + "\n,b.mkv," + b + "\np.png,,A cat\n")));
}

TEST_F(DataListForms, FolderOfClips) {
    write_captions(".txt");
    list(".hidden.mp4", "clip");
    list("notes.md", "text");
    expect_all(read_data_list(folder_.path()));
    expect_all(read_data_list(folder_ / ""));
}

TEST_F(DataListForms, FolderOfClipsWithOtherCaptions) {
    write_captions(".caption.md");
    expect_all(read_data_list(folder_.path(), {.caption_extension = ".caption.md"}));
    expect_all(read_data_list(folder_.path(), {.caption_extension = "caption.md"}));
}

TEST_F(DataListForms, FolderWithAList) {
    write_captions(".txt");
    const std::string csv = concat("video,prompt\na.mp4,of the CSV\n"), jsonl = records("video", "caption", "\n");
    for (const char* name : {"clips.json", "captions.json", "videos2caption.json", "metadata.json", "metadata.jsonl"}) {
        const auto path = list(name, jsonl);
        expect_all(read_data_list(folder_.path()));
        list("metadata.csv", csv);
        const DataSet set = read_data_list(folder_.path());
        EXPECT_EQ(set.items.at(0).captions, std::vector<std::string>{"of the CSV"});
        EXPECT_EQ(set.passed_over, std::vector<std::string>{name});
        std::filesystem::remove(path);
        std::filesystem::remove(folder_ / "metadata.csv");
    }
}

TEST_F(DataListForms, FastVideo) {
    std::filesystem::create_directory(folder_ / "videos");
    for (const char* name : {"a.mp4", "b.mkv", "p.png"})
        std::filesystem::rename(folder_ / name, folder_ / "videos" / name);
    list(
        "videos2caption.json",
        concat(
            R"([{"path": "a.mp4", "resolution": {"width": 848, "height": 480}, "fps": 30.0, "duration": 6.03, "cap": [)",
            kJsonA, R"(, "Another."]}, {"path": "b.mkv", "num_frames": 93, "cap": [)", kJsonB, "]}]"));
    const DataSet set = read_data_list(folder_.path());
    const std::vector<DataItem> expected = {{folder_ / "videos/a.mp4", ClipKind::video, {kCaptionA, "Another."}},
                                            {folder_ / "videos/b.mkv", ClipKind::video, {kCaptionB}}};
    EXPECT_EQ(set.items, expected);
    EXPECT_EQ(problems_of(set), std::vector<std::string>());
    EXPECT_EQ(set.passed_over, (std::vector<std::string>{"duration", "fps", "resolution", "num_frames"}));
    const auto from_root = list("list.csv", "path,cap\n/a.mp4,A\na.mp4,A\n");
    EXPECT_EQ(problems_of(read_data_list(from_root)),
              std::vector<std::string>{from_root.string() + ": line 2: there is no file '/a.mp4'"});
}

TEST_F(DataListForms, BaseFolderAndWholePaths) {
    const TemporaryFolder elsewhere;
    const auto away = write_file(elsewhere / "list.json", "[" + records("video", "prompt", ",") + "]");
    expect_all(read_data_list(away, {.base = folder_.path()}));
    std::string whole = "video,prompt\n";
    for (const char* name : {"a.mp4", "p.png"}) whole += (folder_ / name).string() + ",A clip\n";
    EXPECT_EQ(read_data_list(write_file(elsewhere / "list.csv", whole)).items.at(1).file, folder_ / "p.png");
}

TEST_F(DataListForms, MusubiTuner) {
    write_captions(".cap");
    list("videos.jsonl",
         record("video_path", "a.mp4", "caption", kJsonA) + "\n" + record("video_path", "b.mkv", "caption", kJsonB));
    list("pictures.jsonl", record("image_path", "p.png", "caption", "\"A cat\""));
    const std::string general = R"(
[general]
resolution = [960, 544]
caption_extension = ".cap"
batch_size = 1
enable_bucket = true
bucket_no_upscale = false
num_repeats = 2
)";
    const std::string settings = R"(
target_frames = [25, 1, 45]
frame_extraction = "uniform"
frame_sample = 4
frame_stride = 10
max_frames = 93
source_fps = 30
cache_directory = "/cache"
num_repeats = 1
bucket_no_upscale = true
)";
    const DataSettings for_all = {.resolutions = {{960, 544}}, .buckets = true, .no_upscale = false};
    DataSettings own = for_all;
    own.target_frames = {1, 25, 45};
    own.extraction = Extraction::uniform;
    own.sample = 4;
    own.stride = 10;
    own.max_frames = 93;
    own.source_fps = 30;
    own.no_upscale = true;
    for (const std::string kind : {"directory", "jsonl_file"}) {
        const bool folder = kind == "directory";
        const auto source = [&](const char* name, const char* file) {
            return concat("[[datasets]]\n", name, kind, " = \"", folder ? "." : file, "\"\n");
        };
        const DataSet set =
            read_data_list(list("data.toml", general + source("video_", "videos.jsonl") + settings +
                                                 source("image_", "pictures.jsonl") + "resolution = 512\n"));
        const std::vector<DataItem> expected = {
            {folder_ / "a.mp4", ClipKind::video, {kCaptionA}, 1, 0},
            {folder_ / "b.mkv", ClipKind::video, {kCaptionB}, 1, 0},
            {folder_ / "p.png", ClipKind::picture, {kCaptionP}, 2, 1},
        };
        EXPECT_EQ(set.items, expected);
        EXPECT_EQ(problems_of(set), std::vector<std::string>());
        DataSettings pictures = for_all;
        pictures.resolutions = {{512, 512}};
        EXPECT_EQ(set.groups, (std::vector{own, pictures}));
        EXPECT_EQ(set.passed_over, (std::vector<std::string>{"batch_size", "cache_directory"}));
    }
}

TEST_F(DataListForms, DiffusionPipe) {
    write_captions(".txt");
    const std::string top = R"(
resolutions = [512, [1280, 720]]
enable_ar_bucket = true
min_ar = 0.5
max_ar = 2.0
num_ar_buckets = 3
frame_buckets = [1, 33, 65]
)";
    const std::string directory = concat("[[directory]]\npath = '", folder_.path().string(), "'\nnum_repeats = 5\n");
    const DataSet set = read_data_list(list("dataset.toml", top + directory + directory + R"(
ar_buckets = [[512, 512], [448, 576], 1.5]
frame_buckets = [9]
)"));
    DataSettings first = {.target_frames = {1, 33, 65},
                          .extraction = Extraction::head,
                          .longest_only = true,
                          .resolutions = {{512, 512}, {1280, 720}},
                          .buckets = true,
                          .ratios = {0.5, 1.0, 2.0}};
    DataSettings second = first;
    second.target_frames = {9};
    second.ratios = {1.0, 448.0 / 576, 1.5};
    EXPECT_EQ(set.groups, (std::vector{first, second}));
    EXPECT_EQ(problems_of(set), std::vector<std::string>());
    std::vector<DataItem> expected;
    for (const size_t group : {0, 1}) {
        expected.push_back({folder_ / "a.mp4", ClipKind::video, {kCaptionA}, 5, group});
        expected.push_back({folder_ / "b.mkv", ClipKind::video, {kCaptionB}, 5, group});
        expected.push_back({folder_ / "p.png", ClipKind::picture, {kCaptionP}, 5, group});
    }
    EXPECT_EQ(set.items, expected);
}

TEST_F(DataListForms, DiffusionPipeWithCaptionsInOneFile) {
    list("captions.json", R"({"a.mp4": ["One.", "Two."], "p.png": []})");
    const std::string directory = concat("[[directory]]\npath = '", folder_.path().string(), "'\n");
    const auto set = [&](const std::string& top) { return read_data_list(list("dataset.toml", top + directory)); };
    EXPECT_EQ(set("").items, (std::vector<DataItem>{{folder_ / "a.mp4", ClipKind::video, {"One.", "Two."}}}));
    EXPECT_EQ(set("skip_empty_caption = false\n").items.at(1), (DataItem{folder_ / "p.png", ClipKind::picture, {""}}));
}

TEST(ClipKind, FollowsTheExtension) {
    EXPECT_EQ(clip_kind_of("a/Film.MP4"), ClipKind::video);
    EXPECT_EQ(clip_kind_of("a.gif"), ClipKind::video);
    EXPECT_EQ(clip_kind_of("a.JPEG"), ClipKind::picture);
    EXPECT_EQ(clip_kind_of("a.txt"), std::nullopt);
    EXPECT_EQ(clip_kind_of("mp4"), std::nullopt);
}

}  // namespace
}  // namespace t3video::training
