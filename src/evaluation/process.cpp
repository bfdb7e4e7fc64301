// Starts a program, reads what it writes, and sees to it that nothing of it is left.
#include "evaluation/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
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

extern char** environ;

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
        if (pipe2(ends_, O_CLOEXEC) != 0) throw Error(concat("no pipe to another program: ", words_of(errno)));
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
};

// What posix_spawn is told: it does nothing between fork and exec that a program of several threads must not do.
class SpawnOrders {
  public:
    SpawnOrders(const Pipe& output, const Pipe& errors) {
        posix_spawn_file_actions_init(&actions_);
        posix_spawnattr_init(&attributes_);
        bool told = posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
                    posix_spawn_file_actions_adddup2(&actions_, output.writer(), STDOUT_FILENO) == 0 &&
                    posix_spawn_file_actions_adddup2(&actions_, errors.writer(), STDERR_FILENO) == 0;
        // This program blocks the signals that end programs, and ignores SIGPIPE, without which a pipe's first program
        // writes on when the last has ended.
        sigset_t none, obeyed;
        sigemptyset(&none);
        sigemptyset(&obeyed);
        for (const int signal : {SIGPIPE, SIGCHLD}) sigaddset(&obeyed, signal);
        told = told && posix_spawnattr_setsigmask(&attributes_, &none) == 0 &&
               posix_spawnattr_setsigdefault(&attributes_, &obeyed) == 0 &&
               posix_spawnattr_setpgroup(&attributes_, 0) == 0 &&
               posix_spawnattr_setflags(&attributes_,
                                        POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP) == 0;
        require(told, "orders for another program were refused");
    }
    ~SpawnOrders() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }
    SpawnOrders(const SpawnOrders&) = delete;
    SpawnOrders& operator=(const SpawnOrders&) = delete;

    const posix_spawn_file_actions_t* actions() const { return &actions_; }
    const posix_spawnattr_t* attributes() const { return &attributes_; }

  private:
    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
};

// A process and those in its group. It stays a zombie until end() or the destructor, so that its number, and the
// group's, cannot become another's before the group is killed.
class Group {
  public:
    explicit Group(pid_t leader) : leader_(leader) {}
    ~Group() {
        if (leader_ > 0) end();
    }
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    bool leader_has_ended() const {
        siginfo_t info{};
        const int answer = waitid(P_PID, static_cast<id_t>(leader_), &info, WEXITED | WNOHANG | WNOWAIT);
        return answer == 0 ? info.si_pid != 0 : errno == ECHILD;
    }
    // Kills all that is left. The leader's status as waitpid() has it; nothing where this program's parent had it
    // ignore SIGCHLD, so that the system keeps none.
    std::optional<int> end() {
        kill(-leader_, SIGKILL);
        int status = 0;
        pid_t ended;
        do ended = waitpid(leader_, &status, 0);
        while (ended < 0 && errno == EINTR);
        leader_ = 0;
        return ended > 0 ? std::optional(status) : std::nullopt;
    }

  private:
    pid_t leader_;
};

// Whether the system cannot run these words, as opposed to any at this time.
bool is_of_the_words(int reason) {
    constexpr int kReasons[] = {ENOENT, ENOTDIR, EACCES, ENOEXEC, E2BIG, ELOOP, ENAMETOOLONG, EINVAL, EISDIR, ETXTBSY};
    return std::ranges::find(kReasons, reason) != std::end(kReasons);
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& words, double seconds, const std::stop_token& stop) {
    require(!words.empty(), "no program to run");
    ProcessResult result;
    std::vector<char*> arguments;
    for (const std::string& word : words) {
        // Words of other programs end at a zero byte: this one would be cut off.
        if (word.find('\0') != std::string::npos) return {ProcessResult::End::not_started, EINVAL, "", ""};
        arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);

    Pipe output, errors;
    const SpawnOrders orders(output, errors);
    pid_t child = 0;
    const int refusal =
        posix_spawnp(&child, arguments[0], orders.actions(), orders.attributes(), arguments.data(), environ);
    if (is_of_the_words(refusal)) return {ProcessResult::End::not_started, refusal, "", ""};
    require(refusal == 0, "no process for ", words[0], ": ", words_of(refusal));
    Group group(child);
    output.close_writer();
    errors.close_writer();

    const auto start = Clock::now();
    std::optional<double> ended;  // when its first process had
    const auto is_over = [&] {
        const double now = seconds_since(start);
        if (!ended && group.leader_has_ended()) ended = now;
        if (ended && ((!output.is_open() && !errors.is_open()) || now - *ended > kLeftBehind)) return true;
        if (now < seconds) return false;
        if (!ended) result.end = ProcessResult::End::timed_out;
        return true;
    };
    do {
        if (stop.stop_requested()) throw Stopped(Message("stopped while ", words[0], " ran"));
        pollfd ends[] = {{output.reader(), POLLIN, 0}, {errors.reader(), POLLIN, 0}};  // below zero: none
        poll(ends, 2, kGlance);
        output.drain(result.output);
        errors.drain(result.errors);
    } while (!is_over());

    const std::optional<int> status = group.end();
    output.drain(result.output);
    errors.drain(result.errors);
    keep_end(result.output);
    keep_end(result.errors);
    if (result.end == ProcessResult::End::timed_out) return result;
    require(status.has_value(), "how ", words[0], " ended is not known: this program was started with SIGCHLD ignored");
    result.end = WIFEXITED(*status) ? ProcessResult::End::exited : ProcessResult::End::killed;
    result.code = WIFEXITED(*status) ? WEXITSTATUS(*status) : WTERMSIG(*status);
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
