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
    constexpr std::array<std::string_view, 18> kEndings = {".mp4", ".mkv",  ".mov", ".m4v",  ".webm", ".avi",
                                                           ".y4m", ".gif",  ".mpg", ".ts",   ".wmv",  ".ogv",
                                                           ".flv", ".mpeg", ".mts", ".m2ts", ".3gp",  ".mxf"};
    return std::ranges::count(kEndings, media::extension_of(path)) > 0;
}

bool is_hidden(const fs::path& path) {
    return path.filename().string().starts_with('.');
}

bool has_pictures(const fs::path& folder) {
    return !media::pictures_in(folder).empty();
}

// "1.mp4, 2.mp4 and 7 more (latents beside films)", appended where there are some.
void add_not_read(std::string& text, const std::vector<std::string>& names, const char* why) {
    constexpr size_t kNamed = 3;
    if (names.empty()) return;
    if (!text.empty()) text += "; ";
    for (size_t i = 0; i < std::min(names.size(), kNamed); ++i) text += (i > 0 ? ", " : "") + names[i];
    if (names.size() > kNamed) text += concat(" and ", names.size() - kNamed, " more");
    text += concat(" (", why, ')');
}

// Finds films in a folder of films; there may be none.
void find_films_in(const fs::path& folder, FilmSet& set) {
    std::vector<FilmFile> latents, unread;
    std::vector<std::string> no_pictures, beside_films;
    for (const fs::path& path : entries_of(folder)) {
        if (is_hidden(path)) continue;
        try {
            if (is_folder(path)) {
                if (job::is_job_folder(path)) continue;
                if (has_pictures(path))
                    set.films.push_back({path.filename().string(), path});
                else
                    no_pictures.push_back(path.filename().string());
                continue;
            }
        } catch (const InvalidRequest&) {  // of a link in a circle or a locked folder: measuring it says so
            const bool is_latents = media::extension_of(path) == ".safetensors";
            const bool is_file_name = is_latents || is_video_name(path);
            unread.push_back({(is_file_name ? path.stem() : path.filename()).string(), path, is_latents});
            continue;
        }
        if (is_video_name(path))
            set.films.push_back({path.stem().string(), path});
        else if (media::extension_of(path) == ".safetensors")
            latents.push_back({path.stem().string(), path, true});
    }
    if (set.films.empty()) {
        set.films = std::move(latents);
    } else {
        for (const FilmFile& file : latents) beside_films.push_back(file.path.filename().string());
    }
    if (set.films.empty() && has_pictures(folder)) return;  // frames of one film
    set.films.insert(set.films.end(), unread.begin(), unread.end());
    add_not_read(set.not_read, beside_films, "latents beside films");
    add_not_read(set.not_read, no_pictures,
                 no_pictures.size() == 1 ? "a folder without PNG pictures" : "folders without PNG pictures");
}

FilmSet set_at(const std::string& name, const fs::path& given) {
    require_valid(is_there(given), given.string(), ": there is no such file or folder");
    const fs::path path = given.has_filename() ? given : given.parent_path();  // "films/" is "films"
    const bool latents = media::extension_of(path) == ".safetensors";
    if (!is_folder(path)) return {name, path, {{path.stem().string(), path, latents}}, true};
    require_valid(!job::is_job_folder(path), path.string(),
                  ": this is a job's folder; expected its film, or a folder of films");
    FilmSet set{name, path, {}};
    find_films_in(path, set);
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
