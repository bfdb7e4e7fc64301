// Files made by tests, and what opening them says.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "checkpoint/tensor_source.h"
#include "core/error.h"

namespace t3video::checkpoint {

// A folder that disappears with the test.
class TempDir {
  public:
    TempDir() {
        std::string name = (std::filesystem::temp_directory_path() / "t3video-XXXXXX").string();
        require(::mkdtemp(name.data()) != nullptr, "cannot make a folder ", name);
        path_ = name;
    }
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

inline std::filesystem::path write_file(const std::filesystem::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
    return path;
}

inline std::string read_file(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

// The bytes of a number or of a sequence of numbers.
template <class T>
std::string raw_bytes(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof(T)};
}
template <class T>
std::string raw_bytes(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline std::string raw_bytes(const Tensor& tensor) {
    return {reinterpret_cast<const char*>(tensor.raw()), tensor.bytes()};
}

// A safetensors file with this header, whatever it says.
inline std::string safetensors_file(const std::string& header, const std::string& data) {
    return raw_bytes(uint64_t{header.size()}) + header + data;
}

// A tensor over a copy of `bytes`.
inline Tensor tensor_of(Shape shape, DType dtype, const std::string& bytes) {
    auto owner = std::make_shared<std::vector<std::byte>>(bytes.size());
    if (!bytes.empty()) std::memcpy(owner->data(), bytes.data(), bytes.size());
    std::byte* const data = owner->data();
    return {shape, dtype, std::make_shared<Storage>(data, bytes.size(), std::move(owner), true)};
}

// Opening must be refused, in one line that names the file and contains `reason`.
inline void expect_refused(const std::filesystem::path& path, const std::string& reason) {
    try {
        open_tensors(path);
        ADD_FAILURE() << path << " was opened, expected: " << reason;
    } catch (const InvalidRequest& error) {
        const std::string message = error.what();
        EXPECT_NE(message.find(path.filename().string()), std::string::npos) << message;
        EXPECT_NE(message.find(reason), std::string::npos) << message << "\nexpected: " << reason;
        EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
}

}  // namespace t3video::checkpoint
