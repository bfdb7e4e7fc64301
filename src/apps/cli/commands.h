// The subcommands: each adds itself to the program, with what to run when it is chosen.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace t3video::apps {

// A subcommand fills this in when it was chosen; main runs it, so that errors are reported in one place.
using Action = std::function<void()>;

void add_batch(CLI::App& program, Action& chosen);
void add_bench(CLI::App& program, Action& chosen);
void add_calibrate(CLI::App& program, Action& chosen);
void add_decode(CLI::App& program, Action& chosen);
void add_devices(CLI::App& program, Action& chosen);
void add_encode(CLI::App& program, Action& chosen);
void add_evaluate(CLI::App& program, Action& chosen);
void add_generate(CLI::App& program, Action& chosen);
void add_inspect(CLI::App& program, Action& chosen);
void add_jobs(CLI::App& program, Action& chosen);
void add_layout(CLI::App& program, Action& chosen);
void add_make_clips(CLI::App& program, Action& chosen);
void add_module(CLI::App& program, Action& chosen);
void add_plan(CLI::App& program, Action& chosen);
void add_resume(CLI::App& program, Action& chosen);
void add_retrofit(CLI::App& program, Action& chosen);
void add_serve(CLI::App& program, Action& chosen);
void add_version(CLI::App& program, Action& chosen);

}  // namespace t3video::apps
