// Options that several commands share, and parsing of the values the command line has its own notation for.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <utility>

#include "pipeline/model_files.h"
#include "tensor/context.h"

namespace t3video::apps {

// Where and with how many threads to compute.
struct ComputeOptions {
    std::string device = "cpu", dtype, memory;
    int threads = 0;

    void add_to(CLI::App& command);
    // Throws InvalidRequest for a device or type this build does not have.
    Context context() const;
};

// "cpu", "cuda" for the first GPU, "cuda:1" for the second. Throws InvalidRequest with these.
DeviceId parse_device(const std::string& text);

// --model and the options that replace single parts of it.
struct ModelOptions {
    std::string model;
    pipeline::PartOverrides parts;

    void add_to(CLI::App& command);
    // --lora, for commands that make films.
    void add_loras_to(CLI::App& command);
};

// "24GiB" -> bytes; TiB, GiB, MiB, TB, GB, MB in any case, also behind a blank. Throws InvalidRequest with an example.
size_t parse_bytes(const std::string& text);

// "24", "23.976" or "24000/1001"; media::FrameRate finds the fraction again. Throws InvalidRequest with an example; the
// range is the film's to check.
double parse_fps(const std::string& text);

// "style.safetensors:0.8" -> that file with weight 0.8; without a number behind the last colon, all of it with
// weight 1.
checkpoint::Lora parse_lora(const std::string& text);

// "832x480" -> {832, 480}. Throws InvalidRequest with an example.
std::pair<int64_t, int64_t> parse_size(const std::string& text);

// Throws InvalidRequest for an option that was given an empty value, but for texts, which may be empty.
void check_values(const CLI::App& command);

// What the parser found wrong, in words for people.
std::string explain(const CLI::ParseError& error);

}  // namespace t3video::apps
