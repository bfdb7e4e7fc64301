// The job folder: what it remembers, and what it does not believe.
#include "pipeline/job.h"

#include <gtest/gtest.h>

#include <cstring>

#include "checkpoint/tensor_source.h"
#include "core/output_file.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace t3video::pipeline {
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
    Job open(const std::string& request = "{\"seed\": 1}") { return Job(folder(), request); }
    fs::path folder() const { return folder_ / "films/ball.job"; }
    fs::path latents() const { return folder() / "latents.safetensors"; }
    fs::path embeddings() const { return folder() / "embeddings.safetensors"; }

    void save_all() {
        const Job job = open();
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
    EXPECT_FALSE(job.embeddings());
    EXPECT_FALSE(job.latents());
    EXPECT_EQ(read_file(folder() / "request.json"), "{\"seed\": 1}");
}

TEST_F(JobTest, RemembersBitForBit) {
    save_all();
    const Job job = open();
    const auto embeddings = job.embeddings();
    ASSERT_TRUE(embeddings);
    expect_same_bits(embeddings->positive, embeddings_.positive);
    expect_same_bits(embeddings->negative, embeddings_.negative);
    const auto state = job.latents();
    ASSERT_TRUE(state);
    EXPECT_EQ(state->step, 7);
    expect_same_bits(state->x, state_.x);
    ASSERT_EQ(state->history.size(), 2U);
    expect_same_bits(state->history[0], state_.history[0]);
    expect_same_bits(state->history[1], state_.history[1]);
}

TEST_F(JobTest, RemembersTheMissingNegative) {
    open().save(Embeddings{embeddings_.positive, {}});
    const auto embeddings = open().embeddings();
    ASSERT_TRUE(embeddings);
    EXPECT_FALSE(embeddings->negative.defined());
}

// A state read from the file must outlive the file's replacement: denoising goes on from it while newer states are
// saved.
TEST_F(JobTest, LaterStatesReplaceEarlierOnes) {
    save_all();
    const Job job = open();
    const auto earlier = job.latents();
    job.save(sampling::SampleState{8, randn(ctx_, {4, 2, 6, 10}, 6), {}});
    const auto later = job.latents();
    ASSERT_TRUE(earlier && later);
    EXPECT_EQ(later->step, 8);
    EXPECT_TRUE(later->history.empty());
    expect_same_bits(earlier->x, state_.x);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder()), fs::directory_iterator()), 3)
        << "something temporary was left";
}

TEST_F(JobTest, AnotherRequestBeginsAnew) {
    save_all();
    {
        const Job other = open("{\"seed\": 2}");
        EXPECT_FALSE(other.embeddings());
        EXPECT_FALSE(other.latents());
        EXPECT_FALSE(fs::exists(latents()));
        EXPECT_EQ(read_file(folder() / "request.json"), "{\"seed\": 2}");
    }
    EXPECT_FALSE(open().latents()) << "the first request's stages are gone";
}

TEST_F(JobTest, KnowsItsRequest) {
    save_all();
    EXPECT_TRUE(Job::holds(folder(), "{\"seed\": 1}"));
    EXPECT_FALSE(Job::holds(folder(), "{\"seed\": 2}"));
    EXPECT_FALSE(Job::holds(folder_ / "none", "{\"seed\": 1}"));
    EXPECT_TRUE(is_job_folder(folder()));
    EXPECT_FALSE(is_job_folder(folder_.path()));
}

// What no program of ours wrote there ends no listing.
TEST_F(JobTest, AFilmThatCannotBeIsNone) {
    const Job job = open();
    job.save(Decoded{"/x/a.mp4", {}, 1, 1});
    EXPECT_TRUE(job.decoded());
    job.save(Decoded{"/x/a.odd", {}, 1, 1});
    EXPECT_FALSE(job.decoded());
}

TEST_F(JobTest, WhatAKilledRunDidNotFinishIsRemoved) {
    save_all();
    const auto files = [&] { return std::distance(fs::directory_iterator(folder()), fs::directory_iterator()); };
    const auto whole = files();
    for (const char* stage : {"request.json", "embeddings.safetensors", "input.safetensors", "command.json",
                              "decode.json", "latents.safetensors"})
        write_file(partial_path(folder() / stage), "half");
    EXPECT_EQ(open().latents().value().step, 7);
    EXPECT_EQ(files(), whole);
}

TEST_F(JobTest, OneAtATime) {
    {
        const Job job = open();
        expect_invalid([&] { open(); }, {"job folder " + folder().string(), "in use"});
        job.save(state_);
    }
    EXPECT_EQ(open().latents().value().step, 7);
}

TEST_F(JobTest, RequestCutShortBeginsAnew) {
    save_all();
    write_file(folder() / "request.json", "{\"seed\"");
    EXPECT_FALSE(open().latents());
}

TEST_F(JobTest, DamagedFilesReadAsNothing) {
    for (const fs::path& file : {latents(), embeddings()}) {
        save_all();
        const std::string whole = read_file(file);
        for (const std::string& damaged :
             {std::string(), whole.substr(0, 5), whole.substr(0, whole.size() / 2), whole.substr(0, whole.size() - 1),
              std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}"), std::string("not a tensor file at all")}) {
            write_file(file, damaged);
            const Job job = open();
            EXPECT_EQ(job.latents().has_value(), file != latents()) << damaged.size();
            EXPECT_EQ(job.embeddings().has_value(), file != embeddings()) << damaged.size();
        }
        fs::remove(file);
        fs::create_directory(file);
        EXPECT_EQ(open().latents().has_value(), file != latents());
        EXPECT_EQ(open().embeddings().has_value(), file != embeddings());
        fs::remove(file);
    }
}

TEST_F(JobTest, StagesOfAnotherShapeReadAsNothing) {
    const Job job = open();
    const Tensor x = state_.x, row = randn(ctx_, {8}, 7), half = randn(ctx_, {4, 2, 6, 10}, 8, DType::bf16);
    using Tensors = std::map<std::string, Tensor>;
    const auto latents_from = [&](const Tensors& tensors, const std::string& step) {
        checkpoint::save_safetensors(latents(), tensors, {{"step", step}});
        return job.latents().has_value();
    };
    EXPECT_TRUE(latents_from({{"x", x}}, "3"));
    EXPECT_FALSE(latents_from({{"y", x}}, "3"));
    EXPECT_FALSE(latents_from({{"x", row}}, "3"));
    EXPECT_FALSE(latents_from({{"x", half}}, "3"));
    EXPECT_FALSE(latents_from({{"x", x}, {"history.0", row}}, "3"));
    EXPECT_FALSE(latents_from({{"x", x}, {"history.0", half}}, "3"));
    for (const char* step : {"", "-3", "3x", "three", "99999999999999999999"})
        EXPECT_FALSE(latents_from({{"x", x}}, step)) << step;
    checkpoint::save_safetensors(latents(), {{"x", x}});
    EXPECT_FALSE(job.latents());

    const auto embeddings_from = [&](const Tensors& tensors) {
        checkpoint::save_safetensors(embeddings(), tensors);
        return job.embeddings().has_value();
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
                   R"({"prompt": "a", "height": 16, "frames": 5, "steps": 2, "width": )" + width + "}");
        write_file(folder() / "decode.json", R"({"output": "a.mp4", "command": [], "frames": 1, "of": )" + of + "}");
        return look_at_job(folder());
    };
    ASSERT_TRUE(state("16", "5"));
    EXPECT_TRUE(state("16", "5")->decoded);
    EXPECT_FALSE(state("16", "1e300")->decoded);
    EXPECT_FALSE(state("1e300", "5"));
}

TEST_F(JobTest, FolderMustBeWritable) {
    const fs::path file = write_file(folder_ / "file", "x");
    expect_invalid([&] { Job(file, "{}"); }, {"job folder " + file.string(), "cannot be made"});
    expect_invalid([&] { Job(file / "below.job", "{}"); },
                   {"job folder " + (file / "below.job").string(), "cannot be made"});
    fs::create_directories(folder_ / "odd.job/request.json");
    expect_invalid([&] { Job(folder_ / "odd.job", "{}"); },
                   {"job folder " + (folder_ / "odd.job").string(), "cannot be written"});
    // Stages of another request that stay would be taken for this one's.
    write_file(folder_ / "stuck.job/latents.safetensors/file", "x");
    expect_invalid([&] { Job(folder_ / "stuck.job", "{}"); },
                   {"stuck.job", "latents.safetensors", "cannot be removed"});
}

}  // namespace
}  // namespace t3video::pipeline
