// t3video serve, in builds that cannot: it says so.
#include "apps/cli/commands.h"
#include "core/error.h"

namespace t3video::apps {

void add_serve(CLI::App& program, Action& chosen) {
    auto* command = program.add_subcommand("serve", "Make films over HTTP (not in this build)");
    command->allow_extras();
    command->callback([&chosen] {
        chosen = [] {
            throw InvalidRequest("this t3video was built without its server; build it with -DT3VIDEO_SERVER=ON");
        };
    });
}

}  // namespace t3video::apps
