// The command, as services start and stop it.
#include <gtest/gtest.h>
#include <httplib.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/sha256.h"
#include "support/program.h"

namespace t3video::server {
namespace {

using nlohmann::json;
using testing::read_file;
using testing::run_program;
using namespace std::chrono_literals;

class ServeTest : public ::testing::Test {
  protected:
    // Starts it at a free port, which it prints.
    void start(const std::vector<std::string>& further = {}) {
        std::string words = "exec " + testing::quoted(testing::program_path()) + " serve --port 0 --threads 1";
        for (const std::string& word : further) words += " " + testing::quoted(word);
        words += " --data " + testing::quoted(folder_ / "data") + " >" + testing::quoted(folder_ / "out") + " 2>" +
                 testing::quoted(folder_ / "err");
        std::filesystem::remove(folder_ / "out");  // of a server before
        child_ = fork();
        if (child_ == 0) {
            execl("/bin/sh", "sh", "-c", words.c_str(), nullptr);
            _exit(127);
        }
        for (int i = 0; i < 2400 && waitpid(child_, nullptr, WNOHANG) == 0; ++i) {
            const std::string said = read_file(folder_ / "out");
            const size_t at = said.rfind(':');
            if (said.ends_with("/\n") && at != std::string::npos) {
                client_ = std::make_unique<httplib::Client>("127.0.0.1", std::stoi(said.substr(at + 1)));
                return;
            }
            std::this_thread::sleep_for(25ms);
        }
        FAIL() << read_file(folder_ / "err");
    }
    int stop(int signal) {
        kill(child_, signal);
        return testing::wait_for(child_);
    }

    testing::TemporaryFolder folder_;
    pid_t child_ = 0;
    std::unique_ptr<httplib::Client> client_;
};

TEST_F(ServeTest, WhatWasAcceptedIsMadeAfterAStopAndAKill) {
    ASSERT_NO_FATAL_FAILURE(start());
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) {
        const json film = {{"prompt", "Film " + std::to_string(i)},
                           {"size", "96x64"},
                           {"num_frames", 5},
                           {"num_inference_steps", 4},
                           {"seed", i}};
        const auto answer = client_->Post("/v1/videos", film.dump(), "application/json");
        ASSERT_TRUE(answer) << read_file(folder_ / "err");
        ASSERT_EQ(answer->status, 202) << answer->body;
        ids.push_back(json::parse(answer->body)["id"]);
    }
    EXPECT_EQ(stop(SIGTERM), 0) << read_file(folder_ / "err");
    ASSERT_NO_FATAL_FAILURE(start());
    EXPECT_EQ(stop(SIGKILL), -SIGKILL);
    ASSERT_NO_FATAL_FAILURE(start());
    for (const std::string& id : ids) {
        json film;
        for (int i = 0; i < 2400 && film["status"] != "completed"; ++i) {
            std::this_thread::sleep_for(25ms);
            const auto answer = client_->Get("/v1/videos/" + id);
            ASSERT_TRUE(answer) << read_file(folder_ / "err");
            film = json::parse(answer->body);
        }
        EXPECT_EQ(film["status"], "completed") << film;
        EXPECT_GT(client_->Get("/v1/videos/" + id + "/content")->body.size(), 1000U);
    }
    const auto second = run_program({"serve", "--port", "0", "--data", folder_ / "data"});
    EXPECT_EQ(second.exit_code, 2);
    EXPECT_NE(second.err.find("in use"), std::string::npos) << second.err;
    EXPECT_EQ(stop(SIGINT), 0);
}

TEST_F(ServeTest, MistakesAreToldInALine) {
    const auto says = [&](const std::vector<std::string>& further, const std::string& part) {
        std::vector<std::string> words = {"serve", "--data", folder_ / "data"};
        words.insert(words.end(), further.begin(), further.end());
        const auto outcome = run_program(words);
        EXPECT_EQ(outcome.exit_code, 2) << part;
        EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
    };
    EXPECT_EQ(run_program({"serve"}).exit_code, 2);
    says({"--port", "70000"}, "70000");
    says({"--host", "0.0.0.0", "--port", "0"}, "--keys");
    says({"--host", "nowhere.invalid"}, "--host nowhere.invalid");
    says({"--keys", folder_ / "none"}, "none");
    says({"--model", folder_ / "none"}, "none");
    says({"--device", "tpu"}, "--device tpu");
    says({"--disk", "much"}, "--disk");
}

}  // namespace
}  // namespace t3video::server
