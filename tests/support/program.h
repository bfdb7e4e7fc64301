// Runs the t3video program as a user does.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/files.h"

namespace t3video::testing {

struct Outcome {
    int exit_code = -1;
    std::string out, err;
};

inline std::string program_path() {
    const char* elsewhere = std::getenv("T3VIDEO_PROGRAM");  // for a bundle that was moved to another machine
    return elsewhere ? elsewhere : T3VIDEO_PROGRAM;
}

inline std::string quoted(const std::string& word) {
    std::string text = "'";
    for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

// The folder tests/data, ending in '/'.
inline std::string test_data() {
    const char* elsewhere = std::getenv("T3VIDEO_TEST_DATA");  // likewise
    return std::string(elsewhere ? elsewhere : T3VIDEO_TEST_DATA) + '/';
}

// `before`: what the shell is to do first, or words in front of the program, such as "ulimit -v 600000; exec ".
inline Outcome run_program(const std::vector<std::string>& arguments, const std::string& before = "") {
    const TemporaryFolder folder;
    std::string command = before + program_path();
    for (const std::string& argument : arguments) command += " " + quoted(argument);
    command += " >'" + (folder / "out").string() + "' 2>'" + (folder / "err").string() + "'";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, read_file(folder / "out"), read_file(folder / "err")};
}

// Starts it without waiting; what it says on standard error goes to a file.
inline pid_t start_program(const std::vector<std::string>& arguments, const std::filesystem::path& errors) {
    const std::string program = program_path();
    std::vector<char*> words{const_cast<char*>(program.c_str())};
    for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    const pid_t child = fork();
    if (child != 0) return child;
    if (!freopen(errors.c_str(), "w", stderr)) _exit(125);
    execv(program.c_str(), words.data());
    _exit(126);
}

// The exit code, or minus the signal that ended it.
inline int wait_for(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace t3video::testing
