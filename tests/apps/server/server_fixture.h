// A server of the demo model, on one thread, and a client.
#pragma once

#include <gtest/gtest.h>
#include <httplib.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "apps/server/server.h"
#include "ops/devices.h"
#include "support/files.h"

namespace t3video::server {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr const char* kJson = "application/json";

class ServerFixture : public ::testing::Test {
  protected:
    void start(ServerOptions options = {}, int64_t queue_cap = 1000) {
        serving::ServiceOptions films;
        films.data = folder_ / "data";
        films.models = {{"demo", {}}};
        films.disk_reserve = 0;
        films.queue_cap = queue_cap;
        films.uploads.bytes = 1 << 20;
        films.devices = {[] { return std::make_unique<session::Session>(ops::make_context({.threads = 1})); }};
        service_ = std::make_unique<serving::Service>(films);
        options.port = 0;
        options.hidden = {films.data.string()};
        server_ = std::make_unique<Server>(*service_, std::move(options));
        client_ = std::make_unique<httplib::Client>("127.0.0.1", server_->port());
        client_->set_read_timeout(60s);
        client_->set_keep_alive(true);
    }

    httplib::Result post(const std::string& path, const json& body) { return client_->Post(path, body.dump(), kJson); }
    static json body_of(const httplib::Result& answer) { return json::parse(answer->body); }
    static json error_of(const httplib::Result& answer) { return body_of(answer)["error"]; }

    static json small(const std::string& prompt = "A red ball drifts left.") {
        return {{"prompt", prompt}, {"size", "96x64"}, {"num_frames", 5}, {"num_inference_steps", 2}, {"seed", 7}};
    }
    std::string accepted(const json& film) {
        const auto answer = post("/v1/videos", film);
        EXPECT_EQ(answer->status, 202) << answer->body;
        return body_of(answer)["id"];
    }
    json finished(const std::string& id) {
        for (int i = 0; i < 2400; ++i) {
            const auto answer = client_->Get("/v1/videos/" + id);
            if (!answer || answer->status != 200) break;
            const json film = body_of(answer);
            if (film["status"] == "completed" || film["status"] == "failed") return film;
            std::this_thread::sleep_for(25ms);
        }
        ADD_FAILURE() << id << " does not end";
        return {};
    }

    testing::TemporaryFolder folder_;
    std::unique_ptr<serving::Service> service_;
    std::unique_ptr<Server> server_;
    std::unique_ptr<httplib::Client> client_;
};

}  // namespace t3video::server
