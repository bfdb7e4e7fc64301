// The file of measured rates: kept, found again, and never in the way.
#include "plan/rates.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/files.h"

namespace t3video::plan {
namespace {

using namespace testing;
using nlohmann::json;

void expect_usable(const Rates& r) {
    for (const double rate : {r.matrix, r.attention, r.convolution, r.bytes}) {
        EXPECT_GT(rate, 1e6);
        EXPECT_LT(rate, 1e17);
    }
    EXPECT_EQ(r.upload, 0);  // on the CPU
    EXPECT_EQ(r.download, 0);
}

TEST(Rates, AreMeasuredOnceAndKept) {
    const TemporaryFolder folder;
    const auto file = folder / "below/rates.json";
    Context ctx;
    expect_usable(rates_of(ctx, file));
    json kept = json::parse(read_file(file));
    ASSERT_EQ(kept.size(), 1u) << kept;
    kept.begin().value()["matrix"] = 123.0;  // no machine measures this
    kept["another machine"] = kept.begin().value();
    write_file(file, kept.dump());
    EXPECT_EQ(rates_of(ctx, file).matrix, 123.0);

    Context one_thread(ctx.threads() + 1);  // another key: measured, and the others stay
    expect_usable(rates_of(one_thread, file));
    EXPECT_EQ(json::parse(read_file(file)).size(), 3u);
    EXPECT_EQ(rates_of(ctx, file).matrix, 123.0);
}

TEST(Rates, DamagedFilesAreMeasuredAgain) {
    const TemporaryFolder folder;
    const auto file = folder / "rates.json";
    Context ctx;
    rates_of(ctx, file);
    const json good = json::parse(read_file(file));
    json negative = good, incomplete = good, text = good;
    negative.begin().value()["bytes"] = -1;
    incomplete.begin().value().erase("attention");
    text.begin().value() = "fast";
    for (const std::string& content :
         {std::string(), std::string("{\"a"), std::string("[1, 2]"), negative.dump(), incomplete.dump(), text.dump()}) {
        write_file(file, content);
        expect_usable(rates_of(ctx, file));
        expect_usable(rates_of(ctx, file));
        EXPECT_TRUE(json::accept(read_file(file))) << content;
        EXPECT_EQ(json::parse(read_file(file)).begin().value().size(), 6u) << content;
    }
}

TEST(Rates, FilesThatCannotBeWrittenAreNoError) {
    const TemporaryFolder folder;
    write_file(folder / "file", "");
    Context ctx;
    expect_usable(rates_of(ctx, folder / "file/rates.json"));
    expect_usable(rates_of(ctx, {}));
}

TEST(Rates, LieInTheCacheFolder) {
    const char* before = std::getenv("XDG_CACHE_HOME");
    const std::string kept = before ? before : "";
    setenv("XDG_CACHE_HOME", "/somewhere", 1);
    EXPECT_EQ(rates_file(), "/somewhere/t3video/rates.json");
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", "/home/somebody", 1);
    EXPECT_EQ(rates_file(), "/home/somebody/.cache/t3video/rates.json");
    if (before) setenv("XDG_CACHE_HOME", kept.c_str(), 1);
}

}  // namespace
}  // namespace t3video::plan
