// FFmpeg's input and output by callbacks.
#include "media/input/input_source.h"

#include <algorithm>
#include <array>

#include "core/foreign_file.h"
#include "media/input/y4m_reader.h"

namespace t3video::media {
namespace {

void require_no_list(const std::string& name, std::string_view kind) {
    constexpr std::array<std::string_view, 8> kLists = {"hls",  "dash", "concat", "sdp",
                                                        "rtsp", "rtp",  "imf",    "webm_dash_manifest"};
    require_valid(std::ranges::find(kLists, kind) == kLists.end(), name, ": is a list of other files (", kind,
                  "), which are not followed; give the video itself");
}

constexpr std::string_view kWanted = "a picture or video";

// What FFmpeg would take for damaged, or for something else.
std::string words_for(std::string_view head) {
    const size_t first = std::min(head.find_first_not_of(" \t\r\n\xef\xbb\xbf"), head.size());
    const bool xml = head.substr(first).starts_with("<?xml");  // a drawing, a list of FFmpeg's, or a page
    if (head.substr(first).starts_with("<svg") || (xml && head.find("<svg") != std::string_view::npos))
        return "is an SVG drawing, which is not read; convert it to PNG";
    if (head.starts_with("%PDF") || head.starts_with("%!PS"))
        return "is a PDF or PostScript document, which is not read; convert it to PNG";
    if (head.starts_with("PK\3\4")) return "is a ZIP archive; unpack it first";
    return xml ? "" : foreign_words(head, kWanted);
}

// What is none of FFmpeg's kinds.
std::string words_for_unknown(std::string_view head) {
    if (head.empty()) return "is empty; the download did not begin or is not complete";
    const std::string words = foreign_words(head, kWanted);
    if (head.starts_with("P7")) return "is a PAM picture, which is not read; convert it to PNG";
    return words.empty() ? text_words(head, kWanted) : words;
}

}  // namespace

InputSource::InputSource(const std::filesystem::path& path)
    : name_(path.string()), file_(path, "a video or image"), bytes_(file_.bytes()) {
    constexpr int kBuffer = 1 << 15;
    auto* buffer = static_cast<unsigned char*>(av_malloc(kBuffer));
    io_ = avio_alloc_context(buffer, kBuffer, 0, this, read, nullptr, seek);
    require(buffer != nullptr && io_ != nullptr, "out of memory for a file's buffer");
}

InputSource::~InputSource() {
    av_freep(&io_->buffer);
    avio_context_free(&io_);
}

const AVInputFormat* InputSource::probe() {
    constexpr size_t kHead = 4096;
    const std::string head = file_.read(kHead);
    file_.seek(0);
    require_no_list(name_, head.starts_with("#EXTM3U") ? "hls" : "");  // which FFmpeg 7 knows by its extension only
    const auto refuse = [&](const std::string& words) { require_valid(words.empty(), name_, ": ", words); };
    refuse(words_for(head));
    if (head.starts_with("YUV4MPEG2 ")) y4m_size(head.substr(0, head.find('\n')), name_);  // FFmpeg says nothing of use
    const AVInputFormat* kind = nullptr;
    const int status = av_probe_input_buffer2(io_, &kind, "", nullptr, 0, 0);
    if (status < 0) refuse(words_for_unknown(head));
    check_file(status, name_, ": not a video or image file");
    require_no_list(name_, kind->name);
    return kind;
}

InputPtr InputSource::open(const AVInputFormat* kind) {
    AVFormatContext* raw = avformat_alloc_context();
    require(raw != nullptr, "out of memory for a reader");
    raw->pb = io_;
    raw->io_open = [](AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) { return AVERROR(EPERM); };
    AVDictionary* options = nullptr;
    av_dict_set(&options, "protocol_whitelist", "none", 0);            // for what opens files in other ways
    const int status = avformat_open_input(&raw, "", kind, &options);  // frees it where it fails
    av_dict_free(&options);
    check_file(status, name_, ": damaged, or its download is not complete");
    return InputPtr(raw);
}

// No exception may pass through FFmpeg.
int InputSource::read(void* self, uint8_t* to, int count) {
    InputSource& source = *static_cast<InputSource*>(self);
    try {
        const int64_t wanted = std::clamp<int64_t>(source.bytes_ - source.at_, 0, count);
        const size_t read = source.file_.read(reinterpret_cast<char*>(to), static_cast<size_t>(wanted));
        source.at_ += static_cast<int64_t>(read);
        return read == 0 ? AVERROR_EOF : static_cast<int>(read);
    } catch (const std::exception&) {
        return AVERROR(EIO);
    }
}

int64_t InputSource::seek(void* self, int64_t offset, int whence) {
    InputSource& source = *static_cast<InputSource*>(self);
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE) return source.bytes_;
    const int64_t to = offset + (whence == SEEK_CUR ? source.at_ : whence == SEEK_END ? source.bytes_ : 0);
    try {
        source.file_.seek(to);
        return source.at_ = to;
    } catch (const std::exception&) {
        return AVERROR(EIO);
    }
}

bool is_still(const AVInputFormat& kind) {
    return std::string_view(kind.name).ends_with("_pipe");
}

}  // namespace t3video::media
