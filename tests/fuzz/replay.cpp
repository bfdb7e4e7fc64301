// Runs a fuzz target on every file of a folder: FOLDER. Files named valid-* must be read, whatever else may be refused.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "fuzz.h"

using namespace t3video;

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    std::vector<std::filesystem::path> inputs;
    for (const auto& entry : std::filesystem::directory_iterator(argv[1])) inputs.push_back(entry.path());
    std::ranges::sort(inputs);
    bool right = true, any_valid = false;
    for (const auto& input : inputs) {
        std::printf("%s\n", input.filename().c_str());
        std::fflush(stdout);  // the last name is the culprit's
        const std::string bytes = testing::read_file(input);
        fuzz::taken = 0;
        LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
        if (!input.filename().string().starts_with("valid-")) continue;
        any_valid = true;
        if (fuzz::taken == 0) {
            std::printf("    refused, but named valid\n");
            right = false;
        }
    }
    if (!any_valid) std::printf("no file named valid-* in %s\n", argv[1]);
    return right && any_valid ? 0 : 1;
}
