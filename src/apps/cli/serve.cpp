// t3video serve: films over HTTP, for pages and programs.
#include <fmt/format.h>
#include <malloc.h>

#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "apps/cli/commands.h"
#include "apps/common/interrupt.h"
#include "apps/common/log.h"
#include "apps/common/options.h"
#include "apps/server/server.h"
#include "core/paths.h"
#include "core/printable.h"
#include "film/bundled.h"
#include "serving/service.h"

namespace t3video::apps {
namespace {

namespace fs = std::filesystem;

struct ServeOptions {
    std::vector<fs::path> models, loras;
    fs::path data, keys;
    std::string host = "127.0.0.1", disk, largest_upload = "512MiB";
    std::vector<std::string> origins;
    int port = 8000;
    int64_t queue = 1000;
    double keep_days = 0;
    ComputeOptions compute;

    void add_to(CLI::App& command);
    serving::ServiceOptions service() const;
    server::ServerOptions server(const serving::ServiceOptions& service) const;
    void run() const;
};

void ServeOptions::add_to(CLI::App& c) {
    constexpr double kPorts = 65535, kFilms = 1e6, kDays = 36500;
    c.add_option("--model", models,
                 "Model folder, as for t3video generate; again for further ones, of which the first is the default "
                 "(default: the bundled demo model)")
        ->type_name("DIR")
        ->allow_extra_args(false);
    c.add_option("--data", data, "Folder for films, uploads and the queue; made where it is not there")
        ->type_name("DIR")
        ->required();
    c.add_option("--loras", loras,
                 "Folder of LoRAs (.safetensors), which clients name by their files' names; again for further ones")
        ->type_name("DIR")
        ->allow_extra_args(false);
    c.add_option("--host", host, "Address to listen at; one that others can reach needs --keys")
        ->capture_default_str()
        ->group("Access");
    c.add_option("--port", port, "Port; 0: a free one, which is printed")
        ->capture_default_str()
        ->check(between(0, kPorts))
        ->group("Access");
    c.add_option("--keys", keys,
                 "File of access keys, a line each: NAME SHA256 [requests=N a minute] [films=N at once] [priority=N]")
        ->type_name("FILE")
        ->group("Access");
    c.add_option("--origin", origins,
                 "Site whose pages may use the server, as in https://films.example.org; again for further ones")
        ->type_name("URL")
        ->allow_extra_args(false)
        ->group("Access");
    c.add_option("--queue", queue, "Films that may wait or be made at once")
        ->capture_default_str()
        ->check(between(1, kFilms))
        ->group("Bounds");
    c.add_option("--disk", disk, "What the data folder may take at most, such as 200GiB (default: its disk)")
        ->type_name("SIZE")
        ->group("Bounds");
    c.add_option("--largest-upload", largest_upload, "Of a picture or video that a client sends")
        ->type_name("SIZE")
        ->capture_default_str()
        ->group("Bounds");
    c.add_option("--keep", keep_days, "Days after which films that are over are removed; 0: never")
        ->capture_default_str()
        ->check(between(0, kDays))
        ->group("Bounds");
    compute.add_to(c);
    c.footer(
        "The page is at the address that is printed, the API is described at /openapi.json. Films go on where they "
        "were\n"
        "after the server was stopped or killed. A key's hash is the output of: printf %s \"$KEY\" | sha256sum\n"
        "--device takes several, as in cuda:0,cuda:1: each makes films of its own.\n\n"
        "Examples:\n"
        "  t3video serve --data films\n"
        "  t3video serve --model Wan2.1-T2V-1.3B --data /srv/films --device cuda --host 0.0.0.0 --keys keys.txt");
}

serving::ServiceOptions ServeOptions::service() const {
    serving::ServiceOptions options;
    options.data = data;
    options.models = serving::models_of(models);
    options.loras = loras;
    for (size_t at = 0; at <= compute.device.size();) {
        const size_t comma = std::min(compute.device.find(',', at), compute.device.size());
        ComputeOptions one = compute;
        one.device = compute.device.substr(at, comma - at);
        parse_device(one.device);  // before anything is made
        options.devices.push_back([one] {
            return std::make_unique<session::Session>(one.context(), one.bytes(), session::Lifetime::many_films);
        });
        at = comma + 1;
    }
    options.uploads.bytes = static_cast<int64_t>(parse_bytes(largest_upload, "--largest-upload"));
    options.queue_cap = queue;
    options.keep_seconds = static_cast<int64_t>(keep_days * 24 * 3600);
    if (!disk.empty()) options.disk_bytes = static_cast<int64_t>(parse_bytes(disk, "--disk"));
    options.log = [](const std::string& line) { log_info(printable(line)); };
    return options;
}

server::ServerOptions ServeOptions::server(const serving::ServiceOptions& service) const {
    server::ServerOptions options{.host = host, .port = port, .origins = origins, .log = service.log};
    if (!keys.empty()) options.keys = server::Keys::read(keys);
    std::vector<fs::path> hidden = loras;
    hidden.push_back(data);
    for (const serving::ServedModel& model : service.models) hidden.push_back(model.folder);
    for (const fs::path& path : hidden) {
        if (path.empty()) continue;
        options.hidden.push_back(absolute_path(path).string());
    }
    return options;
}

void ServeOptions::run() const {
    mallopt(M_ARENA_MAX, 2);  // many threads answer: each arena would keep the largest request that it saw
    const serving::ServiceOptions for_service = service();
    const server::ServerOptions for_server = server(for_service);
    const UnsavedWork work;  // a signal ends films at their next safe point
    serving::Service films(for_service);
    server::Server server(films, for_server);
    fmt::print("Films are served at http://{}:{}/\n", host.find(':') == std::string::npos ? host : "[" + host + "]",
               server.port());
    std::fflush(stdout);

    std::mutex mutex;
    std::condition_variable_any signal;
    std::unique_lock lock(mutex);
    signal.wait(lock, interrupts(), [] { return false; });
    server.close();
    films.shut_down();
    log_info("Stopped; what was accepted goes on when the server starts again");
}

}  // namespace

void add_serve(CLI::App& program, Action& chosen) {
    auto* command = program.add_subcommand("serve", "Make films for a page and for programs, over HTTP");
    const auto options = std::make_shared<ServeOptions>();
    options->add_to(*command);
    command->callback([options, &chosen] { chosen = [options] { options->run(); }; });
}

}  // namespace t3video::apps
