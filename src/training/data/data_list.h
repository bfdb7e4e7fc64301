// Lists of clips with captions, as trainers of video models read them.
#pragma once

#include <filesystem>
#include <string>

#include "training/data/data_set.h"

namespace t3video::training {

struct DataListOptions {
    std::filesystem::path base = {};  // what relative paths begin at; empty: the folder of the list that says them
    std::string caption_extension = ".txt";  // of folders of clips, with or without the dot
    bool without_captions = false;           // clips without a caption stay, with an empty one
};

// Of a file, told by its content:
//   JSON: a list of objects, one object a line (JSONL), or one object of file names and captions. The clip is under
//     "data_file" (T3), "video" (DiffSynth, LightX2V), "video_path" (musubi-tuner), "path" (FastVideo), "image" or the
//     like, the caption, a text or a list of texts, under "prompt_en", "prompt", "caption", "cap", "text" or the like;
//   CSV (RFC 4180; separated by ',', ';' or tabs) with those names as its first row;
//   TOML of musubi-tuner ([general], [[datasets]]) or diffusion-pipe ([[directory]]).
// Of a folder: metadata.csv, metadata.jsonl, metadata.json, videos2caption.json, captions.json or clips.json in it,
// else the clips in it (not those of folders below), each with its caption in a text file of the same name.
//
// A path may also be a folder of numbered PNG pictures, which is a video. One that is not there is looked for in
// `videos/` beside the list too, where FastVideo has its clips. What cannot be used is a problem of the set and left
// out; items are in the list's order, those of one object by name. Throws InvalidRequest, naming file and line, for a
// list that cannot be read, settings that cannot be followed, and where no clip can be used.
DataSet read_data_list(const std::filesystem::path& path, const DataListOptions& options = {});

}  // namespace t3video::training
