// Shapes without values.
#include "checkpoint/unread.h"

#include <memory>
#include <utility>

#include "core/error.h"

namespace t3video::checkpoint {
namespace {

class Unread : public Encoding {
  public:
    Unread(std::string type, size_t bytes, std::string where)
        : type_(std::move(type)), bytes_(bytes), where_(std::move(where)) {}

    std::string name() const override { return type_; }
    size_t bytes() const override { return bytes_; }
    int64_t group() const override { return 1; }
    bool has_values() const override { return false; }
    void decode(int64_t, int64_t, float*) const override {
        throw InvalidRequest(concat(where_, " holds ", type_, ", which is not read"));
    }

  private:
    std::string type_;
    size_t bytes_;
    std::string where_;
};

}  // namespace

Stored unread_tensor(const Shape& shape, std::string type, size_t bytes, std::string where) {
    return {shape, std::make_shared<Unread>(std::move(type), bytes, std::move(where))};
}

}  // namespace t3video::checkpoint
