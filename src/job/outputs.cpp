// Whose the files are that a film would be written to.
#include "job/outputs.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "job/film_record.h"
#include "media/film_comment.h"

namespace t3video::job {
namespace {

namespace fs = std::filesystem;

bool is_plain_file(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(fs::symlink_status(path, ignored));
}

// The record that a film, a contact sheet or a picture carries.
std::optional<FilmRecord> record_of(const fs::path& file) try {
    return is_plain_file(file) && media::is_film(file) ? parse_film_record(media::read_film_info(file).comment)
                                                       : std::nullopt;
} catch (const Error&) {
    return std::nullopt;  // no film
}

std::vector<media::OutputEntry> entries_within(const fs::path& output, int64_t frames) {
    std::vector<media::OutputEntry> entries = media::entries_of_output(output);
    std::erase_if(entries, [&](const media::OutputEntry& entry) { return entry.frame >= frames; });
    return entries;
}

// The first entry that is not this film's.
std::optional<fs::path> foreign_entry(const fs::path& output, int64_t frames, const Owner& owner) {
    for (const media::OutputEntry& entry : entries_within(output, frames)) {
        if (!owner.has(entry.path)) return entry.path;
    }
    return std::nullopt;
}

void require_no_input(const fs::path& file, const std::vector<fs::path>& inputs) {
    for (const fs::path& input : inputs) {
        require_valid(!is_same_file(file, input), file.string(), ": is ", input.string(),
                      ", which this film is made from; give ", Field("output"), " another name");
    }
}

// `file` is named where it lies in a folder that is an input.
void require_outside(const fs::path& file, const fs::path& folder, const std::vector<fs::path>& inputs) {
    for (const fs::path& input : inputs) {
        require_valid(!is_folder(input) || !is_same_file(folder, input), file.string(),
                      ": would lie among the files of ", input.string(), ", which this film is made from; give ",
                      Field("output"), " another folder");
    }
}

// "cat.png" where it is free or ours, else "cat.sheet.png", "cat.sheet-2.png" and so on.
fs::path side_file(const fs::path& wanted, const std::string& kind, const film::Request& request, const Owner& owner,
                   const std::vector<fs::path>& inputs, std::vector<Message>& notes) {
    const auto usable = [&](const fs::path& path) {
        if (!name_exists(path)) return true;
        const bool input = std::ranges::any_of(inputs, [&](const fs::path& one) { return is_same_file(path, one); });
        // What the job knows as its film is no side file, whatever name it has.
        const bool side = owner.written.names(path) ? owner.written.has(path, "") : owner.has(path);
        return !input && (side || (request.overwrite && record_of(path)));
    };
    fs::path path = wanted;
    const fs::path stem = wanted.parent_path() / wanted.stem();
    for (int i = 1; !usable(path); ++i) {
        path = stem;
        path += concat(kind, i > 1 ? concat('-', i) : std::string(), ".png");
    }
    if (path != wanted) notes.emplace_back(wanted.string(), " is not this film's; taking ", path.string(), " instead");
    check_writable(path);
    return path;
}

}  // namespace

bool Owner::has(const fs::path& file) const {
    if (!is_plain_file(file)) return false;
    if (written.names(file)) return written.has(file);
    const auto record = record_of(file);
    return record && record->film == film;
}

std::vector<fs::path> inputs_of(const film::Request& request, const film::ModelFiles& files) {
    std::vector<fs::path> inputs = request.further_inputs;
    for (const fs::path& path : {request.inputs.image, request.inputs.video, request.layout})
        if (!path.empty()) inputs.push_back(path);
    for (const fs::path& path : files.all()) inputs.push_back(path);
    return inputs;
}

bool is_free(const fs::path& output, int64_t frames, const Owner& owner) {
    return !foreign_entry(output, frames, owner);
}

SideFiles claim_outputs(const film::Request& request, int64_t frames, const Owner& owner,
                        const std::vector<fs::path>& inputs) {
    const fs::path folder = media::folder_of(request.output);
    require_outside(request.output, folder, inputs);
    for (const media::OutputEntry& entry : entries_within(request.output, frames)) {
        require_no_input(entry.path, inputs);
        std::error_code ignored;
        const bool link = fs::is_symlink(fs::symlink_status(entry.path, ignored));
        require_valid(
            request.overwrite || owner.has(entry.path), entry.path.string(),
            link ? Message(": is a link; name the file itself, or give ", Field("overwrite"), " to replace the link")
                 : Message(": exists, and is not this film's; give ", Field("output"), " another name, or ",
                           Field("overwrite"), " to replace it"));
    }
    SideFiles side;
    for (const media::OutputEntry& entry : media::entries_of_output(request.output)) {
        if (entry.frame < frames || owner.has(entry.path)) continue;
        side.warnings.emplace_back(entry.path.string(), " is not this film's and stays behind its last picture");
        break;
    }
    if (request.contact_sheet && !media::is_one_picture(request.output)) {  // which shows all there is
        require_outside(request.sheet_path(), folder_above(request.sheet_path()), inputs);
        side.sheet = side_file(request.sheet_path(), ".sheet", request, owner, inputs, side.notes);
    }
    if (request.preview_every > 0) {
        require_outside(request.preview_path(), folder_above(request.preview_path()), inputs);
        side.preview = side_file(request.preview_path(), "", request, owner, inputs, side.notes);
    }
    return side;
}

void remove_later_pictures(const film::Request& request, int64_t frames, const Owner& owner) {
    for (const media::OutputEntry& entry : media::entries_of_output(request.output)) {
        std::error_code ignored;
        if (entry.frame >= frames && owner.has(entry.path)) fs::remove(entry.path, ignored);
    }
}

void require_still_free(const film::Request& request, int64_t frames, const Owner& owner) {
    if (request.overwrite) return;
    const auto foreign = foreign_entry(request.output, frames, owner);
    if (!foreign) return;
    throw WriteError(Message(foreign->string(), ": has become another file while the film was made, and is kept; to ",
                             "write the film elsewhere: ", Remedy{Remedy::Kind::decode, request.job_folder().string()},
                             " with another ", Field("output")));
}

}  // namespace t3video::job
