#include "evaluation/film_sets.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/error.h"
#include "core/natural_order.h"
#include "core/paths.h"
#include "job/job.h"
#include "media/film_format.h"
#include "media/input/film_reader.h"

namespace t3video::evaluation {
namespace {

namespace fs = std::filesystem;

// What other programs write counts too: FFmpeg says what it reads.
bool is_video_name(const fs::path& path) {
    constexpr std::array<std::string_view, 12> kEndings = {".mp4", ".mkv", ".mov", ".m4v", ".webm", ".avi",
                                                           ".y4m", ".gif", ".mpg", ".ts",  ".wmv",  ".ogv"};
    return std::ranges::count(kEndings, media::extension_of(path)) > 0;
}

bool is_hidden(const fs::path& path) {
    return path.filename().string().starts_with('.');
}

bool has_pictures(const fs::path& folder) {
    return !media::pictures_in(folder).empty();
}

// Films in a folder of films; empty where there are none.
std::vector<FilmFile> films_in(const fs::path& folder) {
    std::vector<FilmFile> films, latents;
    for (const fs::path& path : entries_of(folder)) {
        if (is_hidden(path)) continue;
        if (is_folder(path)) {
            if (!job::is_job_folder(path) && has_pictures(path)) films.push_back({path.filename().string(), path});
        } else if (is_video_name(path)) {
            films.push_back({path.stem().string(), path});
        } else if (media::extension_of(path) == ".safetensors") {
            latents.push_back({path.stem().string(), path, true});
        }
    }
    return films.empty() ? latents : films;
}

FilmSet set_at(const std::string& name, const fs::path& given) {
    require_valid(is_there(given), given.string(), ": there is no such file or folder");
    const fs::path path = given.has_filename() ? given : given.parent_path();  // "films/" is "films"
    const bool latents = media::extension_of(path) == ".safetensors";
    if (!is_folder(path)) return {name, path, {{path.stem().string(), path, latents}}, true};
    require_valid(!job::is_job_folder(path), path.string(),
                  ": this is a job's folder; expected its film, or a folder of films");
    FilmSet set{name, path, films_in(path)};
    if (set.films.empty() && has_pictures(path)) return {name, path, {{path.filename().string(), path}}, true};
    require_valid(!set.films.empty(), path.string(),
                  ": no films in this folder; expected videos, folders of PNG pictures, or latents (.safetensors)");
    std::ranges::sort(set.films, counts_before, &FilmFile::name);
    const auto twice = std::ranges::adjacent_find(set.films, {}, &FilmFile::name);
    if (twice != set.films.end()) {
        throw InvalidRequest(concat(path.string(), ": both ", twice->path.filename().string(), " and ",
                                    std::next(twice)->path.filename().string(),
                                    " are there; films are matched by name, so expected one of each"));
    }
    return set;
}

}  // namespace

const FilmFile* FilmSet::find(const std::string& film_name) const {
    const auto found = std::ranges::find(films, film_name, &FilmFile::name);
    return found == films.end() ? nullptr : &*found;
}

FilmSet find_films(const std::string& text) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || is_there(text)) return set_at(text, text);
    require_valid(equals > 0 && equals + 1 < text.size(), text, ": expected NAME=PATH, or a path");
    return set_at(text.substr(0, equals), text.substr(equals + 1));
}

void check_names(const std::vector<FilmSet>& sets) {
    for (size_t i = 0; i < sets.size(); ++i) {
        for (size_t k = 0; k < i; ++k)
            require_valid(sets[i].name != sets[k].name, "two sets are called ", sets[i].name,
                          "; expected other names, as in new=", sets[i].path.string());
    }
}

}  // namespace t3video::evaluation
