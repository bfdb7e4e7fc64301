// A server of the demo model, as clients meet it.
#include "apps/server/server.h"

#include <cmath>

#include "apps/server/server_fixture.h"
#include "core/sha256.h"
#include "media/png.h"
#include "support/pictures.h"

namespace t3video::server {
namespace {

using ServerTest = ServerFixture;

TEST_F(ServerTest, AFilmIsAskedForPolledFetchedAndRemoved) {
    start();
    const auto created = post("/v1/videos", small());
    ASSERT_EQ(created->status, 202) << created->body;
    EXPECT_FALSE(created->get_header_value("openai-poll-after-ms").empty());
    const json video = body_of(created);
    EXPECT_EQ(video["object"], "video");
    EXPECT_EQ(video["model"], "demo");
    EXPECT_EQ(video["size"], "96x64");
    EXPECT_EQ(video["seconds"], "0.625");
    EXPECT_EQ(video["completed_at"], nullptr);
    EXPECT_EQ(video["error"], nullptr);
    EXPECT_EQ(video["request"]["num_inference_steps"], 2);
    EXPECT_EQ(video["request"]["model"], "demo");
    EXPECT_EQ(video["request"]["container"], "mp4");
    const std::string path = "/v1/videos/" + video["id"].get<std::string>();
    const json done = finished(video["id"]);
    EXPECT_EQ(done["status"], "completed") << done;
    EXPECT_EQ(done["progress"], 100);
    EXPECT_GE(done["completed_at"], done["created_at"]);
    EXPECT_TRUE(client_->Get(path)->get_header_value("openai-poll-after-ms").empty());

    const auto file = client_->Get(path + "/content");
    ASSERT_EQ(file->status, 200);
    EXPECT_GT(file->body.size(), 1000U);
    const std::string tag = file->get_header_value("ETag");
    const auto part = client_->Get(path + "/content?variant=video", {{"Range", "bytes=10-19"}});
    EXPECT_EQ(part->status, 206);
    EXPECT_EQ(part->body, file->body.substr(10, 10));
    EXPECT_EQ(part->get_header_value("Content-Range"), "bytes 10-19/" + std::to_string(file->body.size()));
    EXPECT_EQ(client_->Get(path + "/content", {{"Range", "bytes=10-19"}, {"If-Range", "\"other\""}})->status, 200);
    const auto ranged = client_->Head(path + "/content", {{"Range", "bytes=10-19"}});
    EXPECT_EQ(ranged->status, 200);
    EXPECT_EQ(ranged->get_header_value("Content-Length"), std::to_string(file->body.size()));
    EXPECT_EQ(client_->Get(path + "/content", {{"If-None-Match", tag}})->status, 304);
    const auto beyond = client_->Get(path + "/content", {{"Range", "bytes=99999999-"}});
    EXPECT_EQ(beyond->status, 416);
    EXPECT_EQ(beyond->get_header_value("Content-Range"), "bytes */" + std::to_string(file->body.size()));
    const auto head = client_->Head(path + "/content");
    EXPECT_EQ(head->status, 200);
    EXPECT_EQ(head->get_header_value("Content-Length"), std::to_string(file->body.size()));
    for (const char* variant : {"thumbnail", "spritesheet"}) {
        const auto picture = client_->Get(path + "/content?variant=" + variant);
        EXPECT_EQ(picture->status, 200) << variant;
        EXPECT_EQ(picture->body.substr(1, 3), "PNG") << variant;
    }
    EXPECT_EQ(error_of(client_->Get(path + "/content?variant=x"))["param"], "variant");

    EXPECT_EQ(body_of(client_->Delete(path)),
              json({{"id", video["id"]}, {"object", "video.deleted"}, {"deleted", true}}));
    EXPECT_EQ(client_->Get(path)->status, 404);
    EXPECT_EQ(client_->Delete(path)->status, 404);
}

struct WrongField {
    const char *body, *param;
};
const WrongField kWrongFields[] = {
    {R"({})", "prompt"},
    {R"({"prompt": " "})", "prompt"},
    {R"({"prompt": 3})", "prompt"},
    {R"({"prompt": "a\u0000b"})", "prompt"},
    {R"({"prompt": "a", "prompt": "b"})", "prompt"},
    {R"({"prompt": "a", "steps": 3})", "steps"},
    {R"({"prompt": "a", "nonsense": 3})", "nonsense"},
    {R"({"prompt": "a", "model": "/etc"})", "model"},
    {R"({"prompt": "a", "size": "96"})", "size"},
    {R"({"prompt": "a", "size": 96})", "size"},
    {R"({"prompt": "a", "width": 96})", "height"},
    {R"({"prompt": "a", "width": 96.5, "height": 64})", "width"},
    {R"({"prompt": "a", "width": 0, "height": 64})", "width"},
    {R"({"prompt": "a", "num_frames": 6})", "num_frames"},
    {R"({"prompt": "a", "num_frames": "6"})", "num_frames"},
    {R"({"prompt": "a", "seconds": "long"})", "seconds"},
    {R"({"prompt": "a", "seconds": -1})", "seconds"},
    {R"({"prompt": "a", "num_inference_steps": 0})", "num_inference_steps"},
    {R"({"prompt": "a", "seed": -2})", "seed"},
    {R"({"prompt": "a", "fps": 0})", "fps"},
    {R"({"prompt": "a", "guidance_scale_2": 4})", "guidance_scale_2"},
    {R"({"prompt": "a", "lora": "../x"})", "lora"},
    {R"({"prompt": "a", "lora": [{"path": "x"}]})", "lora"},
    {R"({"prompt": "a", "container": "exe"})", "container"},
    {R"({"prompt": "a", "input_reference": {"image_url": "http://localhost/a.png"}})", "input_reference"},
    {R"({"prompt": "a", "input_reference": {"image_url": "data:image/png;base64,AAAA"}})", "input_reference"},
    {R"({"prompt": "a", "input_reference": {"file_id": "../queue.sqlite"}})", "input_reference"},
    {R"({"prompt": "a", "extra_params": {"output": "x"}})", "extra_params.output"},
    {R"({"prompt": "a", "extra_params": {"dit": "/etc/passwd"}})", "extra_params.dit"},
    {R"({"prompt": "a", "extra_params": {"strength": "x"}})", "extra_params.strength"},
    {R"({"prompt": "a", "extra_params": []})", "extra_params"},
    {R"({"prompt": "a", "num_frames": 5, "extra_params": {"frames": 9}})", "extra_params.frames"},
};

TEST_F(ServerTest, WrongFieldsAreNamedAsTheClientSaidThem) {
    start();
    for (const WrongField& wrong : kWrongFields) {
        const auto answer = client_->Post("/v1/videos", wrong.body, kJson);
        ASSERT_TRUE(answer) << wrong.body;
        EXPECT_EQ(answer->status, 400) << wrong.body << answer->body;
        if (answer->status != 400) continue;
        EXPECT_EQ(error_of(answer)["param"], wrong.param) << wrong.body << answer->body;
        EXPECT_EQ(answer->body.find(folder_.path().string()), std::string::npos) << answer->body;
        EXPECT_EQ(answer->body.find("models/demo"), std::string::npos) << answer->body;
    }
    EXPECT_EQ(client_->Post("/v1/videos", "nonsense", kJson)->status, 400);
    EXPECT_EQ(client_->Post("/v1/videos", "[]", kJson)->status, 400);
    EXPECT_EQ(client_->Post("/v1/videos", "prompt=a", "application/x-www-form-urlencoded")->status, 415);
    EXPECT_EQ(client_->Post("/v1/videos", std::string(17 << 20, ' '), kJson)->status, 413);
    EXPECT_EQ(service_->counters().accepted, 0);
}

TEST_F(ServerTest, AFieldGivesWayToAnother) {
    start();
    const auto plan = [&](const json& fields) {
        const auto answer = post("/v1/plan", fields);
        EXPECT_EQ(answer->status, 200) << fields << answer->body;
        return body_of(answer);
    };
    EXPECT_EQ(plan({{"size", "96x64"}, {"width", 128}})["size"], "128x64");
    EXPECT_EQ(plan({{"width", 128}, {"height", 96}})["size"], "128x96");
    EXPECT_EQ(plan({{"size", "96x64"}, {"seconds", "1"}, {"fps", 8}})["num_frames"], 9);
    EXPECT_EQ(plan({{"size", "96x64"}, {"seconds", 2.2}, {"fps", 10}})["num_frames"], 25);
    EXPECT_EQ(plan({{"size", "96x64"}, {"seconds", "1"}})["num_frames"], 9) << "8 a second are the model's";
    EXPECT_EQ(plan({{"size", "96x64"}, {"seconds", "9"}, {"num_frames", 5}})["num_frames"], 5);
    EXPECT_EQ(plan({{"size", "96x64"}, {"num_frames", 5}, {"extra_params", {{"frames", 5}}}})["num_frames"], 5);
    EXPECT_EQ(plan({{"guidance_scale", 2}, {"guidance_scale_2", 2.0}, {"size", nullptr}})["guidance_scale"], 2);
    EXPECT_EQ(plan({{"extra_params", {{"solver", "unipc"}, {"bf16_timesteps", true}}}})["solver"], "unipc");
    const json answer = plan(small());
    EXPECT_TRUE(answer["fits"]);
    EXPECT_GT(answer["memory_bytes"], 0);
    EXPECT_EQ(answer["input"], nullptr);
    EXPECT_EQ(error_of(post("/v1/videos", {{"prompt", "a"}, {"size", "16384x16384"}}))["code"], "invalid_value");
}

TEST_F(ServerTest, FormsBringFilesThatAreKeptByTheirHash) {
    start();
    const std::string video = testing::read_file(std::string(T3VIDEO_TEST_DATA) + "/media/gap.mp4");
    const auto form = [&](const std::string& bytes) {
        return httplib::MultipartFormDataItems{{"prompt", "A ball.", "", ""},
                                               {"size", "96x64", "", ""},
                                               {"num_frames", "5", "", ""},
                                               {"num_inference_steps", "2", "", ""},
                                               {"extra_params", R"({"strength": 0.5})", "", ""},
                                               {"input_reference", bytes, "../../gap.mp4", "video/mp4"}};
    };
    const auto planned = client_->Post("/v1/plan", form(video));
    ASSERT_EQ(planned->status, 200) << planned->body;
    const json input = body_of(planned)["input"];
    EXPECT_EQ(input["kind"], "video");
    EXPECT_EQ(input["id"].get<std::string>().substr(0, 64), sha256_of(video));
    const auto created = client_->Post("/v1/videos", form(video));
    ASSERT_EQ(created->status, 202) << created->body;
    const json request = body_of(created)["request"];
    EXPECT_EQ(request["extra_params"]["video"], input["id"]);
    EXPECT_EQ(accepted(request).substr(0, 6), "video_") << "what is told of a film asks for the same film";

    // Its length is that of its rate, sent or named, and another input takes its place.
    const json named =
        body_of(post("/v1/plan", {{"prompt", "x"}, {"input_reference", {{"file_id", input["id"]}}}, {"seconds", 1}}));
    EXPECT_EQ(named["num_frames"], 4 * std::lround(named["fps"].get<double>() / 4) + 1) << named;
    const std::string picture = media::encode_png(testing::picture(40, 24));
    httplib::MultipartFormDataItems other = {{"prompt", "x", "", ""},
                                             {"input_reference", picture, "a.png", "image/png"}};
    const auto remixed = client_->Post("/v1/videos/" + body_of(created)["id"].get<std::string>() + "/remix", other);
    EXPECT_EQ(remixed->body.find("exclude"), std::string::npos) << remixed->body;
    EXPECT_EQ(remixed->status, 400) << "this model begins with no picture";
    EXPECT_FALSE(std::filesystem::exists(folder_ / ("data/uploads/" + sha256_of(picture) + ".png")))
        << "what came with a refused request does not stay";

    const auto text = client_->Post("/v1/videos", form("no video at all"));
    EXPECT_EQ(text->status, 400);
    EXPECT_EQ(error_of(text)["param"], "input_reference");
    EXPECT_EQ(client_->Post("/v1/videos", form(std::string(18 << 20, 'x')))->status, 413);
    EXPECT_EQ(client_->Post("/v1/videos", form(std::string(2 << 20, 'x')))->status, 413);
    httplib::MultipartFormDataItems twice = form(video);
    twice.push_back({"num_frames", "9", "", ""});
    EXPECT_EQ(error_of(client_->Post("/v1/videos", twice))["param"], "num_frames");
    twice.back().content = "5";
    EXPECT_EQ(client_->Post("/v1/plan", twice)->status, 200);
    EXPECT_EQ(
        error_of(client_->Post("/v1/videos", httplib::MultipartFormDataItems{{"prompt", "x", "a.txt", ""}}))["param"],
        "prompt");
}

TEST_F(ServerTest, FormsNameMembersOfObjectsAndListsInBrackets) {
    start();
    const auto answer = [&](const httplib::MultipartFormDataItems& further) {
        httplib::MultipartFormDataItems form = {{"prompt", "A ball.", "", ""}, {"size", "96x64", "", ""}};
        form.insert(form.end(), further.begin(), further.end());
        return client_->Post("/v1/videos", form);
    };
    const auto created = answer({{"extra_params[solver]", "euler", "", ""}, {"extra_params[steps]", "2", "", ""}});
    ASSERT_EQ(created->status, 202) << created->body;
    EXPECT_EQ(body_of(created)["request"]["extra_params"]["solver"], "euler");
    EXPECT_EQ(body_of(created)["request"]["num_inference_steps"], 2);
    const json loras = error_of(answer({{"lora[]", "first", "", ""}, {"lora[]", "second", "", ""}}));
    EXPECT_EQ(loras["param"], "lora");
    EXPECT_NE(loras["message"].get<std::string>().find("first"), std::string::npos) << loras;
    EXPECT_EQ(error_of(answer({{"input_reference[file_id]", "none", "", ""}}))["param"], "input_reference");
    EXPECT_EQ(error_of(answer({{"extra_params[colour]", "red", "", ""}}))["param"], "extra_params.colour");
    for (const char* name : {"extra_params[]", "lora[first]", "seed[]", "colour[red]"})
        EXPECT_EQ(error_of(answer({{name, "1", "", ""}}))["param"], name);
}

TEST_F(ServerTest, EventsTellOfAFilmUntilItIsThere) {
    start();
    const std::string id = accepted(small());
    std::string text;
    const auto answer = client_->Get("/v1/videos/" + id + "/events", [&](const char* piece, size_t count) {
        text.append(piece, count);
        return true;
    });
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->get_header_value("Content-Type"), "text/event-stream");
    for (const char* name : {"stage", "step", "preview", "done"})
        EXPECT_NE(text.find("event: " + std::string(name) + "\ndata: {"), std::string::npos) << name << text;
    EXPECT_NE(text.find("/v1/videos/" + id + "/preview?of="), std::string::npos) << text;
    EXPECT_EQ(client_->Get("/v1/videos/" + id + "/preview?of=1")->body.substr(1, 3), "PNG");
    EXPECT_NE(client_->Get("/v1/videos/" + id + "/events")->body.find("event: done"), std::string::npos)
        << "told to late ones";
}

TEST_F(ServerTest, AFilmIsCancelledResumedAndMadeInAnotherWay) {
    start();
    json slow = small();
    slow["num_inference_steps"] = 200;
    const std::string id = accepted(slow), path = "/v1/videos/" + id;
    const std::string waiting = accepted(small("It waits."));
    EXPECT_EQ(client_->Get(path + "/content")->status, 409);
    EXPECT_EQ(client_->Post("/v1/videos/" + waiting + "/cancel")->status, 200);
    EXPECT_EQ(client_->Post(path + "/resume")->status, 409);
    EXPECT_EQ(client_->Post(path + "/cancel", "{}", kJson)->status / 100, 2);
    const json cancelled = finished(id);
    EXPECT_EQ(cancelled["status"], "failed");
    EXPECT_EQ(cancelled["error"]["code"], "cancelled");
    EXPECT_EQ(client_->Post(path + "/cancel", R"({"now": 1})", kJson)->status, 400);

    EXPECT_EQ(client_->Post("/v1/videos/" + waiting + "/resume")->status, 202);
    EXPECT_EQ(finished(waiting)["status"], "completed");
    EXPECT_EQ(client_->Post("/v1/videos/" + waiting + "/resume")->status, 409);
    const auto remix = post("/v1/videos/" + waiting + "/remix", {{"prompt", "A blue box."}});
    EXPECT_EQ(remix->status, 202) << remix->body;
    EXPECT_EQ(body_of(remix)["seed"], 7);
    EXPECT_EQ(body_of(remix)["prompt"], "A blue box.");
    EXPECT_EQ(body_of(remix)["remixed_from_video_id"], waiting);
    EXPECT_EQ(post("/v1/videos/" + waiting + "/remix", json::object())->status, 400);
    const auto decoded = post("/v1/videos/" + waiting + "/decode", {{"container", "y4m"}});
    EXPECT_EQ(decoded->status, 202) << decoded->body;
    EXPECT_EQ(finished(body_of(decoded)["id"])["status"], "completed");
    EXPECT_EQ(client_->Get("/v1/videos/" + body_of(decoded)["id"].get<std::string>() + "/content")->body.substr(0, 9),
              "YUV4MPEG2");
    EXPECT_EQ(error_of(post("/v1/videos/" + waiting + "/decode", {{"steps", 3}}))["param"], "steps");
    EXPECT_EQ(client_->Post("/v1/videos/video_none/cancel")->status, 404);
}

TEST_F(ServerTest, ARemixIsWorkedOutFromItsOrigin) {
    start();
    json film = small();
    film["fps"] = 24;
    const std::string path = "/v1/videos/" + accepted(film) + "/remix";
    const json longer = body_of(post(path, {{"prompt", "x"}, {"seconds", 0.5}}));
    EXPECT_EQ(longer["num_frames"], 13) << longer;
    const json wider = body_of(post(path, {{"prompt", "x"}, {"width", 128}}));
    EXPECT_EQ(wider["size"], "128x64") << wider;
    EXPECT_EQ(wider["request"]["seed"], 7);
}

TEST_F(ServerTest, WhoWaitsGetsTheFile) {
    start();
    const auto answer = post("/v1/videos/sync", small());
    EXPECT_EQ(answer->status, 200) << answer->body.substr(0, 300);
    EXPECT_EQ(answer->body, client_->Get("/v1/videos/" + answer->get_header_value("X-Video-Id") + "/content")->body);
}

TEST_F(ServerTest, ListsComePageByPage) {
    start();
    std::vector<std::string> ids;
    for (int i = 0; i < 5; ++i) ids.push_back(accepted(small("Film " + std::to_string(i))));
    const json first = body_of(client_->Get("/v1/videos?limit=2"));
    EXPECT_EQ(first["object"], "list");
    EXPECT_EQ(first["data"].size(), 2U);
    EXPECT_EQ(first["first_id"], ids[4]);
    EXPECT_EQ(first["last_id"], ids[3]);
    EXPECT_TRUE(first["has_more"]);
    const json rest = body_of(client_->Get("/v1/videos?limit=3&after=" + ids[3]));
    EXPECT_EQ(rest["data"].size(), 3U);
    EXPECT_FALSE(rest["has_more"]);
    EXPECT_EQ(body_of(client_->Get("/v1/videos?order=asc"))["first_id"], ids[0]);
    for (const char* wrong :
         {"limit=0", "limit=101", "limit=x", "order=up", "after=none", "page=2", "limit=1&limit=2"}) {
        const auto answer = client_->Get("/v1/videos?" + std::string(wrong));
        EXPECT_EQ(answer->status, wrong == std::string("after=none") ? 404 : 400) << wrong;
        EXPECT_EQ(error_of(answer)["param"], std::string(wrong).substr(0, std::string(wrong).find('='))) << wrong;
    }
}

TEST_F(ServerTest, AddressesAndMethodsAreThoseOfTheDescription) {
    start();
    const json api = body_of(client_->Get("/openapi.json"));
    EXPECT_EQ(api["openapi"], "3.1.0");
    EXPECT_EQ(api["paths"].size(), 15U);
    EXPECT_EQ(api["components"]["schemas"]["FilmRequest"]["required"], json({"prompt"}));
    EXPECT_TRUE(api["components"]["schemas"]["FilmFields"]["properties"].contains("solver"));
    EXPECT_FALSE(api["components"]["schemas"]["FilmFields"]["properties"].contains("output"));
    for (const auto& [path, operations] : api["paths"].items()) {
        std::string address = path;
        if (const size_t at = address.find("{id}"); at != std::string::npos) address.replace(at, 4, "video_none");
        for (const auto& [method, operation] : operations.items()) {
            const auto answer = method == "get"    ? client_->Get(address)
                                : method == "post" ? client_->Post(address, "{}", kJson)
                                                   : client_->Delete(address);
            EXPECT_TRUE(operation["responses"].contains(std::to_string(answer->status)))
                << method << path << answer->status;
        }
        const auto other = client_->Put(address, "", kJson);
        EXPECT_EQ(other->status, 405) << path;
        EXPECT_FALSE(other->get_header_value("Allow").empty());
    }
    EXPECT_EQ(client_->Get("/v1/videos/a%2Fb")->status, 404);
    EXPECT_EQ(client_->Get("/etc/passwd")->status, 404);
    EXPECT_EQ(client_->Get("/../../etc/passwd")->status, 404);
}

TEST_F(ServerTest, TellsOfItself) {
    start();
    const json models = body_of(client_->Get("/v1/models"));
    EXPECT_EQ(models["data"][0]["id"], "demo");
    EXPECT_EQ(models["data"][0]["defaults"]["size"], "448x256");
    EXPECT_EQ(body_of(client_->Get("/healthz"))["status"], "ok");
    const auto metrics = client_->Get("/metrics");
    EXPECT_NE(metrics->body.find("t3video_films{state=\"queued\"} 0\n"), std::string::npos) << metrics->body;
    EXPECT_NE(metrics->body.find("t3video_http_requests_total{route=\"listModels\",code=\"200\"} 1\n"),
              std::string::npos);
    const auto page = client_->Get("/");
    EXPECT_EQ(page->status, 200);
    EXPECT_NE(page->get_header_value("Content-Security-Policy").find("default-src 'none'"), std::string::npos);
    EXPECT_EQ(client_->Get("/", {{"If-None-Match", page->get_header_value("ETag")}})->status, 304);
}

TEST_F(ServerTest, SaysThatItShutsDown) {
    start();
    server_->close();
    const auto answer = post("/v1/videos", small());
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(error_of(answer)["code"], "shutting_down");
    EXPECT_FALSE(answer->get_header_value("Retry-After").empty());
    EXPECT_EQ(client_->Get("/healthz")->status, 503);
}

}  // namespace
}  // namespace t3video::server
