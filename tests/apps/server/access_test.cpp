// Who may use a server, and how much of it.
#include "apps/server/server_fixture.h"
#include "core/sha256.h"
#include "support/talk.h"

namespace t3video::server {
namespace {

using AccessTest = ServerFixture;

TEST_F(AccessTest, CapsAreToldWithWhenToTryAgain) {
    start({}, 2);
    accepted(small("a"));
    accepted(small("b"));
    httplib::Result full = post("/v1/videos", small("c"));
    for (int i = 0; i < 100 && full->status == 202; ++i) full = post("/v1/videos", small("c"));
    EXPECT_EQ(full->status, 429) << full->body;
    EXPECT_FALSE(full->get_header_value("Retry-After").empty());
}

TEST_F(AccessTest, KeysOpenTheServerAndTheirOwnFilms) {
    ServerOptions options;
    options.keys = Keys::parse("anna " + sha256_of("a") + "\nbert " + sha256_of("b") + " requests=3\n", "keys");
    start(std::move(options));
    const auto as = [](const std::string& key) { return httplib::Headers{{"Authorization", "Bearer " + key}}; };
    const auto refused = client_->Get("/v1/videos");
    EXPECT_EQ(refused->status, 401);
    EXPECT_EQ(refused->get_header_value("WWW-Authenticate"), "Bearer");
    EXPECT_EQ(client_->Get("/v1/videos", as("c"))->status, 401);
    for (const char* none : {"Basic a", "Bearer", "Bearer "})
        EXPECT_EQ(client_->Get("/v1/videos", {{"Authorization", none}})->status, 401) << none;
    EXPECT_EQ(client_->Get("/metrics")->status, 401);
    EXPECT_EQ(client_->Get("/healthz")->status, 200);
    EXPECT_EQ(client_->Get("/openapi.json")->status, 200);
    const auto created = client_->Post("/v1/videos", as("a"), small().dump(), kJson);
    ASSERT_EQ(created->status, 202);
    const std::string path = "/v1/videos/" + body_of(created)["id"].get<std::string>();
    EXPECT_EQ(client_->Get(path, as("a"))->status, 200);
    EXPECT_EQ(client_->Get(path, as("b"))->status, 404) << "another's film";
    EXPECT_EQ(client_->Delete(path, as("b"))->status, 404);
    EXPECT_EQ(body_of(client_->Get("/v1/videos", as("b")))["data"].size(), 0U);
    const auto often = client_->Get("/v1/videos", as("b"));
    EXPECT_EQ(often->status, 429);
    EXPECT_FALSE(often->get_header_value("Retry-After").empty());
}

TEST_F(AccessTest, OthersMayReachAServerWithKeysOnly) {
    start();
    ServerOptions open;
    open.host = "0.0.0.0";
    open.port = 0;
    EXPECT_THROW(Server(*service_, open), InvalidRequest);
}

TEST_F(AccessTest, SitesAreNamedWhole) {
    start();
    for (const char* wrong : {"films.example", "https://", "ftp://films.example", "https://films.example/page", ""}) {
        ServerOptions options;
        options.port = 0;
        options.origins = {wrong};
        EXPECT_THROW(Server(*service_, options), InvalidRequest) << wrong;
    }
}

TEST_F(AccessTest, AnswersThatLastAreBoundHoweverTheyAreAsked) {
    ServerOptions options;
    options.limits.lasting = 1;
    start(std::move(options));
    json film = small();
    film["num_inference_steps"] = 1000;
    const std::string id = accepted(film), head = " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    testing::Talk first(server_->port()), second(server_->port());
    first.say("GET /v1/videos/" + id + "/events" + head);
    EXPECT_EQ(testing::status_of(first.hear("event:")), 200);
    second.say("GET /v1/videos/" + id + "/%65vents" + head);
    EXPECT_EQ(testing::status_of(second.hear("busy")), 503);
    client_->Delete("/v1/videos/" + id);
}

TEST_F(AccessTest, PagesOfOtherSitesMayUseNothing) {
    start();
    const httplib::Headers foreign = {{"Origin", "https://evil.example"}};
    EXPECT_EQ(client_->Post("/v1/videos", foreign, small().dump(), kJson)->status, 403);
    for (const char* name :
         {"evil.example", "127.evil.example", "127.0.0.1.evil.example", "127.1x", "[::2]", "0.0.0.0"})
        EXPECT_EQ(client_->Get("/v1/videos", {{"Host", name}})->status, 403) << name << " may lead here";
    for (const char* own : {"localhost:8000", "127.0.0.1", "127.9.8.7:80", "[::1]:8000", "[::ffff:127.0.0.1]:80"})
        EXPECT_EQ(client_->Get("/v1/videos", {{"Host", own}})->status, 200) << own;
    EXPECT_FALSE(client_->Get("/v1/videos", foreign)->has_header("Access-Control-Allow-Origin"));
    const std::string own = "http://127.0.0.1:" + std::to_string(server_->port());
    EXPECT_EQ(client_->Post("/v1/plan", httplib::Headers{{"Origin", own}}, small().dump(), kJson)->status, 200);

    client_.reset();
    server_.reset();
    ServerOptions shared;
    shared.port = 0;
    shared.origins = {"https://films.example/"};
    Server server(*service_, shared);
    httplib::Client client("127.0.0.1", server.port());
    const httplib::Headers known = {{"Origin", "https://films.example"}};
    const auto asked = client.Options("/v1/videos", known);
    EXPECT_EQ(asked->status, 204);
    EXPECT_EQ(asked->get_header_value("Access-Control-Allow-Origin"), "https://films.example");
    const auto headers = [&](const std::string& wanted) {
        return client
            .Options("/v1/videos", {{"Origin", "https://films.example"}, {"Access-Control-Request-Headers", wanted}})
            ->get_header_value("Access-Control-Allow-Headers");
    };
    EXPECT_EQ(headers("authorization, x-stainless-os"), "authorization, x-stainless-os");
    EXPECT_EQ(headers("a; b=\"c\"").find(';'), std::string::npos);
    EXPECT_EQ(client.Post("/v1/plan", known, small().dump(), kJson)->status, 200);
    EXPECT_EQ(client.Get("/healthz", {{"Host", "films.example"}})->status, 200);
    EXPECT_EQ(client.Post("/v1/plan", foreign, small().dump(), kJson)->status, 403);
}

}  // namespace
}  // namespace t3video::server
