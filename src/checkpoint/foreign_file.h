// Files that are not what their names say.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace t3video::checkpoint {

// Throws InvalidRequest beginning with `where` for a file that begins as something well known which holds no weights: a
// pointer of Git LFS, a web page, an archive, a picture, a download that only has its place on the disk.
void refuse_foreign_file(std::span<const std::byte> bytes, const std::string& where);

// The same for a file that should be a text, such as JSON, or a tokenizer: texts and zeros are left to its reader.
void refuse_other_kind(std::string_view text, const std::string& where);

}  // namespace t3video::checkpoint
