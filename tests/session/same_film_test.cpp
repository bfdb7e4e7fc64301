// Which requests are of the same film, so that its job serves them.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "checkpoint/tensor_source.h"
#include "session/make_fixture.h"
#include "session/planned.h"
#include "support/tensors.h"

namespace t3video::session {
namespace {

using SameFilm = MakeTest;

TEST_F(SameFilm, AnotherRequestDoesNotUseTheJob) {
    film::Request r = request("ball"), other = request("other");
    const std::string first = film(r);
    const auto changed = [&](auto change) {
        change(r);
        change(other);
        fs::remove_all(other.job_folder());
        const std::string again = film(r);
        EXPECT_EQ(again, film(other));
        return again;
    };
    EXPECT_NE(changed([](film::Request& x) { x.prompt = "A green hill."; }), first);
    changed([](film::Request& x) { x.settings.negative_prompt = "rain"; });
    changed([](film::Request& x) { x.settings.steps = 3; });
    changed([](film::Request& x) { x.settings.cfg = 2; });
    changed([](film::Request& x) { x.settings.shift = 3; });
    changed([](film::Request& x) { x.settings.solver = "euler"; });
    changed([](film::Request& x) { x.seed = 9; });
    changed([](film::Request& x) { x.noise = film::NoiseSource::cuda; });
    changed([](film::Request& x) { x.multiprocessors = 2; });
    changed([](film::Request& x) { x.bf16_timesteps = true; });
    changed([](film::Request& x) { x.settings.frames = 9; });
    changed([](film::Request& x) { x.settings.height = 48; });
}

TEST_F(SameFilm, LayoutIsPartOfTheRequest) {
    film::Request r = request("ball");
    const std::string full = film(r);
    r.layout = write_file(folder_ / "layout.json", R"({"grid": [2, 2, 2], "window_counts": [[2, 1, 1], [1, 2, 1]]})");
    EXPECT_NE(film(r), full);
    r.layout = write_file(folder_ / "ones.json", R"({"grid": [2, 2, 2], "window_counts": [[1, 1, 1]]})");
    EXPECT_EQ(film(r), full);
}

TEST_F(SameFilm, LorasArePartOfTheRequest) {
    film::Request r = request("ball");
    const std::string without = film(r);
    const auto lora = [&](const char* name, uint32_t seed) {
        checkpoint::save_safetensors(
            folder_ / name, {{"diffusion_model.blocks.0.ffn.2.lora_A.weight", randn(ctx_, {2, 160}, seed)},
                             {"diffusion_model.blocks.0.ffn.2.lora_B.weight", randn(ctx_, {96, 2}, seed + 1)}});
        return folder_ / name;
    };
    r.parts.loras = {{lora("a.safetensors", 1), 0.5}};
    const std::string half = film(r);
    EXPECT_NE(half, without);
    EXPECT_EQ(film(r), half);
    r.parts.loras = {{folder_ / "a.safetensors", 1}};
    const std::string whole = film(r);
    EXPECT_NE(whole, half);
    r.parts.loras.push_back({lora("b.safetensors", 3), 1});
    const std::string both = film(r);
    EXPECT_NE(both, whole);
    lora("b.safetensors", 5);  // another file under the same name
    fs::last_write_time(folder_ / "b.safetensors", fs::file_time_type::clock::now() + std::chrono::seconds(9));
    EXPECT_NE(film(r), both);
    r.parts.loras = {{folder_ / "a.safetensors", 0}};
    EXPECT_EQ(film(r), without);
}

// What a film is made from counts by its contents: not where it lies, what it is called, or when it was written.
TEST_F(SameFilm, AModelThatIsTouchedMovedOrDumpedAgainIsTheSame) {
    film::Request r = request("ball");
    r.model = folder_ / "model";
    fs::copy(kGolden / "wan21-tiny/model", r.model, fs::copy_options::recursive);
    const fs::path shard = r.model / "part.safetensors",
                   index = r.model / "diffusion_pytorch_model.safetensors.index.json";
    fs::rename(r.model / "diffusion_pytorch_model.safetensors", shard);
    const auto write_index = [&](const std::string& name, const char* space) {
        std::string map;
        for (const auto& [tensor, stored] : checkpoint::open_tensors(r.model / name).tensors)
            map += concat(map.empty() ? "" : ",", space, "\"", tensor, "\": \"", name, "\"");
        std::ofstream(index) << "{" << space << "\"weight_map\": {" << map << "}}";
    };
    write_index("part.safetensors", " ");
    run(r);
    const std::string latents = read_file(r.job_folder() / "latents.safetensors");
    const auto goes_on = [&](const char* why) {
        fs::remove(r.output);
        // Only a job that goes on still has these.
        sampling::SampleState state = job::read_stages(r.job_folder(), 1).latents.value();
        state.x = zeros(ctx_, state.x.shape());
        save(r, state);
        run(r);
        const Tensor x = job::read_stages(r.job_folder(), 1).latents.value().x;
        EXPECT_EQ(x.data<float>()[0], 0) << why;
        EXPECT_FALSE(fs::exists(folder_ / "ball.1.job")) << why;
    };
    for (const auto& entry : fs::recursive_directory_iterator(r.model))
        if (entry.is_regular_file()) fs::last_write_time(entry.path(), fs::file_time_type::clock::now());
    goes_on("touched");
    fs::rename(shard, r.model / "renamed.safetensors");
    write_index("renamed.safetensors", "\n    ");
    goes_on("another shard name and index");
    std::ofstream(r.model / "config.json")
        << R"({"num_heads" :   )"
        << models::WanDit::load(index, (kGolden / "wan21-tiny/model") / "config.json").config().heads << "}";
    goes_on("another dump of the configuration");
    fs::rename(r.model, folder_ / "elsewhere");
    r.model = folder_ / "elsewhere";
    goes_on("moved");
    fs::copy(r.model / "Wan2.1_VAE.pth", r.model / "copy.pth");
    r.parts.vae = r.model / "copy.pth";
    goes_on("the latents do not depend on the VAE");
    // Other weights make another film, and the job of the first waits beside.
    std::string bytes = read_file(r.model / "renamed.safetensors");
    bytes[bytes.size() - 1] = static_cast<char>(bytes[bytes.size() - 1] ^ 1);
    write_file(r.model / "renamed.safetensors", bytes);
    fs::remove(r.output);
    run(r);
    EXPECT_TRUE(fs::exists(folder_ / "ball.1.job"));
    EXPECT_NE(read_file(r.job_folder() / "latents.safetensors"), latents);
}

TEST_F(SameFilm, ComputeTypeIsPartOfTheFilm) {
    const film::Request r = request("ball");
    run(r);
    const film::ModelFiles files = film::find_model(r.model, r.parts);
    const film::Networks networks = film::load_networks(files);
    const film::Film film = film_of(networks, r.settings);
    const job::ModelContents contents = job::contents_of(files, networks.dit().config().heads);
    const auto identity = [&](DType type) { return job::film_identity(r, film, {}, contents, type); };
    EXPECT_EQ(job::holder_of(r.job_folder(), identity(DType::f32)), job::Holder::film);
    EXPECT_EQ(job::holder_of(r.job_folder(), identity(DType::bf16)), job::Holder::another);
}

}  // namespace
}  // namespace t3video::session
