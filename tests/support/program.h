// Runs the t3video program as a user does.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "support/files.h"

namespace t3video::testing {

struct Outcome {
    int exit_code = -1;
    std::string out, err;
};

inline Outcome run_program(const std::vector<std::string>& arguments) {
    const TemporaryFolder folder;
    const char* elsewhere = std::getenv("T3VIDEO_PROGRAM");  // for a bundle that was moved to another machine
    std::string command = elsewhere ? elsewhere : T3VIDEO_PROGRAM;
    for (const std::string& argument : arguments) {
        command += " '";
        for (const char c : argument) command += c == '\'' ? std::string("'\\''") : std::string(1, c);
        command += "'";
    }
    command += " >'" + (folder / "out").string() + "' 2>'" + (folder / "err").string() + "'";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, read_file(folder / "out"), read_file(folder / "err")};
}

}  // namespace t3video::testing
