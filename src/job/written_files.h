// What a job wrote outside of its folder, so that it knows its own files from those of others.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace t3video::job {

// Kept as files.json in the job folder: {"files": {"../film.y4m": [{"bytes": 31, "hash": "...", "form": "..."}]}}, with
// names as seen from there, so that a folder of films and jobs may move. What is recorded is taken as a claim only: a
// file is ours if it has that size and hash. The form is what the file depends on beside the latents; empty for side
// files.
class WrittenFiles {
  public:
    // Empty where there is no such file, or a damaged one.
    explicit WrittenFiles(const std::filesystem::path& job_folder);

    // Whether the record names it, whatever it holds now.
    bool names(const std::filesystem::path& file) const;
    // Whether it is what was written: in this form, or in any.
    bool has(const std::filesystem::path& file, const std::optional<std::string>& form = {}) const;

    // To be called before files get their names: from then on the contents of `whole` are ours under `name`, beside
    // what is there now and may be replaced. Throws as replace_file() does.
    struct Naming {
        std::filesystem::path whole, name;
    };
    void expect(const std::vector<Naming>& namings, const std::string& form);
    // Once they have them: forgets what was there before.
    void settle(const std::vector<Naming>& namings);

  private:
    struct Contents {
        int64_t bytes = 0;
        std::string hash, form;
    };

    std::string key_of(const std::filesystem::path& file) const;
    void save() const;

    std::filesystem::path folder_;
    std::map<std::string, std::vector<Contents>> files_;
};

}  // namespace t3video::job
