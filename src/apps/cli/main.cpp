// t3video: parses the command line, runs the subcommand, reports errors in one line.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <system_error>

#include "apps/cli/commands.h"
#include "apps/cli/wait_policy.h"
#include "apps/common/interrupt.h"
#include "apps/common/options.h"
#include "apps/common/tongue.h"
#include "checkpoint/mapped_file.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/output_file.h"
#include "core/printable.h"

namespace {

constexpr int kInternalError = 1, kUserError = 2;
constexpr const char* kOurs = "internal error: ";
constexpr const char* kSmaller = "; a smaller --size or fewer --frames need less, as t3video plan shows";

// Files that are opened must not become the standard ones, which errors and results go to.
void open_standard_files() {
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (fcntl(descriptor, F_GETFD) == -1 && errno == EBADF) open("/dev/null", O_RDWR);  // takes the lowest number
    }
}

// What commands that compute, and those of them whose work goes on after an interruption, need before they begin.
void prepare(const std::string& command, char** argv) {
    const auto is = [&](std::initializer_list<const char*> names) { return std::ranges::count(names, command) > 0; };
    const bool goes_on = is({"generate", "batch", "calibrate", "resume", "decode", "make-clips", "encode", "retrofit",
                             "evaluate", "serve"});
    if (goes_on || is({"plan", "bench", "module"})) t3video::apps::wait_without_spinning(argv);
    if (!goes_on) return;
    std::signal(SIGPIPE, SIG_IGN);  // nobody reads how a film goes on: no reason to end it
    t3video::apps::watch_interrupts();
}

int report(const std::string& message, int code) {
    std::fprintf(stderr, "t3video: %s\n", t3video::printable(message).c_str());
    return code;
}

int report(const t3video::Message& message, int code, const std::string& before = {}, const std::string& after = {}) {
    return report(before + message.in(t3video::apps::command_line()) + after, code);
}

// Why standard output did not take all that was written; 0 where it did. Of what was refused before now the system's
// reason is gone: `otherwise`.
int output_refusal(int otherwise = EIO) {
    errno = 0;
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return 0;
    const int reason = errno;
    pollfd output{STDOUT_FILENO, POLLOUT, 0};
    const bool closed = poll(&output, 1, 0) > 0 && (output.revents & POLLERR) != 0;
    return closed ? EPIPE : reason != 0 ? reason : otherwise;
}

// That nobody reads on, as behind `| head`, is no mistake: the code is that of programs which SIGPIPE ends.
int report_output(int reason) {
    if (reason == 0) return 0;
    if (reason == EPIPE) return 128 + SIGPIPE;
    return report("standard output: cannot be written: " + t3video::words_of_refusal(reason), kUserError);
}

// "t3video generate" when that subcommand was being parsed, else "t3video".
std::string command_of(const CLI::App& program) {
    const auto chosen = program.get_subcommands();
    return chosen.empty() ? "t3video" : "t3video " + chosen.front()->get_name();
}

// Throws InvalidRequest for a first word that is no command: the parser would only say that one is required.
void check_command(const CLI::App& program, int argc, char** argv) {
    if (argc < 2 || argv[1][0] == '-') return;
    std::string names;
    for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
        if (command->get_name() == argv[1]) return;
        names += (names.empty() ? "" : ", ") + command->get_name();
    }
    throw t3video::InvalidRequest("unknown command '" + std::string(argv[1]) + "'; expected one of: " + names);
}

}  // namespace

int main(int argc, char** argv) {
    open_standard_files();
    std::signal(SIGXFSZ, SIG_IGN);  // too large a file is then an error of write()
    t3video::spare_address_space();
    t3video::checkpoint::explain_lost_pages();
    CLI::App program(
        "Films from text, pictures and videos with Wan diffusion transformers, up to native 4K by T3 window attention.",
        "t3video");
    program.footer(
        "Examples:\n"
        "  t3video generate --prompt \"A red ball drifts left over green hills.\"\n"
        "  t3video generate --model Wan2.1-T2V-1.3B --prompt \"A cat walks on the grass.\" --output cat.mp4\n"
        "  t3video plan --model Wan2.1-T2V-1.3B --device cuda\n"
        "  t3video inspect Wan2.1-T2V-1.3B\n"
        "`t3video COMMAND --help` explains the options of a command.");
    program.require_subcommand(1);
    t3video::apps::Action action;
    t3video::apps::add_batch(program, action);
    t3video::apps::add_bench(program, action);
    t3video::apps::add_calibrate(program, action);
    t3video::apps::add_decode(program, action);
    t3video::apps::add_devices(program, action);
    t3video::apps::add_encode(program, action);
    t3video::apps::add_evaluate(program, action);
    t3video::apps::add_generate(program, action);
    t3video::apps::add_inspect(program, action);
    t3video::apps::add_jobs(program, action);
    t3video::apps::add_layout(program, action);
    t3video::apps::add_make_clips(program, action);
    t3video::apps::add_module(program, action);
    t3video::apps::add_plan(program, action);
    t3video::apps::add_resume(program, action);
    t3video::apps::add_retrofit(program, action);
    t3video::apps::add_serve(program, action);
    t3video::apps::add_version(program, action);

    try {
        check_command(program, argc, argv);
        program.parse(argc, argv);
        for (const CLI::App* command : program.get_subcommands()) t3video::apps::check_values(*command);
        prepare(program.get_subcommands().front()->get_name(), argv);
        action();
        return report_output(output_refusal());
    } catch (const CLI::Success& help) {
        errno = 0;
        program.exit(help);
        std::cout.flush();
        return report_output(output_refusal(errno != 0 ? errno : EIO));
    } catch (const CLI::ParseError& error) {
        return report(t3video::apps::explain(error) + " (" + command_of(program) + " --help explains the options)",
                      kUserError);
    } catch (const t3video::InvalidRequest& error) {
        return report(error.message(), kUserError);
    } catch (const t3video::WriteError& error) {
        return report(error.message(), kInternalError);
    } catch (const t3video::Stopped& stopped) {
        return report(stopped.message(), 128 + t3video::apps::interrupt_signal());  // as shells say it: 130 for Ctrl-C
    } catch (const t3video::OutOfMemory& error) {
        return report(error.message(), kInternalError, {}, kSmaller);
    } catch (const t3video::Error& error) {
        return report(error.message(), kInternalError, kOurs);
    } catch (const std::bad_alloc&) {
        return report(std::string("not enough memory") + kSmaller, kInternalError);
    } catch (const std::system_error& error) {  // no thread, no file, no room for what is printed
        if (std::ferror(stdout) != 0) return report_output(output_refusal(error.code().value()));
        if (error.code() == std::errc::resource_unavailable_try_again)
            return report(
                std::string("the system starts no further thread: raise the limit of address space (ulimit -v) or "
                            "of processes (ulimit -u), or take fewer threads"),
                kUserError);
        return report(std::string("the system refuses: ") + error.what(), kInternalError);
    } catch (const std::exception& error) {
        return report(kOurs + std::string(error.what()), kInternalError);
    }
}
