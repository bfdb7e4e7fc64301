// Reads latents as files hold them, a row of memory at a time.
#include "evaluation/latents.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "checkpoint/mapped_file.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/values.h"
#include "core/error.h"
#include "core/paths.h"

namespace t3video::evaluation {
namespace {

namespace fs = std::filesystem;

constexpr Metric kMetrics[] = {
    {.name = "latent_distance",
     .title = "Latent distance",
     .compares = true,
     .better = Better::lower,
     .unit = "",
     .range = "0 and more; equal latents have 0, latents of zeros have 1",
     .definition = "How far latents are from the reference's, as a share of the reference's length.",
     .formula = "||a - b|| / ||b|| over all elements, b the reference; parts: the same of each latent frame",
     .source = "Common use: the relative error in the Euclidean norm",
     .blindness = "Says nothing of what is seen: the decoder shows some channels more than others. Films that are "
                  "equally good drift apart in latents after a few steps, and then the number is large for both."},
    {.name = "latent_cosine",
     .title = "Latent cosine",
     .compares = true,
     .better = Better::higher,
     .unit = "",
     .range = "-1 to 1; latents that differ by a positive factor have 1",
     .definition = "How much latents point in the same direction as the reference's.",
     .formula = "<a, b> / (||a|| ||b||) over all elements; parts: the same of each latent frame",
     .source = "Common use: the cosine similarity",
     .blindness = "Does not see a factor, so neither contrast that is lost nor colours that are too strong. Common "
                  "offsets of channels bring it near 1 for films that have nothing else in common."},
};
constexpr const Metric &kDistance = kMetrics[0], &kCosine = kMetrics[1];

struct Latents {
    fs::path file;
    Stored values;  // [channels, T, H, W]
};

// Null where it is a file of other tensors.
const Stored* latents_in(const checkpoint::TensorSource& source) {
    for (const char* name : {"latents", "x"}) {
        const auto found = source.tensors.find(name);
        if (found != source.tensors.end()) return &found->second.tensor;
    }
    return nullptr;
}

Latents open_latents(const fs::path& file) {
    const checkpoint::TensorSource source =
        checkpoint::read_safetensors(std::make_shared<const checkpoint::MappedFile>(file));
    const Stored* const found = latents_in(source);
    require_valid(found, file.string(), ": holds no latents; expected a tensor \"latents\", or a job's \"x\"");
    const Shape shape = found->shape();
    const bool batch = shape.rank() == 5 && shape[0] == 1;
    require_valid((shape.rank() == 4 || batch) && shape.numel() > 0, file.string(), ": latents of ", shape,
                  "; expected [channels, frames, height, width]");
    require_valid(found->is_float() && !found->encoding(), file.string(), ": latents of type ", found->type_name(),
                  "; expected f32, f16 or bf16");
    return {file, batch ? found->reshape(Shape(shape.dims().subspan(1))) : *found};
}

// Over elements of both.
struct Products {
    double aa = 0, bb = 0, ab = 0, differences = 0;  // the last one squared

    Products& operator+=(const Products& other) {
        aa += other.aa;
        bb += other.bb;
        ab += other.ab;
        differences += other.differences;
        return *this;
    }
    double distance() const { return std::sqrt(differences / bb); }
    double cosine() const { return std::clamp(ab / std::sqrt(aa) / std::sqrt(bb), -1.0, 1.0); }
};

Products products_of(const std::vector<float>& a, const std::vector<float>& b) {
    Products sums;
    for (size_t i = 0; i < a.size(); ++i) {
        const double p = a[i], q = b[i];
        sums.aa += p * p;
        sums.bb += q * q;
        sums.ab += p * q;
        sums.differences += (p - q) * (p - q);
    }
    return sums;
}

// Squares of floats and their sums stay far below what a double holds.
void require_finite(double sum_of_squares, const fs::path& file) {
    require_valid(std::isfinite(sum_of_squares), file.string(),
                  ": latents hold values that are infinite or not numbers");
}

}  // namespace

std::span<const Metric> latent_metrics() {
    return kMetrics;
}

bool is_latents(const fs::path& path) try {
    if (!is_file(path)) return false;
    const auto file = std::make_shared<const checkpoint::MappedFile>(path);
    return checkpoint::looks_like_safetensors(file->bytes()) && latents_in(checkpoint::read_safetensors(file));
} catch (const InvalidRequest&) {
    return false;
}

FilmShape latent_shape(const fs::path& path) {
    const Shape shape = open_latents(path).values.shape();
    return {shape[3], shape[2], shape[1], /*fps=*/0};
}

void check_latents(const fs::path& path) {
    const Stored values = open_latents(path).values;
    const Shape shape = values.shape();
    std::vector<float> plane(static_cast<size_t>(shape[2] * shape[3]));
    double squares = 0;
    for (int64_t i = 0; i < shape[0] * shape[1]; ++i) {
        checkpoint::read_values(values, i * std::ssize(plane), std::ssize(plane), plane.data());
        for (const double value : plane) squares += value * value;
    }
    require_finite(squares, path);
}

std::vector<Value> compare_latents(const fs::path& latents, const fs::path& reference) {
    const Latents a = open_latents(latents), b = open_latents(reference);
    const Shape shape = a.values.shape();
    require_valid(shape == b.values.shape(), latents.string(), ": latents of ", shape, ", those of ",
                  reference.string(), " are ", b.values.shape(), "; expected the same shape");
    const int64_t channels = shape[0], frames = shape[1], plane = shape[2] * shape[3];
    std::vector<Products> parts(static_cast<size_t>(frames));
    std::vector<float> of_a(static_cast<size_t>(plane)), of_b(static_cast<size_t>(plane));
    for (int64_t i = 0; i < channels * frames; ++i) {
        checkpoint::read_values(a.values, i * plane, plane, of_a.data());
        checkpoint::read_values(b.values, i * plane, plane, of_b.data());
        parts[i % frames] += products_of(of_a, of_b);
    }
    Products all;
    for (const Products& part : parts) all += part;
    require_finite(all.aa, latents);
    require_finite(all.bb, reference);

    Value distance{&kDistance, all.distance(), {}, {}}, cosine{&kCosine, all.cosine(), {}, {}};
    for (const Products& part : parts) {
        distance.parts.push_back(part.distance());
        cosine.parts.push_back(part.cosine());
    }
    if (all.bb == 0) {
        distance.value = std::numeric_limits<double>::quiet_NaN();
        distance.note = cosine.note = "the reference's latents are all zero";
    } else if (all.aa == 0) {
        cosine.note = "the latents are all zero";
    }
    return {distance, cosine};
}

}  // namespace t3video::evaluation
