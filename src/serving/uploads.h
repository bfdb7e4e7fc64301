// Pictures and videos that clients sent, kept by the hash of their contents: films name them, and the same file sent
// twice lies there once.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/sha256.h"
#include "serving/refused.h"

namespace t3video::serving {

struct UploadLimits {
    int64_t bytes = int64_t{512} << 20;  // of one file
    int64_t memory = int64_t{2} << 30;   // that looking at it may take
    int64_t keep_seconds = 24 * 3600;    // of one that no film names
};

struct Upload {
    enum class Kind { image, video };
    std::string id;  // SHA-256 in hexadecimal digits and an ending: "9f86...0a08.png"
    Kind kind = Kind::image;
    int64_t width = 0, height = 0, bytes = 0;  // as it is shown
    double fps = 0;                            // of a video, where it says so
    bool is_new = false;                       // was not there before

    const char* field() const { return kind == Kind::image ? "image" : "video"; }  // of film/fields.h
};

class Uploads {
  public:
    // `folder` is there. Removes what a killed run left unfinished.
    Uploads(std::filesystem::path folder, const UploadLimits& limits);

    // A file that arrives piece by piece; without finish() nothing stays of it.
    class Writer {
      public:
        explicit Writer(Uploads& uploads);
        ~Writer();
        Writer(const Writer&) = delete;
        Writer& operator=(const Writer&) = delete;

        // Throws Refused for more than the limit, and for a full disk or what counts as one.
        void write(std::string_view bytes);
        // Throws InvalidRequest, naming `field`, for what is neither a picture nor a video that can be decoded.
        Upload finish(const std::string& field);

      private:
        Uploads& uploads_;
        std::filesystem::path path_;
        int descriptor_ = -1;
        int64_t bytes_ = 0, checked_ = 0;  // so many at the last look for room
        Sha256 hash_;
        std::string begin_;  // by which kinds of files are told
    };
    Upload add(std::string_view bytes, const std::string& field);

    // Whether it is the id of one that is there, of which kind. Throws InvalidRequest naming `field` otherwise.
    Upload::Kind kind_of(const std::string& id, const std::string& field) const;
    // The same, looked at once more.
    Upload find(const std::string& id, const std::string& field);
    // Of an id that is there.
    std::filesystem::path path_of(const std::string& id) const { return folder_ / id; }

    // Removes those that are older than the limit and that `is_used` does not know.
    void sweep(const std::function<bool(const std::string& id)>& is_used);
    // Removes one that came with a request which was refused, unless somebody else named it meanwhile.
    void take_back(const Upload& upload, const std::function<bool(const std::string& id)>& is_used);
    int64_t bytes() const;  // of all, those included that arrive
    // Asked while files arrive: why nothing more should be written; empty where there is room.
    void set_shortage(std::function<std::string()> shortage) { shortage_ = std::move(shortage); }
    const UploadLimits& limits() const { return limits_; }

  private:
    std::filesystem::path folder_;
    UploadLimits limits_;
    std::mutex looking_;        // at a file, which takes memory
    mutable std::mutex mutex_;  // of naming and removing files
    int64_t bytes_ = 0;
    std::atomic<int64_t> arriving_ = 0;
    std::function<std::string()> shortage_;
};

}  // namespace t3video::serving
