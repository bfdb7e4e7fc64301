#include "apps/cli/commands.h"
namespace t3video::apps { void add_inspect(CLI::App&, Action&) {} }
