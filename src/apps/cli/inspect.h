// What inspect shows of each kind of thing; the kind is told by contents.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "job/job.h"
#include "training/data/shards.h"

namespace t3video::apps {

// One line; `title` is empty where it goes on about the same.
void row(const char* title, const std::string& text);

// The kind of picture or video that a file begins as, "Picture (WebP)"; empty for others.
std::string media_kind(const std::filesystem::path& file);
// A file of such a kind, or a folder of pictures: size as shown, colours, and the options that made it if it names
// them. Throws InvalidRequest, as the reader of its kind does, for what is not read.
void inspect_media(const std::filesystem::path& path);
bool is_picture_folder(const std::filesystem::path& folder);

// As `t3video jobs` prints them.
void print_jobs(const std::vector<job::JobState>& jobs);
void inspect_job(const std::filesystem::path& folder);

// A folder of encoded clips.
void inspect_clips(const std::filesystem::path& folder);
// Its clips by size and length.
void print_buckets(const training::ShardSet& set);

enum class TextKind { none, layout, scheduler, pipeline, config, tokenizer, index, prompts, unknown };
// What a file of text is, by the keys of its JSON; none where it is no text in UTF-8.
TextKind text_kind(const std::filesystem::path& file);
void inspect_config(const std::filesystem::path& file);
void inspect_prompts(const std::filesystem::path& file);

}  // namespace t3video::apps
