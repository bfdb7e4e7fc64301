// Factors of updates, checked and multiplied.
#include "checkpoint/lora/update.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "checkpoint/checks.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

// Adds the products of `up` rows with `down` to rows of `width` values. Two rows at a time take four rows of `down`, so
// that most operands stay in registers; columns go in runs whose part of `down` stays in the cache.
void add_product(const float* up, const float* down, int64_t rank, int64_t rows, int64_t width, float* values) {
    constexpr int64_t kColumns = 1024;
    const auto quadruple = [&](int64_t row, int64_t k) {
        std::array<float, 4> c{};
        for (int64_t i = 0; i < std::min<int64_t>(4, rank - k); ++i)
            c[static_cast<size_t>(i)] = row < rows ? up[row * rank + k + i] : 0.0f;
        return c;
    };
    for (int64_t first = 0; first < width; first += kColumns) {
        const int64_t columns = std::min(kColumns, width - first);
        for (int64_t row = 0; row < rows; row += 2) {
            float* const y0 = values + row * width + first;
            float* const y1 = values + std::min(row + 1, rows - 1) * width + first;
            for (int64_t k = 0; k < rank; k += 4) {
                const auto c0 = quadruple(row, k), c1 = quadruple(row + 1, k);
                const auto part = [&](int64_t i) { return down + std::min(k + i, rank - 1) * width + first; };
                const float *x0 = part(0), *x1 = part(1), *x2 = part(2), *x3 = part(3);
                for (int64_t j = 0; j < columns; ++j)
                    y0[j] += c0[0] * x0[j] + c0[1] * x1[j] + c0[2] * x2[j] + c0[3] * x3[j];
                if (row + 1 == rows) continue;
                for (int64_t j = 0; j < columns; ++j)
                    y1[j] += c1[0] * x0[j] + c1[1] * x1[j] + c1[2] * x2[j] + c1[3] * x3[j];
            }
        }
    }
}

// An update as a file has it: whole, or a product a b, or with a kernel t between them:
// W[o, i, k] = sum over p, q of a[o, p] t[p, q, k] b[q, i]. LyCORIS stores such an a the other way round, [p, o].
struct Parts {
    const LoraPart *whole = nullptr, *a = nullptr, *b = nullptr, *t = nullptr;
    bool turned = false;  // a of a product with kernel

    bool any() const { return whole || a || b || t; }
};

using MaybeRole = std::optional<LoraRole>;
Parts parts_of(const LoraModule& m, MaybeRole whole, LoraRole a, LoraRole b, MaybeRole t) {
    return {whole ? find(m, *whole) : nullptr, find(m, a), find(m, b), t ? find(m, *t) : nullptr, t != LoraRole::mid};
}
Parts lora_parts(const LoraModule& m) {
    return parts_of(m, std::nullopt, LoraRole::up, LoraRole::down, LoraRole::mid);
}
std::array<Parts, 2> hada_parts(const LoraModule& m) {
    return {parts_of(m, std::nullopt, LoraRole::hada_1a, LoraRole::hada_1b, LoraRole::hada_1t),
            parts_of(m, std::nullopt, LoraRole::hada_2a, LoraRole::hada_2b, LoraRole::hada_2t)};
}
std::array<Parts, 2> kron_parts(const LoraModule& m) {
    return {parts_of(m, LoraRole::kron_1, LoraRole::kron_1a, LoraRole::kron_1b, std::nullopt),
            parts_of(m, LoraRole::kron_2, LoraRole::kron_2a, LoraRole::kron_2b, LoraRole::kron_2t)};
}

// Extents of a tensor taken as a matrix.
int64_t rows_of(const Stored& x) {
    return x.dim(0);
}
int64_t width_of(const Stored& x) {
    return x.numel() / x.dim(0);
}

// The size of what the parts make.
UpdateSize size_of(const Parts& p, const std::string& name, const std::string& where) {
    for (const LoraPart* part : {p.whole, p.a, p.b, p.t}) {
        require_valid(!part || (part->value.rank() >= 2 && part->value.numel() > 0), where, ": ",
                      quote(part ? part->key : ""), " has shape ", part ? part->value.shape() : Shape(),
                      ", expected a matrix: [out, rank] and [rank, in], none of them 0");
    }
    if (p.whole) {
        require_valid(!p.a && !p.b && !p.t, where, ": ", quote(name), " has a factor both whole and as a product");
        return {rows_of(p.whole->value), width_of(p.whole->value), 0};
    }
    require_valid(p.a && p.b, where, ": ", quote(name), " has ",
                  quote((p.a   ? p.a
                         : p.b ? p.b
                               : p.t)
                            ->key),
                  " but not its partner, the ", p.a ? "down matrix (lora_A, _b)" : "up matrix (lora_B, _a)");
    const Stored &a = p.a->value, &b = p.b->value;
    if (!p.t) {
        require_valid(width_of(a) == rows_of(b), where, ": ", quote(name), " has a down matrix ", b.shape(),
                      " and an up matrix ", a.shape(), ", expected [rank, in] and [out, rank]");
        return {rows_of(a), width_of(b), rows_of(b)};
    }
    const Stored& t = p.t->value;
    const int64_t inner = p.turned ? rows_of(a) : width_of(a), outer = p.turned ? width_of(a) : rows_of(a);
    require_valid(inner == t.dim(0) && rows_of(b) == t.dim(1), where, ": ", quote(p.t->key), " is a kernel of ",
                  t.shape(), " between ", a.shape(), " and ", b.shape(), ", which does not fit");
    return {outer, width_of(b) * (t.numel() / (t.dim(0) * t.dim(1))), rows_of(b)};
}

Tensor as_matrix(const Stored& x, double scale = 1) {
    const Tensor values = decoded(x);
    const Shape shape{rows_of(x), width_of(x)};
    if (scale == 1) return values.reshape(shape);
    Tensor y = empty_on_host(shape);
    std::ranges::transform(values.span<float>(), y.data<float>(),
                           [&](float value) { return static_cast<float>(scale * value); });
    return y;
}

// W[o, i, k] of a product with kernel. These are of convolutions, and small.
Tensor with_kernel(const Parts& p, const UpdateSize& size, double scale) {
    const Tensor a = as_matrix(p.a->value), b = as_matrix(p.b->value), t = decoded(p.t->value);
    const int64_t inner = t.dim(0), between = t.dim(1), kernel = t.numel() / (inner * between), in = b.dim(1);
    Tensor w = empty_on_host({size.rows, size.width});
    for (int64_t o = 0; o < size.rows; ++o) {
        std::vector<double> left(static_cast<size_t>(between * kernel));  // sum over p of a t
        for (int64_t i = 0; i < inner; ++i) {
            const double x = a.data<float>()[p.turned ? i * size.rows + o : o * inner + i];
            for (size_t j = 0; j < left.size(); ++j) left[j] += x * t.data<float>()[i * between * kernel + int64_t(j)];
        }
        for (int64_t i = 0; i < in; ++i) {
            for (int64_t k = 0; k < kernel; ++k) {
                double sum = 0;
                for (int64_t q = 0; q < between; ++q)
                    sum += left[static_cast<size_t>(q * kernel + k)] * b.data<float>()[q * in + i];
                w.data<float>()[o * size.width + i * kernel + k] = static_cast<float>(scale * sum);
            }
        }
    }
    return w;
}

// A matrix of f32, whole or as a product.
class Factor {
  public:
    Factor(const Parts& p, double scale) {
        if (p.whole) {
            left_ = as_matrix(p.whole->value, scale);
        } else if (p.t) {
            left_ = with_kernel(p, size_of(p, "", ""), scale);
        } else {
            left_ = as_matrix(p.a->value, scale);
            right_ = as_matrix(p.b->value);
        }
    }
    int64_t rows() const { return left_.dim(0); }
    int64_t width() const { return right_.defined() ? right_.dim(1) : left_.dim(1); }
    size_t bytes() const { return left_.bytes() + (right_.defined() ? right_.bytes() : 0); }
    void add(int64_t first, int64_t count, float* values) const {
        const float* const left = left_.data<float>() + first * left_.dim(1);
        if (right_.defined())
            return add_product(left, right_.data<float>(), right_.dim(0), count, right_.dim(1), values);
        for (int64_t i = 0; i < count * left_.dim(1); ++i) values[i] += left[i];
    }
    Factor whole() const {
        if (!right_.defined()) return *this;
        Factor product;
        product.left_ = empty_on_host({rows(), width()});
        std::ranges::fill(product.left_.span<float>(), 0.0f);
        add(0, rows(), product.left_.data<float>());
        return product;
    }
    const float* row(int64_t index) const { return left_.data<float>() + index * left_.dim(1); }  // of a whole one

  private:
    Factor() = default;
    Tensor left_, right_;
};

class Product : public Update {
  public:
    explicit Product(Factor factor) : factor_(std::move(factor)) {}
    size_t copied_bytes() const override { return factor_.bytes(); }
    void add(int64_t first, int64_t count, float* values) const override { factor_.add(first, count, values); }

  private:
    Factor factor_;
};

class Hadamard : public Update {
  public:
    Hadamard(Factor x, Factor y) : x_(std::move(x)), y_(std::move(y)) {}
    size_t copied_bytes() const override { return x_.bytes() + y_.bytes(); }
    void add(int64_t first, int64_t count, float* values) const override {
        constexpr int64_t kRows = 8;  // whose two products stay in the cache
        const int64_t width = x_.width();
        std::vector<float> x, y;
        for (int64_t row = 0; row < count; row += kRows) {
            const int64_t rows = std::min(kRows, count - row);
            x.assign(static_cast<size_t>(rows * width), 0.0f);
            y.assign(static_cast<size_t>(rows * width), 0.0f);
            x_.add(first + row, rows, x.data());
            y_.add(first + row, rows, y.data());
            for (size_t i = 0; i < x.size(); ++i) values[row * width + int64_t(i)] += x[i] * y[i];
        }
    }

  private:
    Factor x_, y_;
};

// kron(x, y)[i c + k, j d + l] = x[i, j] y[k, l], y of [c, d].
class Kronecker : public Update {
  public:
    Kronecker(const Factor& x, const Factor& y) : x_(x.whole()), y_(y.whole()) {}
    size_t copied_bytes() const override { return x_.bytes() + y_.bytes(); }
    void add(int64_t first, int64_t count, float* values) const override {
        for (int64_t row = first; row < first + count; ++row) {
            const float *const x = x_.row(row / y_.rows()), *const y = y_.row(row % y_.rows());
            for (int64_t j = 0; j < x_.width(); ++j) {
                for (int64_t l = 0; l < y_.width(); ++l) values[l] += x[j] * y[l];
                values += y_.width();
            }
        }
    }

  private:
    Factor x_, y_;
};

}  // namespace

std::unique_ptr<UpdateSize> size_of_update(const LoraModule& m, const std::string& name, const std::string& where) {
    const Parts lora = lora_parts(m);
    const auto hada = hada_parts(m), kron = kron_parts(m);
    const bool has_hada = hada[0].any() || hada[1].any(), has_kron = kron[0].any() || kron[1].any();
    require_valid(lora.any() + has_hada + has_kron <= 1, where, ": ", quote(name),
                  " has factors of more than one of LoRA, LoHa and LoKr");
    if (lora.any()) return std::make_unique<UpdateSize>(size_of(lora, name, where));
    if (!has_hada && !has_kron) return nullptr;
    for (const Parts& part : has_hada ? hada : kron)
        require_valid(part.any(), where, ": ", quote(name), " has one of two factors, ",
                      has_hada ? "w1 or w2 of LoHa" : "w1 or w2 of LoKr");
    if (has_hada) {
        const UpdateSize x = size_of(hada[0], name, where), y = size_of(hada[1], name, where);
        require_valid(x.rows == y.rows && x.width == y.width, where, ": the products of ", quote(name), " make [",
                      x.rows, ", ", x.width, "] and [", y.rows, ", ", y.width, "], expected the same size");
        return std::make_unique<UpdateSize>(x);
    }
    const UpdateSize x = size_of(kron[0], name, where), y = size_of(kron[1], name, where);
    return std::make_unique<UpdateSize>(x.rows * y.rows, x.width * y.width, y.rank ? y.rank : x.rank);
}

std::unique_ptr<Update> make_update(const LoraModule& m, double scale) {
    if (const Parts lora = lora_parts(m); lora.any()) return std::make_unique<Product>(Factor(lora, scale));
    if (const auto hada = hada_parts(m); hada[0].any())
        return std::make_unique<Hadamard>(Factor(hada[0], scale), Factor(hada[1], 1));
    const auto kron = kron_parts(m);
    return std::make_unique<Kronecker>(Factor(kron[0], scale), Factor(kron[1], 1));
}

}  // namespace t3video::checkpoint
