// Files that are not what their names say.
#pragma once

#include <string>
#include <string_view>

namespace t3video {

// What a file is, in place of what is `wanted`, and what to do then, by its beginning (4 kB are enough): a pointer of
// Git LFS, compressed, a web page, a download that only has its place on the disk. Empty for others.
std::string foreign_words(std::string_view beginning, std::string_view wanted);
// The same of text in ASCII that is no JSON, as servers send: "Entry not found".
std::string text_words(std::string_view beginning, std::string_view wanted);

}  // namespace t3video
