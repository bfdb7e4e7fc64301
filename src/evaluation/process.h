// Other programs, run to say something of a film.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace t3video::evaluation {

struct ProcessResult {
    enum class End : uint8_t {
        exited,
        killed,
        timed_out,
        not_started,  // no such program, one that the system cannot run, words too long for it, too many processes
    } end = End::exited;
    int code = 0;        // exit status, the signal that killed it, or the value of errno for which it did not start
    std::string output;  // of standard output and of standard error: the last 64 KiB of each
    std::string errors;

    bool succeeded() const { return end == End::exited && code == 0; }
};

// Runs a program, looked for on the PATH, with an empty standard input, in a process group of its own. After `seconds`
// it is killed, with all that it started, in whatever group or session that is by then; so it is when a stop is
// requested, which throws Stopped, and when this program is killed. What a program leaves running when it ends has a
// second to finish what it writes, and is killed then.
ProcessResult run_process(const std::vector<std::string>& words, double seconds, const std::stop_token& stop = {});

// Of a run that did not succeed, in one printable line: "ended with exit status 3: " and the last line that it wrote on
// standard error; "took longer than 600 s". `seconds` as it was run with.
std::string words_of_failure(const ProcessResult& result, double seconds);

// The last line that holds something, without blanks at its ends; empty where there is none.
std::string last_line(const std::string& text);

// Where the PATH has a program of that name.
std::optional<std::string> find_program(const std::string& name);

}  // namespace t3video::evaluation
