// The files that a film is written to: that none of them is anybody else's.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/message.h"
#include "film/request.h"
#include "job/written_files.h"

namespace t3video::job {

// What tells a film's own files from others: its record, where a file carries one, and that of its job.
struct Owner {
    std::string film;             // film_id()
    const WrittenFiles& written;  // of its job

    // Whether t3video wrote the file for this film, and nobody changed it since.
    bool has(const std::filesystem::path& file) const;
};

// Files and folders that the film is made from.
std::vector<std::filesystem::path> inputs_of(const film::Request& request, const film::ModelFiles& files);

// Where things go that the user did not name.
struct SideFiles {
    std::filesystem::path sheet, preview;  // empty: none
    std::vector<Message> notes, warnings;  // what people should know of the choice
};

// Throws InvalidRequest where the film, its contact sheet or its preview would replace an input or lie among the
// pictures of one; where film::Request::output exists and is not this film's, unless film::Request::overwrite. What
// belongs beside the film gets another name where its own is taken by a file that is not ours, which the notes say.
SideFiles claim_outputs(const film::Request& request, int64_t frames, const Owner& owner,
                        const std::vector<std::filesystem::path>& inputs);

// Whether the output is free for this film, or holds it: claim_outputs() would not refuse it for its name.
bool is_free(const std::filesystem::path& output, int64_t frames, const Owner& owner);

// Pictures of an earlier, longer version of this film behind its last frame. Removed are those that are ours.
void remove_later_pictures(const film::Request& request, int64_t frames, const Owner& owner);

// Throws WriteError where one of the output's files has become somebody else's since it was claimed.
void require_still_free(const film::Request& request, int64_t frames, const Owner& owner);

}  // namespace t3video::job
