// The job folder: what it remembers, and what it does not believe.
#include "job/job.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "checkpoint/tensor_source.h"
#include "core/output_file.h"
#include "job/identity.h"
#include "job/job_files.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace t3video::job {
namespace {

using namespace testing;
namespace fs = std::filesystem;

void expect_same_bits(const Tensor& a, const Tensor& b) {
    ASSERT_EQ(a.shape(), b.shape());
    ASSERT_EQ(a.dtype(), b.dtype());
    EXPECT_EQ(std::memcmp(a.raw(), b.raw(), a.bytes()), 0);
}

class JobTest : public ::testing::Test {
  protected:
    Job open(int seed = 1) { return Job(folder(), request(seed)); }
    static nlohmann::json request(int seed) { return {{"seed", seed}, {"prompt", "A ball."}}; }
    fs::path folder() const { return folder_ / "films/ball.job"; }
    fs::path latents() const { return folder() / "latents.safetensors"; }
    fs::path embeddings() const { return folder() / "embeddings.safetensors"; }

    void save_all() {
        Job job = open();
        job.save(embeddings_);
        job.save(state_);
    }

    Context ctx_;
    TemporaryFolder folder_;
    const Embeddings embeddings_{randn(ctx_, {5, 8}, 1), randn(ctx_, {3, 8}, 2)};
    const sampling::SampleState state_{
        7, randn(ctx_, {4, 2, 6, 10}, 3), {randn(ctx_, {4, 2, 6, 10}, 4), randn(ctx_, {4, 2, 6, 10}, 5)}};
};

TEST_F(JobTest, BeginsEmpty) {
    const Job job = open();
    EXPECT_EQ(job.folder(), folder());
    EXPECT_FALSE(job.stages(1).embeddings);
    EXPECT_FALSE(job.stages(1).latents);
    EXPECT_TRUE(read_file(folder() / "request.json").starts_with("{\n \"t3video\": "));
    EXPECT_TRUE(is_same_film(request_of_job(folder()), request(1)));
}

TEST_F(JobTest, RemembersBitForBit) {
    save_all();
    const SavedStages saved = open().stages(1);
    const auto& embeddings = saved.embeddings;
    ASSERT_TRUE(embeddings);
    EXPECT_TRUE(saved.damaged.empty());
    expect_same_bits(embeddings->positive, embeddings_.positive);
    expect_same_bits(embeddings->negative, embeddings_.negative);
    const auto& state = saved.latents;
    ASSERT_TRUE(state);
    EXPECT_EQ(state->step, 7);
    expect_same_bits(state->x, state_.x);
    ASSERT_EQ(state->history.size(), 2U);
    expect_same_bits(state->history[0], state_.history[0]);
    expect_same_bits(state->history[1], state_.history[1]);
}

// Tensors that others keep beside the sample, whatever their names and shapes.
TEST_F(JobTest, RemembersWhatIsKeptFurther) {
    sampling::SampleState state = state_;
    state.further = {{"x", randn(ctx_, {7}, 8)},
                     {"history.0", randn(ctx_, {3, 5}, 9)},
                     {"cache.negative", randn(ctx_, {2, 1, 3, 1, 4}, 10)}};
    open().save(state);
    const SavedStages saved = open().stages(1);
    ASSERT_TRUE(saved.latents) << saved.damaged.at(0);
    expect_same_bits(saved.latents->x, state.x);
    ASSERT_EQ(saved.latents->history.size(), 2U);
    expect_same_bits(saved.latents->history[0], state.history[0]);
    ASSERT_EQ(saved.latents->further.size(), 3U);
    for (const auto& [name, kept] : state.further) expect_same_bits(saved.latents->further.at(name), kept);
    open().save(state_);
    EXPECT_TRUE(open().stages(1).latents.value().further.empty());

    state.further["x"].data<float>()[5] = std::numeric_limits<float>::quiet_NaN();
    open().save(state);
    const SavedStages broken = open().stages(1);
    EXPECT_FALSE(broken.latents);
    EXPECT_NE(broken.damaged.at(0).find("no numbers"), std::string::npos) << broken.damaged.at(0);
}

TEST_F(JobTest, RemembersTheMissingNegative) {
    open().save(Embeddings{embeddings_.positive, {}});
    const auto embeddings = open().stages(1).embeddings;
    ASSERT_TRUE(embeddings);
    EXPECT_FALSE(embeddings->negative.defined());
}

// A state read from the file must outlive the file's replacement: denoising goes on from it while newer states are
// saved.
TEST_F(JobTest, LaterStatesReplaceEarlierOnes) {
    save_all();
    Job job = open();
    const auto earlier = job.stages(1).latents;
    job.save(sampling::SampleState{8, randn(ctx_, {4, 2, 6, 10}, 6), {}});
    const auto later = job.stages(1).latents;
    ASSERT_TRUE(earlier && later);
    EXPECT_EQ(later->step, 8);
    EXPECT_TRUE(later->history.empty());
    expect_same_bits(earlier->x, state_.x);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder()), fs::directory_iterator()), 3)
        << "something temporary was left";
}

// Nothing of another film's job is lost, and it takes its place again when its film comes back.
TEST_F(JobTest, AnotherFilmSetsItAside) {
    save_all();
    const fs::path aside = folder_ / "films/ball.1.job";
    {
        const Job other = open(2);
        EXPECT_EQ(other.set_aside(), aside);
        EXPECT_FALSE(other.stages(1).latents);
        EXPECT_FALSE(fs::exists(latents()));
    }
    EXPECT_EQ(read_stages(aside, 1).latents.value().step, 7);
    EXPECT_EQ(find_job(folder(), request(1)), aside);
    { EXPECT_EQ(open(3).set_aside(), folder_ / "films/ball.2.job"); }
    const Job back = open(1);
    EXPECT_EQ(back.stages(1).latents.value().step, 7);
    EXPECT_FALSE(fs::exists(aside));
    EXPECT_EQ(find_job(folder(), request(2)), folder_ / "films/ball.2.job");
    EXPECT_EQ(find_job(folder(), request(4)), std::nullopt);
}

TEST_F(JobTest, AJobInUseIsNotSetAside) {
    const Job job = open(1);
    EXPECT_THROW(open(2), InUse);
    EXPECT_EQ(holder_of(folder(), request(1)), Holder::film);
}

TEST_F(JobTest, KnowsItsFilm) {
    save_all();
    EXPECT_EQ(holder_of(folder(), request(1)), Holder::film);
    EXPECT_EQ(holder_of(folder(), request(2)), Holder::another);
    EXPECT_EQ(holder_of(folder_ / "none", request(1)), Holder::nobody);
    EXPECT_TRUE(is_job_folder(folder()));
    EXPECT_FALSE(is_job_folder(folder_.path()));
    // Another dump, with what another version may add.
    auto text = nlohmann::json::parse(read_file(folder() / "request.json"));
    text["further"] = {1, 2};
    text["seed"] = 1.0;
    write_file(folder() / "request.json", text.dump());
    EXPECT_EQ(holder_of(folder(), request(1)), Holder::film);
    EXPECT_EQ(film_id(text), film_id(request(1)));
    { open(1); }
    EXPECT_TRUE(request_of_job(folder()).contains("further"));
}

// Whatever lies there, none of it is ours: not even to be moved.
TEST_F(JobTest, FoldersWithOtherFilesAreRefused) {
    for (const char* name : {"request.json", "latents.safetensors", "notes.txt", "decode.json.partial"}) {
        const fs::path other = folder_ / (std::string("of ") + name);
        write_file(other / name, R"({"prompt": "mine"})");
        EXPECT_EQ(holder_of(other, request(1)), Holder::foreign) << name;
        expect_invalid([&] { Job(other, request(1)); }, {other.string(), "no job of t3video", "job"});
        EXPECT_EQ(read_file(other / name), R"({"prompt": "mine"})");
    }
    write_file(folder_ / "file.job", "text");
    EXPECT_EQ(holder_of(folder_ / "file.job", request(1)), Holder::foreign);
    // A run that was killed while it made the folder.
    for (const char* begun : {"", "{\n \"t3v", "{\n \"t3video\": \"0.1.0\",\n"}) {
        write_file(folder_ / "killed.job/request.json.partial", begun);
        EXPECT_EQ(holder_of(folder_ / "killed.job", request(1)), Holder::nobody) << begun;
    }
}

// A folder that goes while the film is made comes back with all that a job is.
TEST_F(JobTest, AFolderThatGoesIsMadeAgain) {
    Job job = open();
    job.save_front_door(R"(["prompt", "x"])");
    job.save(state_);
    fs::remove_all(folder());
    job.save(state_);
    EXPECT_EQ(read_stages(folder(), 1).latents.value().step, 7);
    EXPECT_EQ(front_door_of(folder()), (nlohmann::json{"prompt", "x"}));
    EXPECT_THROW(open(), InUse);
    // Another job in its place is not written into.
    fs::rename(folder(), folder_ / "moved.job");
    { Job(folder(), request(2)); }
    EXPECT_THROW(job.save(state_), InvalidRequest);
    EXPECT_FALSE(fs::exists(latents()));
}

// What no program of ours wrote there ends no listing.
TEST_F(JobTest, AFilmThatCannotBeIsNone) {
    Job job = open();
    const auto reads = [&](const Decoded& decoded) {
        job.save(decoded);
        return read_decoded(folder()).has_value();
    };
    EXPECT_TRUE(reads({"/x/a.mp4", 1, 1}));
    EXPECT_FALSE(reads({"/x/a.odd", 1, 1}));
    EXPECT_FALSE(reads({"/x/a.mp4", 2, 1}));
    EXPECT_FALSE(reads({"/x/a.mp4", -1, 1}));
}

TEST_F(JobTest, WhatAKilledRunDidNotFinishIsRemoved) {
    save_all();
    const auto files = [&] { return std::distance(fs::directory_iterator(folder()), fs::directory_iterator()); };
    const auto whole = files();
    for (const char* stage : {"request.json", "embeddings.safetensors", "input.safetensors", "command.json",
                              "decode.json", "files.json", "latents.safetensors"})
        write_file(partial_path(folder() / stage), "half");
    EXPECT_EQ(open().stages(1).latents.value().step, 7);
    EXPECT_EQ(files(), whole);
}

TEST_F(JobTest, OneAtATime) {
    {
        Job job = open();
        expect_invalid([&] { open(); }, {"job folder " + folder().string(), "in use"});
        job.save(state_);
    }
    EXPECT_EQ(open().stages(1).latents.value().step, 7);
}

TEST_F(JobTest, ADamagedRequestIsSetAside) {
    save_all();
    write_file(folder() / "request.json", read_file(folder() / "request.json").substr(0, 30));
    EXPECT_EQ(look_at_job(folder()).value().trouble, "request.json is damaged");
    const Job job = open();
    EXPECT_FALSE(job.stages(1).latents);
    EXPECT_EQ(read_stages(job.set_aside(), 1).latents.value().step, 7);
}

TEST_F(JobTest, DamagedFilesAreNamed) {
    for (const fs::path& file : {latents(), embeddings()}) {
        save_all();
        const std::string whole = read_file(file);
        const auto damaged_by = [&](const std::string& bytes) {
            write_file(file, bytes);
            const SavedStages saved = open().stages(1);
            EXPECT_EQ(saved.latents.has_value(), file != latents()) << bytes.size();
            EXPECT_EQ(saved.embeddings.has_value(), file != embeddings()) << bytes.size();
            ASSERT_EQ(saved.damaged.size(), 1u);
            EXPECT_NE(saved.damaged[0].find(file.string()), std::string::npos) << saved.damaged[0];
            EXPECT_EQ(saved.damaged[0].find('\n'), std::string::npos) << saved.damaged[0];
        };
        for (const std::string& bytes :
             {std::string(), whole.substr(0, 5), whole.substr(0, whole.size() / 2), whole.substr(0, whole.size() - 1),
              std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}"), std::string("not a tensor file at all")})
            damaged_by(bytes);
        // A bit that a bad disk turned.
        for (const size_t back : {size_t{1}, size_t{50}, whole.size() / 2}) {
            std::string flipped = whole;
            flipped[flipped.size() - back] = static_cast<char>(flipped[flipped.size() - back] ^ 4);
            damaged_by(flipped);
        }
        fs::remove(file);
        fs::create_directory(file);
        EXPECT_EQ(open().stages(1).latents.has_value(), file != latents());
        EXPECT_EQ(open().stages(1).embeddings.has_value(), file != embeddings());
        fs::remove(file);
    }
}

TEST_F(JobTest, StagesThatAreNoNumbersReadAsNothing) {
    Job job = open();
    Tensor x = clone(ctx_, state_.x), rows = clone(ctx_, embeddings_.negative);
    x.data<float>()[5] = std::numeric_limits<float>::infinity();
    rows.data<float>()[3] = std::numeric_limits<float>::quiet_NaN();
    job.save(sampling::SampleState{2, state_.x, {x}});
    job.save(Embeddings{embeddings_.positive, rows});
    const SavedStages saved = job.stages(2);
    EXPECT_FALSE(saved.latents);
    EXPECT_FALSE(saved.embeddings);
    ASSERT_EQ(saved.damaged.size(), 2u);
    EXPECT_NE(saved.damaged[0].find("no numbers"), std::string::npos) << saved.damaged[0];
}

TEST_F(JobTest, StagesOfAnotherShapeReadAsNothing) {
    const Job job = open();
    const Tensor x = state_.x, row = randn(ctx_, {8}, 7), half = randn(ctx_, {4, 2, 6, 10}, 8, DType::bf16);
    using Tensors = std::map<std::string, Tensor>;
    const auto latents_from = [&](const Tensors& tensors, const std::string& step) {
        checkpoint::save_safetensors(latents(), tensors, {{"step", step}, {kChecksum, checksum_of(tensors)}});
        return job.stages(1).latents.has_value();
    };
    EXPECT_TRUE(latents_from({{"x", x}}, "3"));
    EXPECT_FALSE(latents_from({{"y", x}}, "3"));
    EXPECT_FALSE(latents_from({{"x", row}}, "3"));
    EXPECT_FALSE(latents_from({{"x", half}}, "3"));
    EXPECT_FALSE(latents_from({{"x", x}, {"history.0", row}}, "3"));
    EXPECT_FALSE(latents_from({{"x", x}, {"history.0", half}}, "3"));
    EXPECT_TRUE(latents_from({{"x", x}, {"further.a", row}}, "3"));
    EXPECT_FALSE(latents_from({{"x", x}, {"further.a", half}}, "3"));
    EXPECT_FALSE(latents_from({{"x", x}, {"further.a", empty(ctx_, {0})}}, "3"));
    for (const char* step : {"", "-3", "3x", "three", "99999999999999999999"})
        EXPECT_FALSE(latents_from({{"x", x}}, step)) << step;
    checkpoint::save_safetensors(latents(), {{"x", x}});
    EXPECT_FALSE(job.stages(1).latents);

    const auto embeddings_from = [&](const Tensors& tensors) {
        checkpoint::save_safetensors(embeddings(), tensors, {{kChecksum, checksum_of(tensors)}});
        return job.stages(1).embeddings.has_value();
    };
    const Tensor rows = embeddings_.positive;
    EXPECT_TRUE(embeddings_from({{"positive", rows}}));
    EXPECT_FALSE(embeddings_from({{"negative", rows}}));
    EXPECT_FALSE(embeddings_from({{"positive", row}}));
    EXPECT_FALSE(embeddings_from({{"positive", rows}, {"negative", row}}));
    EXPECT_FALSE(embeddings_from({{"positive", randn(ctx_, {5, 8}, 9, DType::f16)}}));
}

TEST_F(JobTest, NumbersThatAreNotWholeReadAsNothing) {
    const auto state = [&](const std::string& width, const std::string& of) {
        write_file(folder() / "request.json",
                   R"({"t3video": "1", "prompt": "a", "height": 16, "frames": 5, "steps": 2, "width": )" + width + "}");
        write_file(folder() / "decode.json", R"({"output": "a.mp4", "frames": 1, "of": )" + of + "}");
        return look_at_job(folder()).value();
    };
    EXPECT_EQ(state("16", "5").trouble, "");
    EXPECT_TRUE(state("16", "5").decoded);
    EXPECT_FALSE(state("16", "1e300").decoded);
    EXPECT_NE(state("1e300", "5").trouble, "");
}

TEST_F(JobTest, FolderMustBeWritable) {
    const fs::path file = write_file(folder_ / "file", "x");
    expect_invalid([&] { Job(file, request(1)); }, {"job folder " + file.string(), "no job of t3video"});
    expect_invalid([&] { Job(file / "below.job", request(1)); }, {(file / "below.job").string()});
    expect_invalid([&] { Job("/proc/film.job", request(1)); }, {"job folder /proc/film.job", "cannot be made"});
}

// The record is a claim of whoever made the folder: files are ours by their contents.
TEST_F(JobTest, KnowsTheFilesThatItWrote) {
    Job job = open();
    const fs::path film = write_file(folder_ / "films/ball.y4m", "frames"),
                   whole = write_file(folder_ / "whole", "other");
    EXPECT_FALSE(job.written().names(film));
    job.written().expect({{whole, film}}, "form");
    for (const WrittenFiles& written : {job.written(), WrittenFiles(folder())}) {
        EXPECT_TRUE(written.has(film)) << "it may be replaced";
        EXPECT_FALSE(written.has(film, "form"));
    }
    fs::rename(whole, film);
    EXPECT_TRUE(job.written().has(film, "form"));
    job.written().settle({{whole, film}});
    write_file(film, "frames");
    EXPECT_TRUE(WrittenFiles(folder()).names(film));
    EXPECT_FALSE(WrittenFiles(folder()).has(film)) << "somebody's, as it was before";
    write_file(film, "other");
    fs::rename(folder_ / "films", folder_ / "moved");
    EXPECT_TRUE(WrittenFiles(folder_ / "moved/ball.job").has(folder_ / "moved/ball.y4m", "form"));
    write_file(folder_ / "moved/ball.job/files.json", R"({"files": {"../ball.y4m": [{"bytes": 5}, 3], "x": {}}})");
    EXPECT_FALSE(WrittenFiles(folder_ / "moved/ball.job").has(folder_ / "moved/ball.y4m"));
}

}  // namespace
}  // namespace t3video::job
