// Options that several commands share, and parsing of the values the command line has its own notation for.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "session/session.h"

namespace t3video::apps {

// Where and with how many threads to compute.
struct ComputeOptions {
    std::string device = "cpu", dtype, memory;
    int threads = 0;

    void add_to(CLI::App& command);
    // Throws InvalidRequest for a device or type this build does not have.
    Context context() const;
    session::Session session(session::Lifetime lifetime = session::Lifetime::one_film) const;
    int64_t bytes() const;  // of `memory`; 0: not given
};

// "cpu", "cuda" for the first GPU, "cuda:1" for the second. Throws InvalidRequest with these.
DeviceId parse_device(const std::string& text);

// --stream of training: "f32" or "bf16"; `otherwise` where it was not given. Throws InvalidRequest with these.
DType parse_stream(const std::string& text, DType otherwise);

// "24GiB" -> bytes; KiB to TiB and K, M, G, T in powers of 1024, KB to TB in powers of 1000, in any case, also behind
// blanks. Throws InvalidRequest with examples, naming the option.
size_t parse_bytes(const std::string& text, const std::string& option = "--memory");

// Refuses what is no number, and numbers outside; nan is outside.
CLI::Validator between(double low, double high);

// Throws InvalidRequest for an option that was given an empty value, but for texts, which may be empty.
void check_values(const CLI::App& command);

// What the parser found wrong, in words for people.
std::string explain(const CLI::ParseError& error);

}  // namespace t3video::apps
