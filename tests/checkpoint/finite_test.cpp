// Values that are not numbers are found wherever they are, also in encoded weights.
#include "checkpoint/finite.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "files.h"

namespace t3video::checkpoint {
namespace {

// Values as stored, decoded in groups; counts how many are asked for at once.
class Grouped : public Encoding {
  public:
    Grouped(std::vector<float> values, int64_t group) : values_(std::move(values)), group_(group) {}

    std::string name() const override { return "grouped"; }
    size_t bytes() const override { return values_.size() * sizeof(float); }
    int64_t group() const override { return group_; }
    void decode(int64_t first, int64_t count, float* values) const override {
        EXPECT_EQ(first % group_, 0);
        EXPECT_EQ(count % group_, 0);
        EXPECT_LE(count, 1 << 18);
        std::copy_n(values_.begin() + first, count, values);
    }

  private:
    std::vector<float> values_;
    int64_t group_;
};

TEST(Finite, FindsOneValueAmongMany) {
    constexpr int64_t kRows = 3000, kColumns = 320;  // more than one piece, and the last one shorter
    for (const int64_t at : {int64_t{-1}, int64_t{0}, int64_t{500'000}, kRows * kColumns - 1}) {
        for (const float odd : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
            std::vector<float> values(kRows * kColumns, 1.5f);
            if (at >= 0) values[static_cast<size_t>(at)] = odd;
            Tensor plain = empty_on_host({kRows, kColumns}, DType::bf16);
            std::ranges::transform(values, plain.data<bf16>(), [](float value) { return bf16(value); });
            const Stored encoded({kRows, kColumns}, std::make_shared<Grouped>(values, 32));
            EXPECT_EQ(is_finite(plain, 2), at < 0) << at;
            EXPECT_EQ(is_finite(encoded, 2), at < 0) << at;
        }
    }
}

// 8-bit floats with their scales are looked through, and whole numbers are none that could be infinite.
TEST(Finite, FilesOfAnyType) {
    TempDir folder;
    const auto with = [&](char bits) {
        save_safetensors(folder / "x.safetensors", {{"a.alpha", tensor_of({}, DType::i64, std::string(8, '\1'))},
                                                    {"a.weight", tensor_of({2}, DType::f8_e5m2, {'\x3c', bits})},
                                                    {"b.weight", tensor_of({1}, DType::f64, raw_bytes(1.0))}});
        require_finite_file(folder / "x.safetensors", 2);
    };
    EXPECT_NO_THROW(with('\x3c'));
    EXPECT_THROW(with('\x7c'), InvalidRequest);
}

}  // namespace
}  // namespace t3video::checkpoint
