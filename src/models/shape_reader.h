// Sizes of a model, read off the shapes of a file's tensors.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/error.h"
#include "core/shape.h"

namespace t3video::models {

using TensorShapes = std::map<std::string, Shape>;

// Looks tensors up for one file and reports what does not fit. `what` the file was taken for: "a Wan VAE".
class ShapeReader {
  public:
    ShapeReader(const TensorShapes& shapes, const std::filesystem::path& path, const char* what)
        : shapes_(shapes), path_(path), what_(what) {}

    bool has(const std::string& name) const { return shapes_.contains(name); }

    // Extent `axis` of a tensor of the given rank.
    int64_t extent(const std::string& name, int rank, int axis) const {
        const auto found = shapes_.find(name);
        require_valid(found != shapes_.end(), path_.string(), ": not ", what_, ": tensor '", name, "' is missing",
                      shapes_.empty() ? "" : concat(" (the file starts with '", shapes_.begin()->first, "')"));
        require_valid(found->second.rank() == rank, path_.string(), ": tensor '", name, "' has shape ", found->second,
                      ", expected ", rank, " dimensions");
        return found->second.dim(axis);
    }

    template <class... Parts>
    void check(bool condition, const Parts&... parts) const {
        require_valid(condition, path_.string(), ": not ", what_, ": ", parts...);
    }

  private:
    const TensorShapes& shapes_;
    const std::filesystem::path& path_;
    const char* what_;
};

}  // namespace t3video::models
