// Weights with updates on top, and differences.
#include <algorithm>
#include <cmath>
#include <utility>

#include "checkpoint/lora/update.h"
#include "checkpoint/values.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

bool has_whole_rows(const Stored& x, int64_t width) {
    return !x.encoding() || width % x.encoding()->group() == 0;
}

class Difference : public Update {
  public:
    Difference(const Stored& x, int64_t width, double scale)
        : x_(has_whole_rows(x, width) ? x : Stored(decoded(x))), width_(width), scale_(static_cast<float>(scale)) {}
    size_t copied_bytes() const override { return x_.copied_bytes(); }
    void add(int64_t first, int64_t count, float* values) const override {
        std::vector<float> row(static_cast<size_t>(width_));
        for (int64_t i = 0; i < count; ++i, values += width_) {
            read_values(x_, (first + i) * width_, width_, row.data());
            for (int64_t j = 0; j < width_; ++j) values[j] += scale_ * row[static_cast<size_t>(j)];
        }
    }

  private:
    Stored x_;
    int64_t width_;
    float scale_;
};

class Updated : public Encoding {
  public:
    Updated(Stored base, int64_t width, std::shared_ptr<const Update> update, double strength, Magnitude magnitude)
        : base_(std::move(base)),
          width_(width),
          group_(has_whole_rows(base_, width) ? width : base_.numel()),
          update_(std::move(update)),
          strength_(strength),
          magnitude_(std::move(magnitude)) {
        if (magnitude_.by_columns) divide_by_norms_of_columns();
    }

    std::string name() const override {
        const std::string base = base_.type_name();
        return base.ends_with("+lora") ? base : base + "+lora";
    }
    size_t bytes() const override { return base_.bytes() + own_bytes(); }
    size_t copied_bytes() const override { return base_.copied_bytes() + own_bytes(); }
    int64_t group() const override { return group_; }
    void decode(int64_t first, int64_t count, float* values) const override {
        read_values(base_, first, count, values);
        if (magnitude_.values.empty()) return update_->add(first / width_, count / width_, values);
        std::vector<float> sum(values, values + count);
        update_->add(first / width_, count / width_, sum.data());
        for (int64_t row = 0; row < count / width_; ++row)
            rescale_row(first / width_ + row, sum.data() + row * width_, values + row * width_);
    }

  private:
    size_t own_bytes() const { return update_->copied_bytes() + magnitude_.values.size() * sizeof(float); }

    // base + strength * (m/|sum| * sum - base), for one row.
    void rescale_row(int64_t row, const float* sum, float* base) const {
        double own = 0;
        if (!magnitude_.by_columns) {
            double squares = 0;
            for (int64_t j = 0; j < width_; ++j) squares += double(sum[j]) * double(sum[j]);
            if (squares > 0) own = double(magnitude_.values[static_cast<size_t>(row)]) / std::sqrt(squares);
        }
        const int64_t kernel = magnitude_.by_columns ? width_ / static_cast<int64_t>(magnitude_.values.size()) : 1;
        for (int64_t j = 0; j < width_; ++j) {
            const double factor =
                magnitude_.by_columns ? double(magnitude_.values[static_cast<size_t>(j / kernel)]) : own;
            base[j] += static_cast<float>(strength_ * (factor * double(sum[j]) - double(base[j])));
        }
    }

    // Norms of columns need the whole sum: taken once, they are kept inside the magnitudes.
    void divide_by_norms_of_columns() {
        const int64_t rows = base_.numel() / width_, step = group_ / width_;
        const auto columns = magnitude_.values.size();
        const int64_t kernel = width_ / static_cast<int64_t>(columns);
        std::vector<double> squares(columns);
        std::vector<float> sum(static_cast<size_t>(group_));
        for (int64_t row = 0; row < rows; row += step) {
            read_values(base_, row * width_, group_, sum.data());
            update_->add(row, step, sum.data());
            for (int64_t i = 0; i < group_; ++i) {
                const double x = sum[static_cast<size_t>(i)];
                squares[static_cast<size_t>(i % width_ / kernel)] += x * x;
            }
        }
        for (size_t i = 0; i < columns; ++i)
            magnitude_.values[i] =
                squares[i] > 0 ? static_cast<float>(magnitude_.values[i] / std::sqrt(squares[i])) : 0;
    }

    Stored base_;
    int64_t width_, group_;
    std::shared_ptr<const Update> update_;
    double strength_;
    Magnitude magnitude_;
};

}  // namespace

std::unique_ptr<Update> make_difference(const Stored& difference, int64_t width, double scale) {
    return std::make_unique<Difference>(difference, width, scale);
}

Stored updated(const Stored& base, int64_t rows, std::shared_ptr<const Update> update, double strength,
               Magnitude magnitude) {
    require(rows > 0 && base.numel() % rows == 0, "an update of ", rows, " rows on ", base.shape());
    return {base.shape(),
            std::make_shared<Updated>(base, base.numel() / rows, std::move(update), strength, std::move(magnitude))};
}

}  // namespace t3video::checkpoint
