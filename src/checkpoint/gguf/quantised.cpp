// Weights over quantised blocks, which are decoded one after another.
#include "checkpoint/gguf/quantised.h"

#include <utility>

#include "core/error.h"

namespace t3video::checkpoint {
namespace {

class Quantised : public Encoding {
  public:
    Quantised(const BlockType& type, std::span<const std::byte> blocks, std::shared_ptr<const void> owner)
        : type_(type), blocks_(blocks), owner_(std::move(owner)) {}

    std::string name() const override { return std::string(type_.name); }
    size_t bytes() const override { return blocks_.size(); }
    int64_t group() const override { return type_.elements; }
    void decode(int64_t first, int64_t count, float* values) const override {
        const std::byte* block = blocks_.data() + static_cast<size_t>(first / type_.elements) * type_.bytes;
        for (int64_t i = 0; i < count; i += type_.elements, block += type_.bytes) type_.decode(block, values + i);
    }

  private:
    const BlockType& type_;
    std::span<const std::byte> blocks_;
    std::shared_ptr<const void> owner_;
};

}  // namespace

Stored quantised_tensor(const BlockType& type, const Shape& shape, std::span<const std::byte> blocks,
                        std::shared_ptr<const void> owner) {
    require(shape.rank() >= 1 && shape[shape.rank() - 1] % type.elements == 0, type.name, ": rows of ", shape);
    require(blocks.size() == static_cast<size_t>(shape.numel() / type.elements) * type.bytes, type.name, ": ", shape,
            " in ", blocks.size(), " bytes");
    return {shape, std::make_shared<Quantised>(type, blocks, std::move(owner))};
}

}  // namespace t3video::checkpoint
