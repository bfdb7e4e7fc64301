// Prompts on their way to rows: cleaned, cut, of the vocabulary of the encoder.
#include <gtest/gtest.h>

#include <map>

#include "checkpoint/tensor_source.h"
#include "job/job_files.h"
#include "session/session.h"
#include "support/errors.h"
#include "support/films.h"
#include "support/images.h"
#include "support/tensors.h"

namespace t3video::session {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class Prompts : public ::testing::Test {
  protected:
    // What the film's job keeps of it.
    job::Embeddings embedded(const std::string& prompt, const std::string& negative = "") {
        request_ = tiny_request(folder_ / "film.y4m");
        request_.prompt = prompt;
        request_.settings.negative_prompt = negative;
        request_.overwrite = true;
        session_.make(request_, observer_);
        return job::read_stages(request_.job_folder(), 1).embeddings.value();
    }

    Session session_{Context()};
    Listener observer_;
    TemporaryFolder folder_;
    film::Request request_;
};

TEST_F(Prompts, OneRowPerToken) {
    const std::string prompt = "A green kite drifts right across a desert at sunset.";
    const auto encoder = models::Umt5::load(kGolden / "wan21-tiny/model/models_t5_umt5-xxl-enc-bf16.pth");
    const auto ids = text::Tokenizer(kGolden / "tokenizer/spiece.model").encode(prompt, 512);
    const job::Embeddings rows = embedded(prompt);
    EXPECT_EQ(rows.positive.shape(), (Shape{static_cast<int64_t>(ids.size()), encoder.config().dim}));
    Context ctx;
    const Tensor expected = encoder.forward(ctx, std::vector<int64_t>(ids.begin(), ids.end()));
    EXPECT_EQ(relative_error(rows.positive, expected), 0);
    EXPECT_EQ(rows.negative.dim(0), 1) << "the end token alone";
    EXPECT_TRUE(observer_.warnings.empty());
}

TEST_F(Prompts, AreCleaned) {
    const std::string plain = "A green kite drifts right across a desert at sunset.",
                      odd = "  A green\nkite &#100;rifts right across a desert at sunset. ";
    const job::Embeddings expected = embedded(plain, "fog"), cleaned = embedded(odd, " fog\n");
    EXPECT_EQ(relative_error(cleaned.positive, expected.positive), 0);
    EXPECT_EQ(relative_error(cleaned.negative, expected.negative), 0);
}

// The observer hears of it, of both prompts.
TEST_F(Prompts, AreCutAtTheRowsOfTheTransformer) {
    std::string prompt;
    for (int i = 0; i < 400; ++i) prompt += "a green kite ";
    const job::Embeddings rows = embedded(prompt, prompt);
    EXPECT_EQ(rows.positive.dim(0), models::kTextRows);
    EXPECT_EQ(rows.negative.dim(0), models::kTextRows);
    ASSERT_EQ(observer_.warnings.size(), 2U);
    EXPECT_NE(observer_.warnings[0].find("A prompt of 5200 characters has "), std::string::npos)
        << observer_.warnings[0];
    EXPECT_NE(observer_.warnings[0].find("reads the first 512"), std::string::npos) << observer_.warnings[0];
}

TEST_F(Prompts, VocabulariesMustMatch) {
    film::Request r = tiny_request(folder_ / "film.y4m");
    r.prompt = "A green kite drifts right.";
    std::map<std::string, Tensor> tensors;
    for (const auto& [name, stored] :
         checkpoint::open_tensors(kGolden / "wan21-tiny/model/models_t5_umt5-xxl-enc-bf16.pth").tensors)
        tensors[name] = stored.tensor.numbers();
    tensors["token_embedding.weight"] = tensors.at("token_embedding.weight").slice(0, 300);
    r.parts.text_encoder = folder_ / "encoder.safetensors";
    checkpoint::save_safetensors(r.parts.text_encoder, tensors);
    expect_invalid([&] { session_.make(r, observer_); }, {"makes id 328", "only 300 ids", "different models"});
    EXPECT_FALSE(fs::exists(r.job_folder()));
    r.parts.text_encoder.clear();
    session_.make(r, observer_);
}

TEST_F(Prompts, NeedNotBeUtf8) {
    embedded("A red \xff\xfe ball");
    EXPECT_EQ(read_y4m(request_.output).frames.size(), 5U);
}

}  // namespace
}  // namespace t3video::session
