// Models that are open: their weights are numbers, and their files what they were.
#include "session/model.h"

#include <gtest/gtest.h>

#include <limits>

#include "../checkpoint/pickle_writer.h"
#include "checkpoint/finite.h"
#include "support/errors.h"
#include "support/films.h"

namespace t3video::session {
namespace {

using namespace testing;
namespace fs = std::filesystem;

TEST(FiniteWeights, NameTheWeight) {
    const auto file = film::demo_model_folder() / "diffusion_pytorch_model.safetensors";
    auto dit = models::WanDit::load(file, film::demo_model_folder() / "config.json");
    checkpoint::require_finite_weights(dit, file, 2);
    dit.for_each_param("", [](const std::string& name, nn::Param& param) {
        if (name != "blocks.3.norm3.bias") return;
        Tensor value = empty_on_host(param.shape);
        for (float& v : value.span<float>()) v = 0;
        value.data<float>()[5] = std::numeric_limits<float>::infinity();
        param.value = value;
    });
    expect_invalid([&] { checkpoint::require_finite_weights(dit, file, 2); },
                   {"diffusion_pytorch_model.safetensors", "blocks.3.norm3.bias' [192]"});
}

class OpenModel : public ::testing::Test {
  protected:
    OpenModel() { fs::copy(kGolden / "wan21-tiny/model", folder_ / "model", fs::copy_options::recursive); }
    FileModel open() const {
        const film::ModelFiles files =
            film::find_model(folder_ / "model", {.tokenizer = kGolden / "tokenizer/spiece.model"});
        return FileModel(files, film::load_networks(files));
    }
    fs::path vae() const { return folder_ / "model/Wan2.1_VAE.pth"; }

    TemporaryFolder folder_;
};

TEST_F(OpenModel, IsWhatItWasUntilAFileChanges) {
    const FileModel model = open();
    EXPECT_TRUE(model.is_current());
    model.require_unchanged();
    // Another file under the name: what is mapped stays, but whoever asks next wants the new one.
    fs::copy(vae(), folder_ / "copy.pth");
    fs::last_write_time(folder_ / "copy.pth", fs::file_time_type::clock::now() + std::chrono::seconds(9));
    fs::rename(folder_ / "copy.pth", vae());
    model.require_unchanged();
    EXPECT_FALSE(model.is_current());
    // Written over in place.
    const FileModel second = open();
    EXPECT_TRUE(second.is_current());
    fs::last_write_time(vae(), fs::file_time_type::clock::now() + std::chrono::seconds(19));
    EXPECT_FALSE(second.is_current());
    EXPECT_THROW(second.require_unchanged(), InvalidRequest);
}

TEST_F(OpenModel, IsNotCurrentWithoutItsFiles) {
    const FileModel model = open();
    fs::remove(folder_ / "model/config.json");
    EXPECT_FALSE(model.is_current());
    model.require_unchanged();  // no weights are in there
}

// A LoRA beside an average of it.
TEST_F(OpenModel, SaysWhichOfSeveralDictsWasTaken) {
    EXPECT_TRUE(open().networks().notes.empty());
    checkpoint::PickleWriter pickle;
    pickle.op('}');
    for (const char* name : {"lora", "lora_ema"})
        pickle.text(name).dict({{"blocks.0.norm3.diff", "FloatStorage", "0", 96, 0, {96}, {1}}}).op('s');
    const fs::path lora =
        write_file(folder_ / "a.pt", checkpoint::old_pth(pickle.stop(), {{"0", std::string(384, '\0')}}));
    film::ModelFiles files = film::find_model(folder_ / "model", {.tokenizer = kGolden / "tokenizer/spiece.model"});
    files.loras = {{lora, 1}};
    const FileModel model(files, film::load_networks(files));
    ASSERT_EQ(model.networks().notes.size(), 1u);
    EXPECT_EQ(model.networks().notes[0],
              lora.string() + ": takes the weights under 'lora_ema', not those under 'lora'");
}

// Found once, when first asked for.
TEST_F(OpenModel, KnowsItsContents) {
    FileModel model = open();
    const job::ModelContents contents = model.contents();
    EXPECT_EQ(contents.vae, model.vae_hash());
    EXPECT_EQ(contents.heads, model.networks().dit().config().heads);
    EXPECT_TRUE(contents.loras.is_null());
    fs::rename(folder_ / "model", folder_ / "elsewhere");
    EXPECT_EQ(model.contents().dit, contents.dit);
    EXPECT_FALSE(model.tokenizer().encode("A ball", 10).empty());
}

}  // namespace
}  // namespace t3video::session
