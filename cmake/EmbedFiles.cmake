# Run at build time, as cmake -D OUTPUT=FILE.cpp -D FOLDER=DIR -D FILES=a.html,b.css -P EmbedFiles.cmake: writes the bytes of FILES as
# the C++ table that apps/server/page/page.h declares. Types follow from the files' endings, tags from their bytes.
set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_svg "image/svg+xml")

string(REPLACE "," ";" FILES "${FILES}")
set(arrays "")
set(rows "")
set(number 0)
foreach(file IN LISTS FILES)
  file(READ ${FOLDER}/${file} bytes HEX)
  file(SHA256 ${FOLDER}/${file} hash)
  string(SUBSTRING ${hash} 0 20 tag)
  string(REGEX REPLACE "^.*\\." "" ending ${file})
  if(NOT DEFINED type_${ending})
    message(FATAL_ERROR "${file}: no type for .${ending} in EmbedFiles.cmake")
  endif()
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")  # lines of 16 bytes
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  set(path "/${file}")
  if(file STREQUAL "index.html")
    set(path "/")
  endif()
  string(APPEND arrays "constexpr char file${number}[] = {\n${bytes}};\n")
  string(APPEND rows "    {\"${path}\", \"${type_${ending}}\", \"\\\"${tag}\\\"\", {file${number}, sizeof file${number}}},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(WRITE ${OUTPUT} "#include \"apps/server/page/page.h\"

namespace t3video::server {
namespace {

${arrays}
constexpr PageFile kFiles[] = {
${rows}};

}  // namespace

std::span<const PageFile> page_files() {
    return kFiles;
}

}  // namespace t3video::server
")
