// Named tensors from files: one view over safetensors (single or sharded), torch .pth and GGUF, names translated on the
// way.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tensor/stored.h"

namespace t3video::checkpoint {

struct StoredTensor {
    Stored tensor;               // a read-only view of the mapped file, or encoded over it; a copy only where the
                                 // file's strides demand it
    std::filesystem::path file;  // the file it lies in, for messages
};

// Lines for the user about files that hold more than was taken, or other things than were asked for.
using Notes = std::vector<std::string>;

struct TensorSource {
    std::map<std::string, StoredTensor> tensors;
    std::map<std::string, std::string> metadata;  // safetensors' "__metadata__", GGUF's texts; else empty
    std::filesystem::path path;                   // what was opened, for messages
    Notes notes = {};

    // Throws InvalidRequest naming the file and the tensor when it is absent, Error when it is encoded.
    const Tensor& at(const std::string& name) const;
    bool contains(const std::string& name) const { return tensors.contains(name); }
};

// Opens *.safetensors, *.safetensors.index.json, *.pth/*.pt, or *.gguf, told apart by content, not by name; with a file
// that is one of several by its name (checkpoint/shards.h), all of them. Nothing is read but headers: tensors are views
// of the mapped files. Throws InvalidRequest for anything malformed.
TensorSource open_tensors(const std::filesystem::path& path);
// The files that the weights of `path` lie in: of an index its shards, of a shard all of them, else the file itself.
// Throws as open_tensors does.
std::set<std::filesystem::path> files_of(const std::filesystem::path& path);

// The same tensors under other names; `rename` returns an empty string for a name it does not know, which stays as it
// is.
TensorSource rename(TensorSource source, const std::function<std::string(const std::string&)>& rename);

// Writes a safetensors file (through a temporary file beside it, renamed when complete).
void save_safetensors(const std::filesystem::path& path, const std::map<std::string, Tensor>& tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace t3video::checkpoint
