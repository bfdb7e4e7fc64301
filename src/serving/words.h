// What a server says of what went wrong below it: the same words without where its files lie.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/message.h"

namespace t3video::serving {

class Words {
  public:
    // Folders, each with what stands for it: a model's name; empty for the data folder, whose files are told by their
    // own names.
    explicit Words(const std::vector<std::pair<std::filesystem::path, std::string>>& folders);

    // Of other paths only the last name stays.
    std::string without_paths(std::string text) const;
    Message without_paths(const Message& message) const;
    // In one line.
    std::string line(const Message& message) const;

  private:
    std::vector<std::pair<std::string, std::string>> folders_;
};

}  // namespace t3video::serving
