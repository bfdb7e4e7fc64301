// The list of a batch's films.
#include "apps/common/batch_list.h"

#include <gtest/gtest.h>

#include <utility>

#include "support/errors.h"
#include "support/files.h"

namespace t3video::apps {
namespace {

using testing::expect_invalid;
using testing::write_file;

TEST(BatchList, ReadsPromptsAndSeeds) {
    const testing::TemporaryFolder folder;
    const auto items = read_batch_list(write_file(
        folder / "list.json", R"([{"prompt_en": "A"}, {"prompt_en": "B", "seed": 18446744073709551615, "id": [{}]}])"));
    ASSERT_EQ(items.size(), 2u);
    EXPECT_EQ(items[0].prompt, "A");
    EXPECT_EQ(items[0].seed, std::nullopt);
    EXPECT_EQ(items[1].prompt, "B");
    EXPECT_EQ(items[1].seed, UINT64_MAX);
}

TEST(BatchList, RefusesOthersByName) {
    const testing::TemporaryFolder folder;
    const std::pair<std::string, const char*> cases[] = {
        {"", "expected a JSON list"},
        {"[]", "expected a JSON list"},
        {"{}", "expected a JSON list"},
        {R"([{"prompt_en": "A", "x": )" + std::string(100, '[') + std::string(100, ']') + "}]", "expected a JSON list"},
        {R"([{"prompt_en": "A"}, {}])", "entry 1 has no text \"prompt_en\""},
        {R"([{"prompt_en": 3}])", "entry 0 has no text \"prompt_en\""},
        {R"([{"prompt_en": " \n"}])", "entry 0: \"prompt_en\" is empty"},
        {R"([{"prompt_en": "A", "seed": -1}])", "entry 0: \"seed\" is not a whole number"},
        {R"([{"prompt_en": "A", "seed": 1.5}])", "entry 0: \"seed\" is not a whole number"},
    };
    for (const auto& [content, says] : cases) {
        const auto path = write_file(folder / "list.json", content);
        expect_invalid([&] { read_batch_list(path); }, {path.string(), says});
    }
    expect_invalid([&] { read_batch_list(folder / "none.json"); }, {"none.json: no such file"});
    expect_invalid([&] { read_batch_list(folder.path()); }, {"is a folder"});
}

}  // namespace
}  // namespace t3video::apps
