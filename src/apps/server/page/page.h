// The page that people see at "/", as the program carries it: the files of this folder, which are written by hand and
// served as they are.
#pragma once

#include <span>
#include <string_view>

namespace t3video::server {

struct PageFile {
    std::string_view path;  // "/", "/page.css"
    std::string_view type;  // of the Content-Type header
    std::string_view etag;  // of the bytes, with its quotes
    std::string_view bytes;
};

std::span<const PageFile> page_files();

// The Content-Security-Policy of every page file. Scripts and styles come from this server alone and never from within
// the page; data never becomes markup (trusted types); pictures and films may be blobs, as what a key was sent for is.
constexpr std::string_view kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

}  // namespace t3video::server
