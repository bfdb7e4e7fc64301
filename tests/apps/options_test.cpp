// Values in the command line's notation, and what the parser says of wrong ones.
#include "apps/common/options.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/errors.h"

namespace t3video::apps {
namespace {

using testing::expect_invalid;

TEST(Options, Bytes) {
    for (const char* text :
         {"1GiB", "1gib", "1 GiB", "1g", "1G", "1Gi", "1024MiB", "1024 mib", "1024M", "1048576K", " 1  GiB "})
        EXPECT_EQ(parse_bytes(text), size_t{1} << 30) << text;
    EXPECT_EQ(parse_bytes("1gb"), 1'000'000'000u);
    EXPECT_EQ(parse_bytes("1.5 MB"), 1'500'000u);
    EXPECT_EQ(parse_bytes("2TiB"), size_t{2} << 40);
    EXPECT_EQ(parse_bytes("0.5TB"), 500'000'000'000u);
    EXPECT_EQ(parse_bytes("8000M"), size_t{8000} << 20);
    EXPECT_EQ(parse_bytes("64 kB"), 64'000u);
    EXPECT_EQ(parse_bytes("1 KiB"), 1024u);
    for (const char* text : {"900000000", "900000000B", "9e8", "900000000 bytes", "900 megabytes", "0,9 GB"})
        EXPECT_EQ(parse_bytes(text), 900'000'000u) << text;
    EXPECT_EQ(parse_bytes("2 Gigabytes"), 2'000'000'000u);
    EXPECT_EQ(parse_bytes("2 gibibytes"), size_t{2} << 30);
    EXPECT_EQ(parse_bytes("1,5GiB"), size_t{3} << 29);
    for (const char* text : {"", "GiB", "1PB", "1GBs", "-1GiB", "1 G iB", "0GiB", "nanGiB", "infGiB", "1,500GiB",
                             "1,5,0GiB", "2 gigs", "1e9TiB", "80%", "1k1", "0.0001K"})
        expect_invalid([&] { parse_bytes(text); }, {std::string("--memory ") + text + ": expected a size such as"});
}

TEST(Options, Devices) {
    EXPECT_EQ(parse_device("cpu"), (DeviceId{Device::cpu, 0}));
    EXPECT_EQ(parse_device("cuda"), (DeviceId{Device::cuda, 0}));
    EXPECT_EQ(parse_device("cuda:0"), (DeviceId{Device::cuda, 0}));
    EXPECT_EQ(parse_device("cuda:13"), (DeviceId{Device::cuda, 13}));
    for (const char* text : {"", "gpu", "CUDA", "cuda:", "cuda:x", "cuda:-1", "cuda:+1", "cuda: 1", "cuda:1x", "cuda1",
                             "cpu:0", "cuda:99999999999", "cuda:1:2"})
        expect_invalid([&] { parse_device(text); },
                       {std::string("--device ") + text + ": expected cpu or cuda", "cuda:1"});
}

TEST(Options, ParserErrorsAreExplained) {
    CLI::App app;
    int64_t number = 0, positive = 0, ranged = 0;
    app.add_option("--number", number);
    app.add_option("--positive", positive)->check(CLI::PositiveNumber);
    app.add_option("--ranged", ranged)->check(CLI::Range(0, 1024));
    app.add_option("--own", number)->check([](const std::string& text) { return text + ": expected 0 to 9"; });
    const auto explained = [&](std::vector<std::string> words) {
        std::reverse(words.begin(), words.end());  // as CLI::App wants them
        try {
            app.parse(words);
        } catch (const CLI::ParseError& error) {
            return explain(error);
        }
        return std::string("accepted");
    };
    EXPECT_EQ(explained({"--number", "abc"}), "--number abc: expected a number");
    EXPECT_EQ(explained({"--number", "1", "--number", "2"}), "--number: given twice");
    EXPECT_EQ(explained({"--number"}), "--number: its value is missing");
    EXPECT_EQ(explained({"--own", "+7"}), "--own +7: expected 0 to 9");
    EXPECT_EQ(explained({"--ranged", "5000"}), "--ranged 5000: expected 0 to 1024");
    EXPECT_EQ(explained({"--positive", "-3"}), "--positive -3: expected a number above 0");
}

}  // namespace
}  // namespace t3video::apps
