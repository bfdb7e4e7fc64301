// The page's files in the program are those of the source tree.
#include "apps/server/page/page.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

namespace t3video::server {
namespace {

namespace fs = std::filesystem;

TEST(Page, HoldsEachFileByteForByte) {
    const std::map<std::string, std::string_view> types = {{".html", "text/html; charset=utf-8"},
                                                           {".css", "text/css; charset=utf-8"},
                                                           {".js", "text/javascript; charset=utf-8"},
                                                           {".svg", "image/svg+xml"}};
    std::map<std::string, const PageFile*> held;
    std::set<std::string_view> tags;
    for (const PageFile& file : page_files()) {
        EXPECT_TRUE(held.emplace(file.path, &file).second) << file.path;
        EXPECT_TRUE(tags.insert(file.etag).second) << file.path;
        EXPECT_TRUE(file.etag.size() > 2 && file.etag.front() == '"' && file.etag.back() == '"') << file.etag;
    }
    size_t found = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(T3VIDEO_PAGE)) {
        const auto type = types.find(entry.path().extension().string());
        if (type == types.end()) continue;
        ++found;
        const std::string name = entry.path().filename().string();
        const auto at = held.find(name == "index.html" ? "/" : "/" + name);
        ASSERT_NE(at, held.end()) << name;
        EXPECT_EQ(at->second->type, type->second);
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string bytes(std::istreambuf_iterator<char>(file), {});
        EXPECT_TRUE(at->second->bytes == bytes) << name;
    }
    EXPECT_EQ(found, held.size());
}

}  // namespace
}  // namespace t3video::server
