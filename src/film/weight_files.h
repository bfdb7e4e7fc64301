// The files of a network's weights in a folder: whole or in parts, safetensors or torch's, and variants beside them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace t3video::film {

struct FoundWeights {
    std::filesystem::path file;  // a file, an index, or the first of several parts; empty: none
    std::string note = {};       // where there is a choice: which is read, and which others stand there
};

// The weights named STEM.safetensors, STEM.safetensors.index.json or STEM-00001-of-00003.safetensors, the same with
// .bin, and with a variant's name ("fp16") where the hub's programs put it: STEM.fp16.safetensors,
// STEM.safetensors.index.fp16.json, STEM.fp16.safetensors.index.json, STEM.fp16-00001-of-00003.safetensors,
// STEM-00001-of-00003.fp16.safetensors. Of several: the earlier stem, safetensors, no variant, then bf16, fp16, fp32
// and others, a whole file, an index.
FoundWeights find_weights(const std::filesystem::path& folder, const std::vector<std::string>& stems);

// The first of these, and what to say of the others.
FoundWeights first_of_several(const std::vector<std::filesystem::path>& files);

}  // namespace t3video::film
