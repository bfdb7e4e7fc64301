// The list of a batch's films.
#include "apps/common/batch_list.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/message.h"
#include "support/errors.h"
#include "support/files.h"

namespace t3video::apps {
namespace {

using testing::expect_invalid;
using testing::write_file;

using Fields = std::vector<std::pair<std::string, std::string>>;

std::vector<std::string> prompts_of(const BatchList& list) {
    std::vector<std::string> prompts;
    for (const BatchItem& item : list.items) prompts.push_back(item.prompt);
    return prompts;
}

TEST(BatchList, ReadsPromptsAndFields) {
    const testing::TemporaryFolder folder;
    const BatchList list = read_batch_list(
        write_file(folder / "list.json",
                   R"([{"prompt_en": "A"}, {"prompt_en": "B", "seed": 18446744073709551615, "id": [{}], "steps": null},
            {"data_file": "x.mp4", "caption": "C", "frames": 9, "fps": "24000/1001", "negative_prompt": "fog", "seed": -1},
            {"prompt": "D", "text": "E", "bf16-timesteps": true, "image": "cat.png"}, "F"])"));
    EXPECT_EQ(prompts_of(list), (std::vector<std::string>{"A", "B", "C", "D", "F"}));
    EXPECT_EQ(list.items[0].fields, Fields());
    EXPECT_EQ(list.items[1].fields, (Fields{{"seed", "18446744073709551615"}}));
    EXPECT_EQ(list.items[2].fields,
              (Fields{{"frames", "9"}, {"fps", "24000/1001"}, {"negative", "fog"}, {"seed", "-1"}}));
    EXPECT_EQ(list.items[3].fields, (Fields{{"bf16-timesteps", "true"}, {"image", (folder / "cat.png").string()}}));
    EXPECT_EQ(list.unread, (std::set<std::string>{"id", "data_file", "text"}));
}

TEST(BatchList, ReadsDiffusersNamesCommentsAndWrappers) {
    const testing::TemporaryFolder folder;
    const BatchList list = read_batch_list(write_file(
        folder / "list.jsonl",
        "# sizes\n{\"prompt\": \"A\", \"width\": 832, \"height\": 480, \"num_inference_steps\": 20, "
        "\"guidance_scale\": 4.5, \"num_frames\": 9, \"bf16_timesteps\": true}\n# more\n{\"prompt\": \"B\"}\n"));
    EXPECT_EQ(prompts_of(list), (std::vector<std::string>{"A", "B"}));
    EXPECT_EQ(
        list.items[0].fields,
        (Fields{{"size", "832x480"}, {"steps", "20"}, {"cfg", "4.5"}, {"frames", "9"}, {"bf16-timesteps", "true"}}));
    EXPECT_TRUE(list.unread.empty());
    EXPECT_EQ(prompts_of(read_batch_list(write_file(folder / "l.json", R"({"prompts": ["A", {"prompt": "B"}]})"))),
              (std::vector<std::string>{"A", "B"}));
}

// What other programs write, with the marks and line ends of other systems.
TEST(BatchList, ReadsEveryForm) {
    const testing::TemporaryFolder folder;
    const std::vector<std::string> two{"A red ball.", "Été, [soft] light"};
    const std::string_view mark = "\xEF\xBB\xBF";
    for (const std::string& content :
         {std::string("A red ball.\nÉté, [soft] light\n"), concat(mark, "A red ball.\r\n\r\n  Été, [soft] light\t"),
          std::string("# two films\n\nA red ball.\n#Not this.\nÉté, [soft] light"),
          std::string(R"(["A red ball.", "Été, [soft] light"])"),
          concat(mark, R"([{"prompt": "A red ball."}, {"caption": "Été, [soft] light"}])"),
          std::string("{\"prompt_en\": \"A red ball.\"}\n{\"text\": \"Été, [soft] light\"}\n"),
          concat(mark, "{\"prompt\": \"A red ball.\"}\r\n\r\n\"Été, [soft] light\"\r\n")})
        for (const char* name : {"list", "list.txt"})
            EXPECT_EQ(prompts_of(read_batch_list(write_file(folder / name, content))), two) << content;
    for (const char* content :
         {"A red ball.", "\"A red ball.\"", R"({"prompt": "A red ball."})", "[\n\"A red ball.\"\n]"})
        EXPECT_EQ(prompts_of(read_batch_list(write_file(folder / "list", content))),
                  (std::vector<std::string>{"A red ball."}));
    // Prompts in brackets are no JSON.
    EXPECT_EQ(prompts_of(read_batch_list(write_file(folder / "list", "[wide] A\n[close] B"))),
              (std::vector<std::string>{"[wide] A", "[close] B"}));
}

TEST(BatchList, RefusesOthersByName) {
    const testing::TemporaryFolder folder;
    const std::pair<std::string, const char*> cases[] = {
        {"", "holds no prompts; expected a list of prompts"},
        {"\xEF\xBB\xBF \r\n", "holds no prompts"},
        {"[]", "holds no prompts"},
        {"{}", "has no text \"prompt\""},
        {R"({"prompts": ["A"], "seed": 3})", "\"seed\" stands beside \"prompts\""},
        {R"([{"prompt": "A", "no_sound": true}])", "\"no_sound\" holds for all films of a batch"},
        {R"([{"prompt": "A", "width": 832}])", "has \"width\" but no \"height\""},
        {R"([{"prompt": "A", "steps": 2, "num_inference_steps": 3}])", "\"num_inference_steps\" says again"},
        {"A\nB \xE9t\xE9\n", "line 2 is not UTF-8; save it as UTF-8"},
        {std::string("A\0B", 3), "line 1 holds a control character"},
        {"\x89PNG\r\n\x1a\n", "is a picture (PNG)"},
        {"\x1f\x8b\x08", "is compressed (gzip)"},
        {R"([{"prompt_en": "A", "x": )" + std::string(100, '[') + std::string(100, ']') + "}]", "no valid JSON"},
        {R"([{"prompt_en": "A"},])", "no valid JSON"},
        {R"({"prompt_en": "A")", "no valid JSON"},
        {R"([{"prompt_en": "A"}, {}])", "entry 1 has no text \"prompt\""},
        {R"([{"prompt_en": 3}])", "entry 0 has no text \"prompt\""},
        {R"(["A", 7])", "entry 1: is 7; expected a list of prompts"},
        {R"([["A"]])", "entry 0: is [\"A\"]"},
        {R"([{"prompt_en": " \n"}])", "entry 0: \"prompt_en\" is empty"},
        {R"(["A", " "])", "entry 1: the prompt is empty"},
        {R"([{"prompt_en": "A", "seed": -2}])", "entry 0: seed -2: expected 0 to 18446744073709551615, or -1"},
        {R"([{"prompt_en": "A", "seed": 1.5}])", "entry 0: seed 1.5: expected"},
        {R"([{"prompt": "A", "size": [832, 480]}])", "entry 0: \"size\" is [832,480], expected a text or a number"},
        {R"([{"prompt": "A", "output": "a.mp4"}])", "entry 0: \"output\" holds for all films of a batch"},
        {R"([{"prompt": "A", "model": "x"}])", "entry 0: \"model\" holds for all films of a batch"},
        {"{\"prompt\": \"A\"}\n\nA red ball.", "line 3: is no JSON, but the lines before are"},
        {"{\"prompt\": \"A\"}\n{\"seed\": 3}", "line 2 has no text \"prompt\""},
        {"\xFF\xFE"
         "A",
         "is UTF-16; save it as UTF-8"},
    };
    for (const auto& [content, says] : cases) {
        const auto path = write_file(folder / "list.json", content);
        expect_invalid([&] { read_batch_list(path); }, {path.string(), says});
    }
    for (const char* head : {"prompt,seed\nA,3", "id;Prompt\n1;A", "\"text\",\"n\"\n"})
        expect_invalid([&] { read_batch_list(write_file(folder / "list.csv", head)); }, {"line 1", "table (CSV)"});
    for (const char* head : {"- prompt: A\n  seed: 3", "prompts:\n - A", "---\n- A", "prompt: A"})
        expect_invalid([&] { read_batch_list(write_file(folder / "list.yaml", head)); }, {"line 1", "YAML"});
    const auto lines = write_file(folder / "lines.txt", "A\nA cat --w 832 --h 480 --d 42\n");
    expect_invalid([&] { read_batch_list(lines); }, {"lines.txt: line 2: --w looks like an option of another program"});
    expect_invalid([&] { read_batch_list(write_file(folder / "a.json", "A red ball.")); }, {"no valid JSON"});
    expect_invalid([&] { read_batch_list(folder / "none.json"); }, {"none.json: no such file"});
    expect_invalid([&] { read_batch_list(folder.path()); }, {"is a folder"});
}

}  // namespace
}  // namespace t3video::apps
