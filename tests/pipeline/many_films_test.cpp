// Films after films in one process, as a batch makes them: memory does not grow.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "core/log.h"
#include "pipeline/generate.h"
#include "support/files.h"
#include "support/memory.h"

namespace t3video::pipeline {
namespace {

using namespace testing;

// T3VIDEO_FILMS=200 for the thorough run.
TEST(ManyFilms, MemoryStaysAsItIsAfterTheFirstTwenty) {
    if (!kMemoryIsMeasurable) GTEST_SKIP() << "sanitizers keep what is freed";
    const char* text = std::getenv("T3VIDEO_FILMS");
    const int64_t films = text ? std::stoll(text) : 30;
    const TemporaryFolder folder;
    set_quiet(true);
    Context ctx;
    Request request;
    request.settings = {.width = 96, .height = 64, .frames = 5, .steps = 2};
    OpenModel model = open_model(request);
    int64_t after_twenty = 0;
    for (int64_t i = 0; i < films; ++i) {
        request.prompt = "Film " + std::to_string(i) + " of a red ball.";
        request.seed = static_cast<uint64_t>(i);
        request.output = folder / ("film" + std::to_string(i) + ".y4m");
        Progress progress(false, true);
        generate(ctx, request, progress, model);
        if (i + 1 == 20) after_twenty = memory_kb("RssAnon");
    }
    set_quiet(false);
    ASSERT_GT(after_twenty, 0);
    const int64_t growth = memory_kb("RssAnon") - after_twenty;
    std::cout << after_twenty << " kB after 20 films, " << growth << " kB more after " << films << "\n";
    EXPECT_LT(growth, 10 * 1024);
}

}  // namespace
}  // namespace t3video::pipeline
