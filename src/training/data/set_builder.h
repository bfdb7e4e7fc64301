// A data set as it grows while lists are read.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "training/data/data_list.h"

namespace t3video::training {

// By the name's extension; nothing for what is neither. GIF and APNG are videos.
std::optional<ClipKind> clip_kind_of(const std::filesystem::path& file);

// Where something is said.
struct Place {
    std::filesystem::path file;
    int64_t line = 0;  // 0: the file as a whole
};

class SetBuilder {
  public:
    explicit SetBuilder(DataListOptions options) : options_(std::move(options)) {}

    const DataListOptions& options() const { return options_; }

    // Clips from here on have these settings, and come so often in an epoch.
    void begin_group(DataSettings settings, int64_t repeats, bool without_captions);

    // A clip as a list names it, with its captions as they stand there. What is wrong with it is told.
    void add(const Place& place, const std::string& name, const std::vector<std::string>& captions);
    // One that is there.
    void add_file(const Place& place, const std::filesystem::path& file, const std::vector<std::string>& captions);

    void tell(DataProblem::Kind kind, const Place& place, std::string what);
    // Once for each name in a file.
    void tell_unread(const Place& place, const std::string& name);
    void pass_over(const std::string& name);

    // What a relative path of this list stands for: below the base folder, or beside the list.
    std::filesystem::path resolve(const std::filesystem::path& list, const std::string& name) const;

    size_t items() const { return set_.items.size(); }
    // Throws InvalidRequest, with the first problem, where there are no items.
    DataSet finish(const std::filesystem::path& path) &&;

  private:
    std::optional<std::filesystem::path> find(const Place& place, const std::string& name);

    DataListOptions options_;
    DataSet set_;
    int64_t repeats_ = 1;
    bool without_captions_ = false;
    std::set<std::tuple<size_t, std::string, std::vector<std::string>>> known_;  // group, file, captions
    std::set<std::pair<std::string, std::string>> unread_;                       // file, name
};

}  // namespace t3video::training
