// What is wrong in lists is told, with its line, or is one refusal.
#include <gtest/gtest.h>

#include "support/data_lists.h"
#include "training/data/csv.h"
#include "training/data/json_list.h"
#include "training/data/toml_text.h"

namespace t3video::training {
namespace {

using namespace testing;
using Kind = DataProblem::Kind;

class BrokenLists : public ::testing::Test {
  protected:
    BrokenLists() {
        for (const char* name : {"a.mp4", "b.mp4"}) write_file(folder_ / name, "clip");
    }
    DataSet read(const std::string& name, const std::string& text, const DataListOptions& options = {}) {
        return read_data_list(write_file(folder_ / name, text), options);
    }
    void refuse(const std::string& name, const std::string& text, std::vector<std::string> parts) {
        parts.push_back(name);
        expect_invalid([&] { read(name, text); }, parts);
    }
    // Of a list whose clips a.mp4 and b.mp4 can be used.
    void expect_problem(const DataSet& set, Kind kind, int64_t line, const std::string& part) {
        ASSERT_EQ(set.problems.size(), 1u) << ::testing::PrintToString(problems_of(set));
        EXPECT_EQ(set.problems[0].kind, kind);
        EXPECT_EQ(set.problems[0].line, line);
        EXPECT_NE(set.problems[0].text().find(part), std::string::npos) << set.problems[0].text();
        ASSERT_EQ(set.items.size(), 2u);
        EXPECT_EQ(set.items[0].file.filename(), "a.mp4");
        EXPECT_EQ(set.items[1].file.filename(), "b.mp4");
    }

    TemporaryFolder folder_;
};

// An entry between two good ones, in the three kinds of lists of records.
struct Entry {
    std::string json, csv;
    Kind kind;
    std::string part;
};

TEST_F(BrokenLists, EntriesAreToldAndTheOthersStay) {
    const std::string a = R"({"video": "a.mp4", "prompt": "A"})", b = R"({"video": "b.mp4", "prompt": "B"})";
    for (const Entry& entry : std::vector<Entry>{
             {R"({"video": "c.mp4", "prompt": "C"})", "c.mp4,C", Kind::no_file, "c.mp4'"},
             {R"({"video": "a.mp4"})", "a.mp4,", Kind::no_caption, "'a.mp4' has no caption"},
             {R"({"video": "a.mp4", "prompt": " \n"})", "a.mp4,\"  \"", Kind::no_caption, "'a.mp4'"},
             {R"({"video": "a.mp4", "prompt": "A "})", "a.mp4,A", Kind::repeated, "'a.mp4' stands here again"},
             {R"({"video": "", "prompt": "C"})", ",C", Kind::broken, "names no file"},
             {R"({"video": "\u001b[2J\u0000", "prompt": "C"})", "a.mp4", Kind::broken, ""},
             {R"({"prompt": "C"})", "a.mp4,b,c", Kind::broken, ""},
             {R"({"video": 5, "prompt": "C"})", "a.mp4,\"\xFF\"", Kind::broken, ""},
             {R"({"video": "a.mp4", "prompt": 5})", "", Kind::broken, "'a.mp4' is 5, expected a text"},
             {R"({"video": "a.mp4", "prompt": ["A", 5]})", "", Kind::broken, "expected a text"},
             {R"({"video": "a.mp4", "prompt": "A", "prompt": "B"})", "", Kind::broken, "twice"},
             {R"({"video": "a.mp4", "prompt": 1e999})", "", Kind::broken, "out of range"},
             {R"({"video": "a.mp4" "prompt": "A"})", "", Kind::broken, "invalid JSON"},
             {R"("a.mp4")", "", Kind::broken, "expected such as"},
             {"[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "", Kind::broken, "nested"},
             {concat(R"({"video": ")", std::string(5000, 'x'), R"(", "prompt": "A"})"), std::string(5000, 'x') + ",A",
              Kind::no_file, "xxx"}}) {
        SCOPED_TRACE(entry.json.substr(0, 100));
        expect_problem(read("list.json", "[\n" + a + ",\n\n" + entry.json + "\n,\n" + b + "]"), entry.kind, 4,
                       entry.part);
        expect_problem(read("list.jsonl", a + "\n\n" + entry.json + "\n" + b + "\n"), entry.kind, 3, entry.part);
        if (entry.csv.empty()) continue;
        expect_problem(read("list.csv", "video,prompt\na.mp4,\"A\n\"\n" + entry.csv + "\nb.mp4,B\n"), entry.kind, 4,
                       entry.part);
    }
}

TEST_F(BrokenLists, ClipsWithoutCaptionsMayStay) {
    const DataSet set = read("list.csv", "video,prompt\na.mp4,\nb.mp4,B\n", {.without_captions = true});
    expect_problem(set, Kind::no_caption, 2, "'a.mp4'");
    EXPECT_EQ(set.items[0].captions, std::vector<std::string>{""});
}

TEST_F(BrokenLists, NamesThatMeanNothingAreToldOnce) {
    const DataSet set =
        read("list.csv", "video,prompt,vace_video,fps\na.mp4,A,,16\nb.mp4,B,m.mp4,16\na.mp4,C,m.mp4,16\n");
    ASSERT_EQ(set.problems.size(), 1u);
    EXPECT_EQ(set.problems[0].kind, Kind::unread);
    EXPECT_EQ(set.problems[0].text(), (folder_ / "list.csv").string() + ": line 3: 'vace_video' is not read here");
    EXPECT_EQ(set.passed_over, std::vector<std::string>{"fps"});
    EXPECT_EQ(set.items.size(), 3u);  // a file may stand there with several captions
}

TEST_F(BrokenLists, ListsThatGiveNothingAreRefusedWithTheFirstCause) {
    refuse("list.csv", "video,prompt\nx.mp4,A\ny.mp4,B\n",
           {"no clip that can be used", "line 2", "x.mp4'", "first of 2"});
    refuse("list.csv", "video,prompt\n", {"holds no clips"});
    refuse("list.json", "[]", {"holds no clips"});
    refuse("list.json", "{}", {"holds no clips"});
    refuse("list.json", R"({"a.mp4": "A", "a.mp4": "B"})", {"'a.mp4' appears twice"});
    refuse("list.json", R"({"video": "a.mp4"})", {"'a.mp4' has no caption"});
    refuse("list.json", R"({"data": [{"video": "a.mp4"}]})", {"the caption of 'data' is [{"});
    refuse("list.json", "  \n", {"is empty"});
    refuse("list.json", "{\"video\": \"a.mp4\", \"prompt\": \"A\"", {"line 1", "invalid JSON"});
    refuse("list.json", "[{\"video\": \"a.mp4\", \"prompt\": \"A\"},\n{\"video\": \"b.mp4\"",
           {"line 2", "does not end"});
    refuse("list.json", "[{\"video\": \"a.mp4\", \"prompt\": \"A\"}]\n[]", {"line 1", "follows the list's end"});
    refuse("list.json", std::string(100000, '[') + "{", {"expected"});
    refuse("list.json", "[{" + std::string(100000, '['), {"does not end"});
    refuse("list.csv", "video,prompt\na.mp4,\"A\nb.mp4,B\n", {"line 2", "not closed"});
    refuse("list.txt", "A red ball.\nA cat.\n", {"is no list of clips", "'A red ball.'", "video,prompt"});
    refuse("list.csv", "video\na.mp4\n", {"is no list of clips", "'video'"});
    refuse("list.csv", "\xFF\xFEv\0i\0", {"UTF-16"});
    refuse("list.csv", std::string("video,prompt\n\0", 14), {"is no text"});
    refuse("list.yaml", "datasets:\n  - folder_path: a\n", {"YAML", "folder of clips"});
    expect_invalid([&] { read_data_list(folder_ / "a.mp4"); }, {"a.mp4", "is a clip"});
    expect_invalid([&] { read_data_list(folder_ / "none"); }, {"none"});
    const TemporaryFolder empty;
    expect_invalid([&] { read_data_list(empty.path()); }, {empty.path().string(), "holds no clips"});
}

TEST_F(BrokenLists, FoldersTellWhatHasNoPartner) {
    write_file(folder_ / "a.txt", "A");
    write_file(folder_ / "b.txt", "B");
    write_file(folder_ / "c.txt", "C");
    expect_problem(read_data_list(folder_.path()), Kind::no_file, 0, "'c.txt' is a caption without a clip");
    std::filesystem::remove(folder_ / "c.txt");
    write_file(folder_ / "c.webm", "clip");
    expect_problem(read_data_list(folder_.path()), Kind::no_caption, 0, "'c.webm' has no caption");
    write_file(folder_ / "c.txt", "caf\xE9");
    expect_problem(read_data_list(folder_.path()), Kind::broken, 0, "'c.webm' is no text in UTF-8");
    write_file(folder_ / "c.txt", "\xFF\xFE");
    expect_problem(read_data_list(folder_.path()), Kind::broken, 0, "UTF-16");
    write_file(folder_ / "c.txt", std::string(2 << 20, 'x'));
    expect_problem(read_data_list(folder_.path()), Kind::broken, 0, "c.txt");
    std::filesystem::remove(folder_ / "c.webm");
    std::filesystem::remove(folder_ / "c.txt");
    std::filesystem::create_symlink("c.mp4", folder_ / "c.mp4");
    expect_problem(read_data_list(folder_.path()), Kind::broken, 0, "c.mp4");
}

TEST_F(BrokenLists, TomlSettingsAreRefusedWithTheirLine) {
    const auto musubi = [&](const std::string& line, std::vector<std::string> parts) {
        SCOPED_TRACE(line);
        parts.push_back("line 3");
        refuse("data.toml", "[[datasets]]\nvideo_directory = '.'\n" + line + "\n", parts);
    };
    musubi("resolution = [960]", {"resolution is [960]", "[width, height]"});
    musubi("resolution = [960, 544, 3]", {"resolution"});
    musubi("resolution = [0, 544]", {"resolution"});
    musubi("resolution = 'big'", {"resolution is \"big\""});
    musubi("target_frames = []", {"target_frames is []", "[1, 25, 81]"});
    musubi("target_frames = [25, 0]", {"target_frames"});
    musubi("target_frames = [25.0]", {"target_frames"});
    musubi("target_frames = [9223372036854775807]", {"target_frames"});
    musubi("target_frames = [99999999999999999999]", {"invalid TOML"});
    musubi("frame_extraction = 'tail'", {"frame_extraction is \"tail\"", "uniform"});
    musubi("frame_stride = 0", {"frame_stride is 0"});
    musubi("frame_sample = true", {"frame_sample is true", "a whole number"});
    musubi("max_frames = -1", {"max_frames is -1"});
    musubi("source_fps = nan", {"source_fps", "a number"});
    musubi("source_fps = 1979-05-27", {"source_fps", "date"});
    musubi("num_repeats = 0", {"num_repeats is 0"});
    musubi("num_repeats = 1.5", {"num_repeats is 1.5"});
    musubi("enable_bucket = 1", {"enable_bucket is 1", "true or false"});
    musubi("video_directory = '.'", {"invalid TOML"});
    musubi("image_directory = '.'", {"both video_directory and image_directory"});
    musubi("caption_extension = gr\xC3\xBCn", {"invalid TOML", "beyond ASCII"});
    musubi("num_repeats = 4a\"\xC3\xBC", {"invalid TOML", "inside of a word"});
    musubi("caption_extension = \"\x1b\"", {"invalid TOML"});
    musubi("a = \"\xFF\"", {"invalid TOML"});
    const auto pipe = [&](const std::string& line, const std::vector<std::string>& parts) {
        SCOPED_TRACE(line);
        refuse("data.toml", line + "\n[[directory]]\npath = '.'\n", parts);
    };
    pipe("resolutions = []", {"line 1", "resolutions is []"});
    pipe("resolutions = ['a']", {"line 1", "resolutions"});
    pipe("ar_buckets = [0.0]", {"line 1", "ar_buckets"});
    pipe("min_ar = 3.0", {"min_ar 3 is above max_ar 2"});
    pipe("num_ar_buckets = 1000000000", {"line 1", "num_ar_buckets"});
    refuse("data.toml", "[[datasets]]\nresolution = 512\n", {"line 1", "without video_directory"});
    refuse("data.toml", "[[directory]]\nnum_repeats = 1\n", {"line 1", "without path"});
    refuse("data.toml", "datasets = 5\n", {"line 1", "[[datasets]]"});
    refuse("data.toml", "general = 5\n[[datasets]]\nvideo_directory = '.'\n", {"line 1", "[general]"});
    refuse("data.toml", "[general]\nresolution = 512\n", {"neither [[datasets]]"});
    refuse("main.toml", "dataset = 'examples/dataset.toml'\n", {"neither", "'examples/dataset.toml'"});
}

TEST_F(BrokenLists, OneGroupOfTomlMayFail) {
    for (const char* name : {"a.txt", "b.txt"}) write_file(folder_ / name, name);
    const std::string good = "[[datasets]]\nvideo_directory = '.'\n";
    const auto with = [&](const std::string& group) { return read("data.toml", good + group); };
    expect_problem(with("[[datasets]]\nvideo_directory = 'none'\n"), Kind::broken, 4, "none: is no folder of clips");
    expect_problem(with("[[datasets]]\nimage_directory = '.'\n"), Kind::no_file, 4,
                   "image_directory '.' gives no clips");
    expect_problem(with("[[datasets]]\nvideo_jsonl_file = 'none.jsonl'\n"), Kind::broken, 4, "none.jsonl");
    expect_problem(with("[[datasets]]\nvideo_jsonl_file = \"none\\u0000\"\n"), Kind::broken, 4, "no name of a file");
    expect_problem(with("target_frames = [1, 24]"), Kind::changed, 3, "target_frames 24 is not 4k+1; 21 is taken");
    EXPECT_EQ(with("target_frames = [24, 21]").groups.at(0).target_frames, std::vector<int64_t>{21});
    expect_problem(with("control_directory = 'c'"), Kind::unread, 3, "'control_directory' is not read here");
    expect_problem(with("[other]\na = 1"), Kind::unread, 3, "'other'");
}

TEST(ParseToml, NestingHasALimit) {
    const auto parse = [](const std::string& text) { return [=] { parse_toml(text, "t"); }; };
    expect_invalid(parse("a = " + std::string(1000, '[')), {"t: line 1", "invalid TOML"});
    std::string keys = "a";
    for (int i = 0; i < 100000; ++i) keys += ".a";
    expect_invalid(parse("\n" + keys + " = 1"), {"t: line 2", "32 parts"});
    expect_invalid(parse("[" + keys + "]"), {"32 parts"});
    expect_invalid(parse("a = {" + keys + " = 1}"), {"32 parts"});
    expect_invalid(parse("a = 1\n [[ `b]]"), {"t: line 2", "no name behind ["});
    expect_invalid(parse("[\x01]"), {"t: line 1", "no name behind ["});
    expect_invalid(parse("[["), {"t: line 1", "no name behind ["});
    expect_invalid(parse(std::string(2 << 20, '#')), {"1 MiB"});
    parse_toml(
        "'\xC3\xBC' = \"\"\"\xC3\xBC \\\" \" '\n.\"\"\"\"\"  # \xC3\xBC\nb.'\xC3\xBC' = ['\xC3\xBC', {c = "
        "'''\\\xC3\xBC''''}]",
        "t");
    parse_toml("a = [\n[\n[[1], []]]\n]\n[ b ]", "t");
    parse_toml("# " + std::string(100, '.') + "\na.b.c = [0.5, 0.5, {x = 1.5}]", "t");
}

TEST(ParseToml, LongTextsTakeNoTime) {
    std::string text;
    while (text.size() < 1'000'000) text += concat("[[a]]\nb = [1, 2.5, 'c']  # ", text.size(), "\n");
    EXPECT_GT(parse_toml(text, "t").values["a"].size(), 10000u);
}

TEST(ParseToml, ValuesHaveLines) {
    const TomlText text = parse_toml("a = 1\n[[b]]\nc = [1,\n  2.5]\n'd/~' = true\nt = 10:00:00\n", "t");
    EXPECT_EQ(text.values,
              nlohmann::json::parse(R"json({"a": 1, "b": [{"c": [1, 2.5], "d/~": true, "t": "(a date or time)"
}]
})json"));
    EXPECT_EQ(text.lines.at("/a"), 1);
    EXPECT_EQ(text.lines.at("/b/0"), 2);
    EXPECT_EQ(text.lines.at("/b/0/c/1"), 4);
    EXPECT_EQ(text.lines.at("/b/0/d~1~0"), 5);
}

TEST(ParseCsv, FieldsAreThoseOfTheRfc) {
    const std::vector<CsvRow> rows = parse_csv("a,b\r\n\"x,\"\"y\"\"\r\nz\",\"\"\n\n,\r\"q\"r,s\"t\"\n", ',', "f");
    ASSERT_EQ(rows.size(), 4u);
    using Fields = std::vector<std::string>;
    EXPECT_EQ(rows[0].fields, (Fields{"a", "b"}));
    EXPECT_EQ(rows[1].fields, (Fields{"x,\"y\"\r\nz", ""}));
    EXPECT_EQ(rows[2].fields, (Fields{"", ""}));
    EXPECT_EQ(rows[3].fields, (Fields{"qr", "s\"t\""}));
    EXPECT_EQ(rows[1].line, 2);
    EXPECT_EQ(rows[2].line, 5);
    EXPECT_EQ(rows[3].line, 6);
    expect_invalid([] { parse_csv("a\n\"b\n", ',', "f"); }, {"f: line 2", "not closed"});
}

TEST(SplitJsonList, EntriesBeginWhereTheyBegin) {
    const std::vector<TextLine> entries = split_json_list("\n[ {\"a\": \"],\\\"\"},\n\n [1,\n2] , ]\n", "f");
    ASSERT_EQ(entries.size(), 3u);
    EXPECT_EQ(entries[0].text, R"({"a": "],\""})");
    EXPECT_EQ(entries[1].text, "[1,\n2]");
    EXPECT_EQ(entries[2].text, "");
    EXPECT_EQ(entries[0].number, 2);
    EXPECT_EQ(entries[1].number, 4);
}

}  // namespace
}  // namespace t3video::training
