// --like: the options of a film that was made before.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>

namespace t3video::apps {

// Gives `command`, whose line is parsed, the options that the film's record names and the line does not. Codec, bits
// and quality are taken for an output of the film's kind only, and bits and quality not beside another --codec. Throws
// InvalidRequest for a file without a record, and for an option that films do not record.
void take_options_of(const std::filesystem::path& film, CLI::App& command, const std::filesystem::path& output);

}  // namespace t3video::apps
