// What LoRA files add to weights, computed row by row whenever a weight is decoded.
//
// A weight of any shape is a matrix here: its first axis are rows, the others, flattened, their width.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/lora/keys.h"
#include "tensor/stored.h"

namespace t3video::checkpoint {

class Update {
  public:
    virtual ~Update() = default;
    // In memory of its own, rather than in a mapped file.
    virtual size_t copied_bytes() const = 0;
    // Adds rows [first, first + count) of the update, of f32, to `values`, [count, width].
    virtual void add(int64_t first, int64_t count, float* values) const = 0;
};

// The sizes of the matrix that a module's factors make.
struct UpdateSize {
    int64_t rows = 0, width = 0;
    int64_t rank = 0;  // what alpha is divided by; 0 where alpha does not count
};

// Of a module with LoRA, LoHa or LoKr factors; nothing for one without. Throws InvalidRequest, beginning with `where`
// and naming the module, for factors without their partners or that do not fit one another.
//
//   LoRA  up down                       [out, rank] [rank, width], of convolutions with further axes of any split
//         up mid down                   mid [rank, rank, kernel...], "Tucker's form"
//   LoHa  (1a 1b) * (2a 2b)             [out, rank] [rank, width] each; with kernels 1t, 2t as up^T mid down
//   LoKr  kron(1, 2)                    1 [a, b] or 1a 1b, 2 [c, d, kernel...] or 2a 2b, with kernel 2t likewise
//
// (LoRA: Hu et al. 2021; LoHa: Hyeon-Woo et al. 2021, "FedPara"; LoKr: Yeh et al. 2023, "LyCORIS".)
std::unique_ptr<UpdateSize> size_of_update(const LoraModule& module, const std::string& name, const std::string& where);

// The update of a module for which size_of_update gave a size, times `scale`.
std::unique_ptr<Update> make_update(const LoraModule& module, double scale);

// A difference of the weight itself, times `scale`; `width`: of the weight's rows.
std::unique_ptr<Update> make_difference(const Stored& difference, int64_t width, double scale);

// A weight plus an update: base + strength * U; with a magnitude m (DoRA: Liu et al. 2024), the difference to
// m * (base + U) / |base + U| times `strength` is added instead. Norms are of the rows of the sum, or, where m has a
// number for each input of the weight, of its columns (over the outputs, and the kernel of a convolution); they are
// computed in f64.
struct Magnitude {
    std::vector<float> values;
    bool by_columns = false;
};
Stored updated(const Stored& base, int64_t rows, std::shared_ptr<const Update> update, double strength,
               Magnitude magnitude);

}  // namespace t3video::checkpoint
