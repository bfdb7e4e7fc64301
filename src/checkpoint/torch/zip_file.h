// The entries of a zip archive whose data is used in place, so they must be stored without compression.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/mapped_file.h"

struct zip;

namespace t3video::checkpoint {

class ZipFile {
  public:
    // Reads the central directory. Throws InvalidRequest naming the file when it is damaged or names an entry twice.
    explicit ZipFile(std::shared_ptr<const MappedFile> file);
    ~ZipFile();

    std::vector<std::string> names() const;
    bool contains(const std::string& name) const { return entries_.contains(name); }
    // The entry's bytes within the mapped file. Throws InvalidRequest when it is absent, compressed, encrypted or
    // reaches beyond the file.
    std::span<const std::byte> data(const std::string& name) const;

  private:
    struct Reader;
    size_t data_offset(uint64_t index, const std::string& where) const;

    std::shared_ptr<const MappedFile> file_;
    std::unique_ptr<Reader> reader_;            // what libzip reads the archive through
    std::unique_ptr<zip, void (*)(zip*)> zip_;  // refers to reader_
    std::map<std::string, uint64_t> entries_;   // name to index
};

}  // namespace t3video::checkpoint
