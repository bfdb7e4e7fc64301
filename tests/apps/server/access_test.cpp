// Who may use a server, and how much of it.
#include "apps/server/server_fixture.h"
#include "core/sha256.h"

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
    EXPECT_EQ(client_->Get("/v1/videos", {{"Authorization", "Basic a"}})->status, 401);
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

TEST_F(AccessTest, PagesOfOtherSitesMayUseNothing) {
    start();
    const httplib::Headers foreign = {{"Origin", "https://evil.example"}};
    EXPECT_EQ(client_->Post("/v1/videos", foreign, small().dump(), kJson)->status, 403);
    EXPECT_EQ(client_->Get("/v1/videos", {{"Host", "evil.example"}})->status, 403) << "a name that leads here";
    EXPECT_FALSE(client_->Get("/v1/videos", foreign)->has_header("Access-Control-Allow-Origin"));
    const std::string own = "http://127.0.0.1:" + std::to_string(server_->port());
    EXPECT_EQ(client_->Post("/v1/plan", httplib::Headers{{"Origin", own}}, small().dump(), kJson)->status, 200);

    client_.reset();
    server_.reset();
    ServerOptions shared;
    shared.port = 0;
    shared.origins = {"https://films.example"};
    Server server(*service_, shared);
    httplib::Client client("127.0.0.1", server.port());
    const httplib::Headers known = {{"Origin", "https://films.example"}};
    const auto asked = client.Options("/v1/videos", known);
    EXPECT_EQ(asked->status, 204);
    EXPECT_EQ(asked->get_header_value("Access-Control-Allow-Origin"), "https://films.example");
    EXPECT_EQ(client.Post("/v1/plan", known, small().dump(), kJson)->status, 200);
    EXPECT_EQ(client.Get("/healthz", {{"Host", "films.example"}})->status, 200);
    EXPECT_EQ(client.Post("/v1/plan", foreign, small().dump(), kJson)->status, 403);
}

}  // namespace
}  // namespace t3video::server
