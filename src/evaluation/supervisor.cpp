// This program has threads, which may hold locks when its process is copied: a copy makes system calls and nothing
// else.
#include "evaluation/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>

namespace t3video::evaluation {
namespace {

constexpr int kTold = 3;         // the number of that end here, behind the standard files
constexpr int kPatience = 5000;  // looks, a millisecond apart, at what does not end although it was killed

void tell(ProgramEnd::Kind kind, int code) {
    const ProgramEnd end{kind, code};
    [[maybe_unused]] const ssize_t written = write(kTold, &end, sizeof end);  // nobody to tell that it failed
}

// What the program is to have as standard files; nothing else stays open, least of all pipes of other programs.
bool set_files(const Supervised& program) {
    constexpr int kAbove = 16;  // out of the way of those that are replaced
    const int input = open("/dev/null", O_RDONLY);
    int files[] = {input, program.output, program.errors, program.told};
    for (int& file : files) file = fcntl(file, F_DUPFD, kAbove);
    for (int i = 0; i <= kTold; ++i) {
        if (files[i] < 0 || dup2(files[i], i) < 0) return false;
    }
    return fcntl(kTold, F_SETFD, FD_CLOEXEC) == 0 && close_range(kTold + 1, ~0U, 0) == 0;
}

[[noreturn]] void become(char* const* words, pid_t supervisor) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor) _exit(127);
    // This program blocks the signals that end programs, and ignores SIGPIPE, without which a pipe's first program
    // writes on when the last has ended.
    for (const int obeyed : {SIGPIPE, SIGCHLD}) signal(obeyed, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execvp(words[0], words);
    tell(ProgramEnd::Kind::not_started, errno);
    _exit(127);
}

void kill_children() {
    const int list = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);  // numbers with blanks behind them
    if (list < 0) return;
    char bytes[4096];
    pid_t child = 0;
    for (ssize_t count; (count = read(list, bytes, sizeof bytes)) > 0;) {
        for (ssize_t i = 0; i < count; ++i) {
            if (bytes[i] >= '0' && bytes[i] <= '9') {
                child = child * 10 + (bytes[i] - '0');
            } else if (child > 0) {
                kill(child, SIGKILL);
                child = 0;
            }
        }
    }
    close(list);
}

// A process whose parent was killed becomes a child here, and is killed in the next round.
void kill_all(pid_t leader) {
    kill(-leader, SIGKILL);
    for (int looks = 0; looks < kPatience; ++looks) {
        pid_t ended;
        do ended = waitpid(-1, nullptr, WNOHANG);
        while (ended > 0);
        if (ended < 0 && errno == ECHILD) return;
        kill_children();
        poll(nullptr, 0, 1);
    }
}

[[noreturn]] void supervise(const Supervised& program, pid_t parent) {
    setpgid(0, 0);  // Ctrl-C in a terminal goes to this program alone
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGCHLD, SIG_DFL);
    if (!set_files(program)) {
        const int reason = errno;
        [[maybe_unused]] const bool moved = dup2(program.told, kTold) == kTold;
        tell(ProgramEnd::Kind::not_started, reason);
        _exit(0);
    }
    const pid_t own = getpid(), leader = _Fork();
    if (leader == 0) become(program.words, own);
    if (leader < 0) {
        tell(ProgramEnd::Kind::not_started, errno);
        _exit(0);
    }
    setpgid(leader, leader);                                                          // whoever comes first
    for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(file);  // the program alone holds pipes

    sigset_t awaited;
    sigemptyset(&awaited);
    for (const int signal : {SIGCHLD, SIGTERM}) sigaddset(&awaited, signal);
    for (bool told = false; sigwaitinfo(&awaited, nullptr) != SIGTERM;) {
        // The leader stays a zombie until it is all over, so that its number, and the group's, cannot become another's.
        siginfo_t end{};
        if (told || waitid(P_PID, static_cast<id_t>(leader), &end, WEXITED | WNOHANG | WNOWAIT) != 0 || end.si_pid == 0)
            continue;
        tell(end.si_code == CLD_EXITED ? ProgramEnd::Kind::exited : ProgramEnd::Kind::killed, end.si_status);
        told = true;
    }
    kill_all(leader);
    _exit(0);
}

}  // namespace

pid_t start_supervisor(const Supervised& program) {
    const pid_t parent = getpid();
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler of this program runs in the copy
    const pid_t child = _Fork();
    if (child == 0) supervise(program, parent);
    const int refusal = errno;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return child > 0 ? child : -refusal;
}

}  // namespace t3video::evaluation
