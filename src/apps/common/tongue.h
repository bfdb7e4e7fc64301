// How the command line says fields and remedies that messages from below name: as options and commands to type.
#pragma once

#include <filesystem>
#include <string>

#include "core/message.h"

namespace t3video::apps {

// A path as a shell takes it: in quotes where it needs them.
std::string shell_word(const std::filesystem::path& path);

// "--steps 0", "t3video resume film.job". Values stand as they were given, for people; folders as a shell takes them,
// since a remedy is there to be pasted.
const Tongue& command_line();

}  // namespace t3video::apps
