// Token ids against recorded ones, the unknown-id rule of UMT5 vocabularies, and unusable files.
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "support/errors.h"
#include "support/files.h"

namespace t3video::text {
namespace {

using Ids = std::vector<int32_t>;

const std::filesystem::path kData = T3VIDEO_TEST_DATA;
const std::filesystem::path kSmallModel = kData / "golden/tokenizer/spiece.model";
// pad 0, eos 1, bos 2, unk 3 and byte pieces; made by tools/make_unk3_tokenizer.py.
const std::filesystem::path kUnk3Model = kData / "text/unk3.model";

std::string read(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(Tokenizer, GivesTheRecordedIds) {
    const Tokenizer tokenizer(kSmallModel);
    const auto cases = nlohmann::json::parse(read(kData / "golden/tokenizer/cases.json"));
    ASSERT_GE(cases.size(), 10u);
    for (const auto& c : cases) {
        const auto text = c.at("text").get<std::string>();
        EXPECT_EQ(tokenizer.encode(text), c.at("ids").get<Ids>()) << text;
    }
}

TEST(Tokenizer, TakesSpecialIdsFromTheFile) {
    const Tokenizer small(kSmallModel), unk3(kUnk3Model);
    EXPECT_EQ((Ids{small.pad_id(), small.eos_id(), small.unk_id()}), (Ids{0, 1, 2}));
    EXPECT_EQ((Ids{unk3.pad_id(), unk3.eos_id(), unk3.unk_id()}), (Ids{0, 1, 3}));
    EXPECT_EQ(small.vocabulary_size(), 420);
    EXPECT_EQ(unk3.vocabulary_size(), 292);
}

TEST(Tokenizer, EmptyTextIsTheEndTokenAlone) {
    EXPECT_EQ(Tokenizer(kSmallModel).encode(""), Ids{1});
    EXPECT_EQ(Tokenizer(kUnk3Model).encode(""), Ids{1});
}

TEST(Tokenizer, TruncatesWithTheEndTokenIncluded) {
    const Tokenizer tokenizer(kUnk3Model);
    std::string text = "a red";
    for (int i = 0; i < 600; ++i) text += " ball";

    const Ids ids = tokenizer.encode(text);
    ASSERT_EQ(ids.size(), 512u);
    EXPECT_EQ((Ids{ids[0], ids[1], ids[2]}), (Ids{260, 261, 264}));
    EXPECT_EQ(ids[510], 264);
    EXPECT_EQ(ids[511], 1);

    EXPECT_EQ(tokenizer.encode("a red ball", 4), (Ids{260, 261, 264, 1}));
    EXPECT_EQ(tokenizer.encode("a red ball", 3), (Ids{260, 261, 1}));
    EXPECT_EQ(tokenizer.encode("a red ball", 1), Ids{1});
    EXPECT_THROW(tokenizer.encode("a red ball", 0), Error);
}

// Expected ids: the Rust "tokenizers" library with the same pieces (Unigram, no byte fallback, Metaspace).
TEST(Tokenizer, FoldsUncoveredCharactersOfUmt5Vocabularies) {
    const Tokenizer tokenizer(kUnk3Model);
    EXPECT_EQ(tokenizer.encode("red 一只猫 ball"), (Ids{261, 290, 3, 264, 1}));
    EXPECT_EQ(tokenizer.encode("a Z🎥q b"), (Ids{260, 290, 3, 290, 279, 1}));
    EXPECT_EQ(tokenizer.encode("一 二 三"), (Ids{290, 3, 290, 3, 290, 3, 1}));
    EXPECT_EQ(tokenizer.encode("ball猫"), (Ids{264, 3, 1}));
    EXPECT_EQ(tokenizer.encode("一只red猫"), (Ids{290, 3, 286, 288, 285, 3, 1}));
}

TEST(Tokenizer, FoldsBeforeItTruncates) {
    const Ids ids = Tokenizer(kUnk3Model).encode("一只猫 a red ball", 6);
    EXPECT_EQ(ids, (Ids{290, 3, 260, 261, 264, 1}));
}

TEST(Tokenizer, OtherVocabulariesKeepTheirBytePieces) {
    const Ids ids = Tokenizer(kSmallModel).encode("猫");
    EXPECT_EQ(std::count(ids.begin(), ids.end(), 2), 0);
    EXPECT_GE(ids.size(), 4u);  // three bytes and the end token
}

TEST(Tokenizer, LoadsTheBundledModel) {
    const Tokenizer tokenizer(kData / "../../models/demo/google/umt5-xxl/spiece.model");
    EXPECT_EQ(tokenizer.eos_id(), 1);
    const Ids ids = tokenizer.encode("A red ball drifts left over green hills.");
    EXPECT_EQ(std::count(ids.begin(), ids.end(), tokenizer.unk_id()), 0);
    EXPECT_EQ(ids.back(), 1);
}

class TokenizerFile : public ::testing::Test {
  protected:
    // Loads a file of this content; returns the message, empty if it loads.
    std::string message_for(const std::string& content) {
        std::ofstream(path_, std::ios::binary) << content;
        return load(path_);
    }
    std::string load(const std::filesystem::path& path) {
        ::testing::internal::CaptureStderr();
        std::string message;
        try {
            const Tokenizer tokenizer(path);
        } catch (const InvalidRequest& error) {
            message = error.what();
        }
        EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
        return message;
    }
    void expect_rejected(const std::string& content, const std::string& why) {
        const std::string message = message_for(content);
        EXPECT_NE(message.find(path_.string()), std::string::npos) << message;
        EXPECT_NE(message.find(why), std::string::npos) << message;
    }
    void TearDown() override { std::filesystem::remove(path_); }

    const std::string name_ = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    const std::filesystem::path path_ = std::filesystem::path(::testing::TempDir()) / ("t3video_" + name_ + ".model");
};

TEST_F(TokenizerFile, IntactCopyLoads) {
    EXPECT_EQ(message_for(read(kSmallModel)), "");
}

TEST_F(TokenizerFile, MissingFileIsNamed) {
    const std::string message = load("/nowhere/spiece.model");
    EXPECT_NE(message.find("/nowhere/spiece.model: no such file"), std::string::npos) << message;
    EXPECT_NE(load(::testing::TempDir()).find("is a folder"), std::string::npos);
}

TEST_F(TokenizerFile, OtherContentIsRejected) {
    expect_rejected("", "not a complete SentencePiece model (0 bytes)");
    expect_rejected("{\"version\": \"1.0\"}", "no tokenizer.json: it has no \"model\"");
    expect_rejected(std::string(5000, '\xFF'), "not a complete SentencePiece model");
}

TEST_F(TokenizerFile, TruncatedFileIsRejected) {
    const std::string content = read(kUnk3Model);
    for (size_t size = 0; size < content.size(); size += size < 200 ? 1 : 97) {
        expect_rejected(content.substr(0, size), "not a complete SentencePiece model");
    }
}

// One entry of a model's vocabulary as the file has it: field 1 with the name (1) and the type (3).
std::string piece(const std::string& name, char type) {
    const std::string entry = std::string("\x0A") + static_cast<char>(name.size()) + name + "\x18" + type;
    return std::string("\x0A") + static_cast<char>(entry.size()) + entry;
}

// Without what follows the pieces, the rest is still a well-formed message that SentencePiece itself would take.
TEST_F(TokenizerFile, FileCutBetweenPiecesIsRejected) {
    constexpr char kNormal = 1, kUnknown = 2, kControl = 3;
    const std::string pieces = piece("<pad>", kControl) + piece("</s>", kControl) + piece("<s>", kControl) +
                               piece("<unk>", kUnknown) + piece("a", kNormal) + piece("b", kNormal);
    const std::string trainer("\x12\x00", 2), normalizer("\x1A\x00", 2);
    EXPECT_EQ(message_for(pieces + trainer + normalizer), "");
    expect_rejected(pieces, "not a complete SentencePiece model");
    expect_rejected(pieces + trainer, "not a complete SentencePiece model");
}

TEST_F(TokenizerFile, VocabularyWithoutEndTokenIsRejected) {
    std::string content = read(kUnk3Model);
    content.replace(content.find("</s>"), 4, "<zz>");
    expect_rejected(content, "no end token");
}

// Made by tools/make_tokenizer_json.py.
TEST(TokenizerJson, GivesTheIdsOfTokenizers) {
    const auto cases = nlohmann::json::parse(read(kData / "text/tokenizer-cases.json"));
    ASSERT_GE(cases.size(), 20u);
    for (const auto& c : cases) {
        const Tokenizer tokenizer(kData / "text" / c.at("file").get<std::string>());
        EXPECT_EQ(tokenizer.encode(c.at("text").get<std::string>()), c.at("ids").get<Ids>()) << c.dump();
        EXPECT_EQ((Ids{tokenizer.pad_id(), tokenizer.eos_id(), tokenizer.unk_id()}), (Ids{0, 1, 3}));
    }
}

TEST(TokenizerJson, NamesWhatItDoesNotRead) {
    const testing::TemporaryFolder folder;
    const auto whole = nlohmann::json::parse(read(kData / "text/tokenizer.json"));
    const auto refused = [&](const char* pointer, const nlohmann::json& value, const char* says) {
        auto changed = whole;
        changed[nlohmann::json::json_pointer(pointer)] = value;
        const auto file = testing::write_file(folder / "tokenizer.json", changed.dump());
        testing::expect_invalid([&] { Tokenizer{file}; }, {file.string(), says, "spiece.model"});
    };
    const auto kind = [](const char* type) { return nlohmann::json{{"type", type}}; };
    refused("/model", nullptr, "it has no \"model\"");
    refused("/model/type", "BPE", "a tokenizer of the kind BPE, expected Unigram");
    refused("/model/unk_id", nullptr, "no list \"vocab\" with an \"unk_id\"");
    refused("/model/unk_id", 100000, "no list \"vocab\" with an \"unk_id\"");
    refused("/model/vocab/7", "x", "entry 7 of its vocabulary");
    refused("/model/vocab/7/0", "", "its vocabulary is not one of SentencePiece");
    refused("/normalizer", kind("Lowercase"), "its normalizer Lowercase is not read");
    refused("/normalizer/normalizers/0/precompiled_charsmap", "*", "its normalizer Precompiled is not read");
    refused("/pre_tokenizer", kind("ByteLevel"), "its pre-tokenizer ByteLevel is not read");
    refused("/pre_tokenizer", nullptr, "its pre-tokenizer is not Metaspace");
    const auto cut = testing::write_file(folder / "cut.json", whole.dump().substr(0, 500));
    testing::expect_invalid([&] { Tokenizer{cut}; }, {"cut.json: not valid JSON"});
    // Without a normalizer nothing is changed; an end token there must be.
    auto plain = whole;
    plain["normalizer"] = nullptr;
    EXPECT_EQ(Tokenizer(testing::write_file(folder / "plain.json", plain.dump())).encode("a red ball"),
              Tokenizer(kData / "text/tokenizer.json").encode("a red ball"));
    plain["model"]["vocab"][1][0] = "<end>";
    const auto endless = testing::write_file(folder / "endless.json", plain.dump());
    testing::expect_invalid([&] { Tokenizer{endless}; }, {"the vocabulary has no end token"});
}

}  // namespace
}  // namespace t3video::text
