// Forms, JSON and data URLs that arrive whole, in pieces and broken.
#include <gtest/gtest.h>

#include <vector>

#include "apps/server/http/exchange.h"
#include "apps/server/http/multipart.h"
#include "apps/server/json_body.h"

namespace t3video::server {
namespace {

struct ReadPart {
    std::string name, bytes;
    bool is_file = false;
    bool operator==(const ReadPart&) const = default;
};

std::vector<ReadPart> parts_of(const std::string& body, size_t piece,
                               const std::string& type = "multipart/form-data; boundary=xx") {
    std::vector<ReadPart> parts;
    bool open = false;
    Multipart form(type, {.begin =
                              [&](const Part& part) {
                                  parts.push_back({part.name, "", part.is_file}), open = true;
                              },
                          .bytes =
                              [&](std::string_view bytes) {
                                  EXPECT_TRUE(open);
                                  parts.back().bytes += bytes;
                              },
                          .end = [&] { open = false; }});
    for (size_t at = 0; at < body.size(); at += piece) form.feed(std::string_view(body).substr(at, piece));
    form.finish();
    EXPECT_FALSE(open);
    return parts;
}

std::string part(const std::string& name, const std::string& bytes) {
    return "--xx\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + bytes + "\r\n";
}

TEST(Forms, AreReadHoweverTheyArrive) {
    const std::string file = "\r\n--x\r\n-- \r\n--xy\r\n";  // nearly delimiters
    const std::string body = "preamble\r\n" + part("prompt", "A red ball") + part("empty", "") +
                             "--xx \r\ncontent-disposition: form-data; filename=\"a.png\"; name=input_reference\r\n"
                             "Content-Type: image/png\r\n\r\n" +
                             file + "\r\n--xx--\r\nepilogue";
    const std::vector<ReadPart> expected = {{"prompt", "A red ball"}, {"empty", ""}, {"input_reference", file, true}};
    for (const size_t piece : {1u, 2u, 3u, 7u, 1000u}) EXPECT_EQ(parts_of(body, piece), expected) << piece;
}

TEST(Forms, AreRefusedWhereTheyAreBroken) {
    const std::string end = "--xx--\r\n";
    const std::string broken[] = {
        "",
        part("a", "b"),                                              // no end
        "--xx\r\n\r\nno head\r\n" + end,                             //
        "--xx\r\nContent-Disposition: form-data\r\n\r\n\r\n" + end,  // no name
        "--xx\r\nContent-Disposition: attachment; name=a\r\n\r\n\r\n" + end,
        "--xx\r\nno colon\r\n\r\n\r\n" + end,
        "--xxjunk\r\n" + end,
        "--xx\r\nA: " + std::string(20'000, 'a') + "\r\n\r\n" + end,
    };
    for (const std::string& body : broken) {
        EXPECT_THROW(parts_of(body, 1000), HttpError) << body.substr(0, 60);
        EXPECT_THROW(parts_of(body, 5), HttpError) << body.substr(0, 60);
    }
    for (const char* type :
         {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\""})
        EXPECT_THROW(parts_of(end, 100, type), HttpError) << type;
    std::string many;
    for (int i = 0; i < 101; ++i) many += part("a", "b");
    EXPECT_THROW(parts_of(many + end, 1000), HttpError);
}

std::string json_refusal(const std::string& text) {
    try {
        parse_json_body(text);
    } catch (const HttpError& error) {
        EXPECT_EQ(error.status, 400);
        return error.param.empty() ? error.code : error.param;
    }
    return "";
}

TEST(JsonBodies, AreReadOnceAndForAll) {
    EXPECT_EQ(parse_json_body(R"({"a": {"b": 1}, "c": {"b": 2}})")["c"]["b"], 2);
    EXPECT_EQ(json_refusal(R"({"a": 1, "a": 2})"), "a");
    EXPECT_EQ(json_refusal(R"({"x": [{"b": 1, "c": {}, "b": 1}]})"), "b");
    for (const std::string text : {"", "{", "{]", "nul", "{\"a\": 1e999}", "\"\xff\"", "{\"a\": \"\\ud800\"}"})
        EXPECT_EQ(json_refusal(text), "malformed_json") << text;
    EXPECT_EQ(json_refusal(std::string(100'000, '[')), "malformed_json");
    EXPECT_EQ(json_refusal(std::string(17, '[') + std::string(17, ']')), "malformed_json");
}

TEST(DataUrls, AreDecodedAndNothingElseIs) {
    EXPECT_EQ(bytes_of_data_url("data:image/png;base64,SGVsbG8=", "p"), "Hello");
    EXPECT_EQ(bytes_of_data_url("DATA:;base64,SGVsbG8h", "p"), "Hello!");
    EXPECT_EQ(bytes_of_data_url("data:;base64,AP8", "p"), std::string("\0\xff", 2));
    for (const char* wrong : {"https://a/b.png", "file:///etc/passwd", "data:image/png,abc", "data:;base64,",
                              "data:;base64,A", "data:;base64,AA=A", "data:;base64,A A", "", "/etc/passwd"})
        EXPECT_THROW(bytes_of_data_url(wrong, "p"), HttpError) << wrong;
}

}  // namespace
}  // namespace t3video::server
