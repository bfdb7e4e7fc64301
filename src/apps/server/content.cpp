// Files of films, and what happens to them while they are made.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>
#include <memory>

#include "apps/server/http/ranges.h"
#include "apps/server/site.h"
#include "apps/server/views.h"

namespace t3video::server {
namespace {

using Variant = serving::FilmFile::Variant;

// Tells a file from what may take its name later.
std::string tag_of(const struct stat& file) {
    return fmt::format("\"{:x}-{:x}-{:x}\"", file.st_ino, file.st_size,
                       file.st_mtim.tv_sec * 1'000'000'000 + file.st_mtim.tv_nsec);
}

std::string plain_name(const std::string& name) {
    std::string plain = name;
    for (char& c : plain) {
        const bool good =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-';
        if (!good) c = '_';
    }
    return plain;
}

Answer file_of(Site& site, Request& request, Variant variant) {
    const serving::FilmFile file = site.service.file(request.id, variant);
    return file_answer(request, file.path, file.type, file.name);
}

}  // namespace

Answer file_answer(const Request& request, const std::filesystem::path& path, const std::string& type,
                   const std::string& name) {
    const auto opened = std::make_shared<FileDescriptor>(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat file {};
    if (fstat(opened->get(), &file) != 0 || !S_ISREG(file.st_mode))
        throw HttpError{404, "not_found", "the file is gone"};
    const std::string tag = tag_of(file);
    Answer answer{.type = type,
                  .headers = {{"ETag", tag}, {"Accept-Ranges", "bytes"}, {"Cache-Control", "private, no-cache"}}};
    // Conditions and ranges are of GET; of HEAD the first ones (RFC 9110, 13.1.2 and 14.2).
    const bool get = request.method == "GET";
    const std::string* known = get ? request.header("If-None-Match") : nullptr;
    if (known && lists_tag(*known, tag)) {
        answer.status = 304;
        return answer;
    }
    const std::string* condition = request.header("If-Range");
    const std::string* range = condition && *condition != tag ? nullptr : request.header("Range");
    const Slice slice = slice_of(get && !request.head_only ? range : nullptr, file.st_size);
    if (slice.status == 416) {
        HttpError error{416, "range_not_satisfiable", "nothing of the file is in that range"};
        error.headers = {{"Content-Range", fmt::format("bytes */{}", file.st_size)}};
        throw error;
    }
    answer.status = slice.status;
    if (slice.status == 206)
        answer.headers.emplace_back(
            "Content-Range", fmt::format("bytes {}-{}/{}", slice.first, slice.first + slice.count - 1, file.st_size));
    answer.headers.emplace_back("Content-Disposition", fmt::format("inline; filename=\"{}\"", plain_name(name)));
    answer.file = Answer::File{opened, slice.first, slice.count};
    return answer;
}

Answer film_content(Site& site, Request& request) {
    site.film(request);
    const std::string* variant = find_query(request, "variant");
    if (!variant || *variant == "video") return file_of(site, request, Variant::video);
    if (*variant == "thumbnail") return file_of(site, request, Variant::thumbnail);
    if (*variant == "spritesheet") return file_of(site, request, Variant::spritesheet);
    throw HttpError{400, "invalid_value", "variant: expected video, thumbnail or spritesheet", "variant"};
}

Answer film_preview(Site& site, Request& request) {
    site.film(request);
    return file_of(site, request, Variant::preview);
}

Answer film_events(Site& site, Request& request) {
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds kPatience{1000};
    static constexpr std::chrono::seconds kSilence{15};  // proxies end connections on which nothing comes
    site.film(request);
    struct Listener {
        std::string id;
        std::shared_ptr<serving::Subscription> news;
        std::function<bool()> connected;
        Clock::time_point spoke = {};
    };
    const auto listener =
        std::make_shared<Listener>(Listener{request.id, site.service.events(request.id), request.connected});
    Answer answer{.type = "text/event-stream",
                  .headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}}};  // nginx keeps nothing back
    answer.stream = [listener](const Sink& sink) {
        std::string text;
        if (listener->spoke == Clock::time_point()) text = "retry: 3000\n\n";
        for (const serving::Event& event : listener->news->next(kPatience)) text += event_text(listener->id, event);
        if (text.empty() && Clock::now() - listener->spoke > kSilence) text = ": nothing new\n\n";
        if (!text.empty()) listener->spoke = Clock::now();
        if (!text.empty() && !sink(text)) return false;
        return !listener->news->over() && listener->connected();
    };
    return answer;
}

}  // namespace t3video::server
