// Starts a program, reads what it writes, and has it ended with all that it started.
#include "evaluation/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "core/clock.h"
#include "core/error.h"
#include "core/printable.h"
#include "core/text_lines.h"
#include "evaluation/supervisor.h"

namespace t3video::evaluation {
namespace {

constexpr size_t kKept = size_t{64} << 10;  // bytes of each of its outputs
constexpr double kLeftBehind = 1;           // seconds for what a program leaves running to finish its output
constexpr int kGlance = 20;                 // milliseconds between looks at the clock, the stop and the process

std::string words_of(int reason) {
    return std::generic_category().message(reason);
}

void keep_end(std::string& text) {
    if (text.size() > kKept) text.erase(0, text.size() - kKept);
}

// Both ends are closed in every process that this one starts meanwhile.
class Pipe {
  public:
    Pipe() {
        if (pipe2(ends_, O_CLOEXEC) != 0) {
            refusal_ = errno;
            return;
        }
        // Reads alone must not wait: the other end belongs to the program.
        fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    }
    ~Pipe() {
        close_end(0);
        close_end(1);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    bool is_open() const { return ends_[0] >= 0; }
    int refusal() const { return refusal_; }  // why there is none: a value of errno
    int reader() const { return ends_[0]; }
    int writer() const { return ends_[1]; }
    void close_writer() { close_end(1); }

    // Reads what is there, at most so much that the clock is looked at in time; closes at its end.
    void drain(std::string& tail) {
        char bytes[16384];
        for (int reads = 0; reads < 64 && is_open(); ++reads) {
            const ssize_t count = read(ends_[0], bytes, sizeof bytes);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0 && errno == EAGAIN) return;
            if (count <= 0) return close_end(0);
            tail.append(bytes, static_cast<size_t>(count));
            if (tail.size() > 2 * kKept) keep_end(tail);
        }
    }

  private:
    void close_end(int end) {
        if (ends_[end] >= 0) close(ends_[end]);
        ends_[end] = -1;
    }

    int ends_[2] = {-1, -1};
    int refusal_ = 0;
};

// A program with its supervisor, which the destructor ends, and with it all that is left.
class Group {
  public:
    // Refused: minus errno.
    explicit Group(pid_t supervisor) : supervisor_(supervisor) {}
    ~Group() { end(); }
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    int refusal() const { return supervisor_ < 0 ? -supervisor_ : 0; }
    // Kills all that is left of it.
    void end() {
        if (supervisor_ <= 0) return;
        kill(supervisor_, SIGTERM);
        while (waitpid(supervisor_, nullptr, 0) < 0 && errno == EINTR) {
        }
        supervisor_ = 0;
    }

  private:
    pid_t supervisor_;
};

ProcessResult not_started(int reason) {
    return {ProcessResult::End::not_started, reason, "", ""};
}

// A supervisor that is gone without a word was killed, and its program with it.
void set_end(const std::string& told, ProcessResult& result) {
    ProgramEnd end{ProgramEnd::Kind::killed, SIGKILL};
    if (told.size() >= sizeof end) std::memcpy(&end, told.data(), sizeof end);
    result.end = end.kind == ProgramEnd::Kind::exited   ? ProcessResult::End::exited
                 : end.kind == ProgramEnd::Kind::killed ? ProcessResult::End::killed
                                                        : ProcessResult::End::not_started;
    result.code = end.code;
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& words, double seconds, const std::stop_token& stop) {
    require(!words.empty(), "no program to run");
    ProcessResult result;
    std::vector<char*> arguments;
    for (const std::string& word : words) {
        // Words of other programs end at a zero byte: this one would be cut off.
        if (word.find('\0') != std::string::npos) return not_started(EINVAL);
        arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);

    Pipe output, errors, told;
    for (const Pipe* pipe : {&output, &errors, &told}) {
        if (!pipe->is_open()) return not_started(pipe->refusal());
    }
    Group group(start_supervisor({arguments.data(), output.writer(), errors.writer(), told.writer()}));
    if (group.refusal() != 0) return not_started(group.refusal());
    for (Pipe* pipe : {&output, &errors, &told}) pipe->close_writer();

    std::string news;
    const auto start = Clock::now();
    std::optional<double> ended;  // when its first process had
    const auto is_over = [&] {
        const double now = seconds_since(start);
        told.drain(news);
        if (!ended && (!told.is_open() || news.size() >= sizeof(ProgramEnd))) ended = now;
        if (ended && ((!output.is_open() && !errors.is_open()) || now - *ended > kLeftBehind)) return true;
        return now >= seconds;
    };
    do {
        if (stop.stop_requested()) throw Stopped(Message("stopped while ", words[0], " ran"));
        pollfd ends[] = {{output.reader(), POLLIN, 0},  // below zero: none
                         {errors.reader(), POLLIN, 0},
                         {ended ? -1 : told.reader(), POLLIN, 0}};
        poll(ends, 3, kGlance);
        output.drain(result.output);
        errors.drain(result.errors);
    } while (!is_over());

    group.end();
    output.drain(result.output);
    errors.drain(result.errors);
    keep_end(result.output);
    keep_end(result.errors);
    if (ended)
        set_end(news, result);
    else
        result.end = ProcessResult::End::timed_out;
    return result;
}

std::string words_of_failure(const ProcessResult& result, double seconds) {
    if (result.end == ProcessResult::End::not_started)
        return fmt::format("cannot be started: {}", words_of(result.code));
    std::string words = fmt::format("took longer than {} s", seconds);
    if (result.end != ProcessResult::End::timed_out) {
        // Shells end with 128 and the signal that killed what they ran.
        const bool killed = result.end == ProcessResult::End::killed;
        const int signal = killed ? result.code : result.code - 128;
        const char* const name = signal > 0 ? sigdescr_np(signal) : nullptr;
        words = name     ? fmt::format("was killed by signal {} ({})", signal, name)
                : killed ? fmt::format("was killed by signal {}", signal)
                         : fmt::format("ended with exit status {}", result.code);
    }
    const std::string last = last_line(result.errors);
    return last.empty() ? words : words + ": " + last;
}

std::string last_line(const std::string& text) {
    // Long ones, such as bars of progress, say nothing more in full.
    constexpr size_t kLongest = 300;
    const std::vector<TextLine> lines = lines_of(text);
    if (lines.empty()) return {};
    const std::string line = printable(lines.back().text);
    return line.size() > kLongest ? printable(line.substr(0, kLongest)) + "..." : line;
}

std::optional<std::string> find_program(const std::string& name) {
    const char* const folders = std::getenv("PATH");
    const std::string path = folders ? folders : "/bin:/usr/bin";
    for (size_t begin = 0; begin <= path.size();) {
        const size_t end = std::min(path.find(':', begin), path.size());
        const std::filesystem::path program = std::filesystem::path(path.substr(begin, end - begin)) / name;
        std::error_code error;
        if (std::filesystem::is_regular_file(program, error) && access(program.c_str(), X_OK) == 0)
            return std::filesystem::absolute(program, error).string();
        begin = end + 1;
    }
    return std::nullopt;
}

}  // namespace t3video::evaluation
