// Heads, targets, parameters and ranges as clients, proxies and attackers write them.
#include "apps/server/http/head.h"

#include <gtest/gtest.h>

#include "apps/server/http/ranges.h"

namespace t3video::server {
namespace {

int refusal(const std::string& text) {
    try {
        parse_head(text);
    } catch (const HttpError& error) {
        return error.status;
    }
    return 0;
}

std::string post(const std::string& headers) {
    return "POST / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
}

TEST(Head, IsReadOnceItIsWhole) {
    const std::string text = "GET /v1/videos?limit=3 HTTP/1.1\r\nHost: localhost\r\nrange:  bytes=0-1 \r\n\r\nrest";
    for (size_t bytes = 0; bytes + 4 < text.size(); ++bytes) EXPECT_FALSE(parse_head(text.substr(0, bytes))) << bytes;
    const auto head = parse_head(text);
    ASSERT_TRUE(head);
    EXPECT_EQ(head->method, "GET");
    EXPECT_EQ(head->target, "/v1/videos?limit=3");
    EXPECT_EQ(*find_header(head->headers, "Range"), "bytes=0-1");
    EXPECT_EQ(head->bytes, text.size() - 4);
    EXPECT_TRUE(head->keep_alive);
    EXPECT_FALSE(head->has_body());
}

TEST(Head, SaysWhatBodyFollows) {
    EXPECT_EQ(parse_head(post("Content-Length: 12\r\n"))->length, 12);
    EXPECT_TRUE(parse_head(post("Transfer-Encoding: Chunked\r\n"))->chunked);
    EXPECT_TRUE(parse_head(post("Content-Length: 2\r\nExpect: 100-Continue\r\n"))->expects_continue);
    EXPECT_FALSE(parse_head(post("Connection: x, Close\r\n"))->keep_alive);
    EXPECT_FALSE(parse_head("GET / HTTP/1.0\r\n\r\n")->keep_alive);
}

TEST(Head, IsRefusedWhereReadersCouldDiffer) {
    EXPECT_EQ(refusal(post("Content-Length: 1\r\nContent-Length: 2\r\n")), 400);
    EXPECT_EQ(refusal(post("Content-Length: +1\r\n")), 400);
    EXPECT_EQ(refusal(post("Content-Length: 1, 1\r\n")), 400);
    EXPECT_EQ(refusal(post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")), 400);
    EXPECT_EQ(refusal(post("Transfer-Encoding: gzip, chunked\r\n")), 501);
    EXPECT_EQ(refusal(post("Content-Length: 99999999999999999999\r\n")), 413);
    EXPECT_EQ(refusal(post("Name : space\r\n")), 400);
    EXPECT_EQ(refusal(post("A: b\r\n folded\r\n")), 400);
    EXPECT_EQ(refusal(post("A: b\nC: d\r\n")), 400);
    EXPECT_EQ(refusal(post("Host: b\r\n")), 400);
    EXPECT_EQ(refusal(post("Expect: tea\r\n")), 417);
    EXPECT_EQ(refusal("GET / HTTP/1.1\r\n\r\n"), 400) << "no host";
    EXPECT_EQ(refusal("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
    EXPECT_EQ(refusal("GET  HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    EXPECT_EQ(refusal("GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    EXPECT_EQ(refusal("nonsense\r\n\r\n"), 400);
    EXPECT_EQ(refusal("GET / HTTP/1.1\nHost: a\n\n"), 400);
}

TEST(Head, IsBounded) {
    EXPECT_EQ(refusal("GET /" + std::string(kLongestTarget, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"), 414);
    EXPECT_EQ(refusal("GET /" + std::string(2 * kLongestTarget, 'a')), 414) << "before its end has come";
    EXPECT_EQ(refusal(post("A: " + std::string(kLargestHead, 'a') + "\r\n")), 431);
    EXPECT_EQ(refusal("GET / HTTP/1.1\r\nA: " + std::string(kLargestHead, 'a')), 431);
    std::string many;
    for (size_t i = 0; i < kMostHeaders; ++i) many += "A: b\r\n";
    EXPECT_EQ(refusal(post(many)), 431);
}

TEST(Target, IsDecoded) {
    const Target target = parse_target("/a%2Fb/c?x=1+2%2B&y&=z");
    EXPECT_EQ(target.path, "/a/b/c");
    EXPECT_EQ(target.query, (Pairs{{"x", "1 2+"}, {"y", ""}, {"", "z"}}));
    EXPECT_EQ(parse_target("http://host:1/path?q").path, "/path");
    for (const char* wrong : {"/%", "/%4", "/%zz", "/?a=%ff"}) EXPECT_THROW(parse_target(wrong), HttpError) << wrong;
    EXPECT_EQ(parse_target("/%41").path, "/A");
}

TEST(Parameters, AreReadWithTheirQuotes) {
    const Parameters p = parse_parameters(R"( Form-Data; name="a;\"b" ; filename=c.png;flag; x = "y")");
    EXPECT_EQ(p.value, "form-data");
    EXPECT_EQ(*p.find("NAME"), "a;\"b");
    EXPECT_EQ(*p.find("filename"), "c.png");
    EXPECT_EQ(*p.find("x"), "y");
    EXPECT_EQ(p.find("flag"), nullptr);
}

struct RangeCase {
    const char* header;
    int status;
    int64_t first, count;
};
// Of a file of 10 bytes.
const RangeCase kRanges[] = {
    {"bytes=0-0", 206, 0, 1},
    {"bytes=2-5", 206, 2, 4},
    {"bytes=7-", 206, 7, 3},
    {"bytes=-3", 206, 7, 3},
    {"bytes=-30", 206, 0, 10},
    {"bytes=4-99", 206, 4, 6},
    {"bytes=10-", 416, 0, 0},
    {"bytes=-0", 416, 0, 0},
    {"bytes=5-4", 200, 0, 10},
    {"bytes=a-b", 200, 0, 10},
    {"bytes=0-1,3-4", 200, 0, 10},
    {"lines=0-1", 200, 0, 10},
    {"bytes=-", 200, 0, 10},
    {"bytes=", 200, 0, 10},
    {"bytes=+1-2", 200, 0, 10},
    {"bytes=99999999999999999999-", 416, 0, 0},
    {"bytes=0-99999999999999999999", 206, 0, 10},
};

TEST(Ranges, AreThoseOfTheStandard) {
    for (const RangeCase& c : kRanges) {
        const std::string header = c.header;
        const Slice slice = slice_of(&header, 10);
        EXPECT_EQ(slice.status, c.status) << header;
        EXPECT_EQ(slice.first, c.first) << header;
        EXPECT_EQ(slice.count, c.count) << header;
    }
    EXPECT_EQ(slice_of(nullptr, 10).status, 200);
    const std::string any = "bytes=0-";
    EXPECT_EQ(slice_of(&any, 0).status, 416) << "of an empty file";
}

TEST(Tags, AreFoundInLists) {
    EXPECT_TRUE(lists_tag(R"("a", W/"b")", "\"b\""));
    EXPECT_TRUE(lists_tag("*", "\"b\""));
    EXPECT_FALSE(lists_tag(R"("a",,)", "\"b\""));
}

}  // namespace
}  // namespace t3video::server
