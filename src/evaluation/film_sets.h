// Which films an evaluation is about.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace t3video::evaluation {

struct FilmFile {
    std::string name;  // without its folder and ending: "00003"
    std::filesystem::path path;
    bool latents = false;
};

struct FilmSet {
    std::string name;
    std::filesystem::path path;
    std::vector<FilmFile> films;  // by name, numbers in them as numbers
    bool single = false;          // the path is a film itself
    std::string not_read;  // what looks like a film there and is none that is read, and why; empty where nothing does

    const FilmFile* find(const std::string& film_name) const;
};

// "NAME=PATH", or a path, which then is the name. A video, a file of latents or a folder of pictures is a set of one
// film; other folders hold films of any of these kinds. Pictures beside videos are contact sheets, and job folders no
// films; what the system does not tell of is a film that cannot be read. A path that exists may hold a "=". Throws
// InvalidRequest for what is none of these, for a folder without films and for two films of one name in it.
FilmSet find_films(const std::string& text);

// What sets are called must differ. Throws InvalidRequest naming the two.
void check_names(const std::vector<FilmSet>& sets);

}  // namespace t3video::evaluation
