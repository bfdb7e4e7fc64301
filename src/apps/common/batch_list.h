// The list of a batch's films.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace t3video::apps {

struct BatchItem {
    std::string prompt;
    std::vector<std::pair<std::string, std::string>> fields =
        {};  // of its own, by name: {"seed", "3"}; a flag is "true"
};

struct BatchList {
    std::vector<BatchItem> items;
    std::set<std::string> unread;  // names of members that mean nothing here
};

// What the film of an entry is called, without its ending: "00003".
std::string film_name(size_t entry);

// One of these, told apart by content:
//   a JSON list of objects or texts, or one object: the prompt is "prompt_en", "prompt", "caption" or "text", whichever
//   comes first in this order; other members that are fields of a film, other than those of the model, its files and
//   the output, hold for that film ("negative_prompt" too), paths beside the list;
//   {"prompts": [...]} around such a list; diffusers' names "width" with "height", "num_frames", "num_inference_steps"
//   and "guidance_scale" count as the fields they mean, and names may be written with underscores;
//   the same objects or texts, one in a line (JSONL), lines that begin with '#' left out;
//   lines of text, each a prompt; empty ones, and those that begin with '#', are left out.
// Throws InvalidRequest, naming the file and the entry or line, for anything else.
BatchList read_batch_list(const std::filesystem::path& path);

}  // namespace t3video::apps
