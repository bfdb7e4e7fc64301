// Where a server keeps what it is given and what it makes:
//
//   lock            held while a server lives
//   queue.sqlite    serving/sqlite_queue.h
//   uploads/        serving/uploads.h
//   films/ID/       film.mp4, film.png (the contact sheet), film.preview.png, thumbnail.png, film.job/
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace t3video::serving {

class DataFolder {
  public:
    // Makes it where it is not there. Throws InvalidRequest where that cannot be, and InUse while another server has
    // it. `bound`: bytes that it may take, 0: any number; `reserve`: bytes of its disk that stay free.
    DataFolder(std::filesystem::path root, int64_t bound, int64_t reserve);
    ~DataFolder();
    DataFolder(const DataFolder&) = delete;
    DataFolder& operator=(const DataFolder&) = delete;

    const std::filesystem::path& root() const { return root_; }
    std::filesystem::path queue() const { return root_ / "queue.sqlite"; }
    std::filesystem::path uploads() const { return root_ / "uploads"; }
    std::filesystem::path films() const { return root_ / "films"; }
    std::filesystem::path film(const std::string& id) const { return films() / id; }
    std::filesystem::path job(const std::string& id) const { return film(id) / "film.job"; }

    // Why nothing more should be written where so many bytes are taken, for people; empty where there is room.
    std::string shortage(int64_t used) const;
    int64_t free_bytes() const;

    std::vector<std::string> film_ids() const;  // of folders that are there
    void make_film(const std::string& id) const;
    void remove_film(const std::string& id) const;
    bool holds_only_job(const std::string& id) const;
    int64_t film_bytes(const std::string& id) const;
    // Gives a film the stages of another one's job, by links: what saves a stage replaces its file.
    void share_job(const std::string& from, const std::string& to) const;

  private:
    std::filesystem::path root_;
    int64_t bound_, reserve_;
    int lock_ = -1;
};

}  // namespace t3video::serving
