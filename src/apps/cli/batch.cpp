// t3video batch: a film for each prompt of a list, by one process, or shared between several.
#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "apps/cli/commands.h"
#include "apps/cli/generate.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/output_file.h"

namespace t3video::apps {
namespace {

namespace fs = std::filesystem;

struct Item {
    std::string prompt;
    std::optional<int64_t> seed;
};

struct BatchOptions {
    fs::path list, output = "films";
    std::string extension = media::default_output().extension().string(), shard = "1/1";

    void run(const std::vector<std::string>& further) const;
};

// A list of objects: "prompt_en", and "seed" if the film wants its own. Other members are not read.
std::vector<Item> read_list(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    require_valid(fs::is_regular_file(path) && file.good(), path.string(), ": no such file");
    const nlohmann::json list = nlohmann::json::parse(file, nullptr, false);
    require_valid(list.is_array() && !list.empty(), path.string(),
                  R"(: expected a JSON list of objects such as {"prompt_en": "A red ball drifts left."})");
    std::vector<Item> items;
    for (const auto& entry : list) {
        const std::string where = concat(path.string(), ": entry ", items.size());
        require_valid(entry.is_object() && entry.contains("prompt_en") && entry["prompt_en"].is_string(), where,
                      " has no text \"prompt_en\"");
        Item item{entry["prompt_en"].get<std::string>(), {}};
        require_valid(item.prompt.find_first_not_of(" \t\r\n") != std::string::npos, where,
                      ": \"prompt_en\" is empty; describe the film in a sentence");
        if (entry.contains("seed")) {
            require_valid(entry["seed"].is_number_unsigned(), where, ": \"seed\" is not a whole number");
            item.seed = entry["seed"].get<int64_t>();
        }
        items.push_back(std::move(item));
    }
    return items;
}

struct Shard {
    size_t index = 1, of = 1;
    bool has(size_t film) const { return film % of == index - 1; }
};

Shard parse_shard(const std::string& text) {
    Shard shard;
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, shard.index);
    const bool separated = first.ec == std::errc() && first.ptr != end && *first.ptr == '/';
    const auto second = separated ? std::from_chars(first.ptr + 1, end, shard.of) : first;
    require_valid(
        separated && second.ec == std::errc() && second.ptr == end && shard.index >= 1 && shard.index <= shard.of,
        "--shard ", text, ": expected a part and their number, from 1/4 to 4/4 for four processes");
    return shard;
}

void BatchOptions::run(const std::vector<std::string>& further) const {
    const Shard part = parse_shard(shard);
    const std::vector<Item> items = read_list(list);
    const auto command_of = [&](size_t i) {
        std::vector<std::string> words = further;
        words.insert(words.end(),
                     {"--prompt", items[i].prompt, "--output", output / fmt::format("{:05}{}", i, extension)});
        if (items[i].seed) words.insert(words.end(), {"--seed", std::to_string(*items[i].seed)});
        FilmCommand film = parse_film(words);
        film.request.keep_finished = true;
        return film;
    };
    std::vector<size_t> mine;
    for (size_t i = 0; i < items.size(); ++i) {
        if (part.has(i)) mine.push_back(i);
    }
    if (mine.empty()) return;
    const FilmCommand first = command_of(mine.front());
    require_valid(first.request.job.empty(), "--job belongs to a single film; a batch gives each its own");
    set_quiet(first.quiet);
    Context ctx = first.compute.context();
    pipeline::OpenModel model = pipeline::open_model(first.request);
    std::error_code error;
    fs::create_directories(output, error);
    require_valid(fs::is_directory(output), "--output ", output.string(), ": the folder cannot be made",
                  error ? ": " + error.message() : std::string());
    for (size_t k = 0; k < mine.size(); ++k) {
        log_info(fmt::format("Film {} of {}: entry {} of the list", k + 1, mine.size(), mine[k]));
        make_film(ctx, command_of(mine[k]), &model);
        if (interrupt_signal() != 0 && k + 1 < mine.size())
            throw Interrupted(concat("stopped after film ", k + 1, " of ", mine.size(), "; the same command goes on"));
    }
}

}  // namespace

void add_batch(CLI::App& program, Action& chosen) {
    auto* c = program.add_subcommand("batch", "Make a film for each prompt of a JSON list");
    const auto o = std::make_shared<BatchOptions>();
    c->add_option("LIST", o->list, "JSON list of objects with \"prompt_en\", and \"seed\" for a seed of its own")
        ->required();
    c->add_option("--output,-o", o->output, "Folder of the films: 00000.mp4 and so on, by place in the list")
        ->capture_default_str()
        ->type_name("DIR");
    c->add_option("--extension", o->extension, "Kind of file: .mp4, .mkv, .mov, .y4m; or / for folders of pictures")
        ->capture_default_str()
        ->type_name("EXT");
    c->add_option("--shard", o->shard, "Make every N-th film of the list, from the I-th: for N processes")
        ->capture_default_str()
        ->type_name("I/N");
    c->allow_extras();
    c->footer(
        "Further options are those of t3video generate, for all films. The model is opened once. The same command "
        "goes\n"
        "on after an interruption: films that it has finished stay as they are, the one begun goes on from its job.\n\n"
        "Example:\n"
        "  t3video batch prompts.json --output films --shard 1/2 --model Wan2.1-T2V-1.3B --size 832x480 --device cuda");
    c->callback([c, o, &chosen] { chosen = [o, further = c->remaining()] { o->run(further); }; });
}

}  // namespace t3video::apps
