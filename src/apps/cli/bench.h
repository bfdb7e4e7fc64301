// What the parts of `t3video bench` share.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/common/options.h"
#include "film/model_files.h"
#include "models/wan_dit/model.h"
#include "models/wan_vae/wan_vae.h"
#include "tensor/tensor.h"

namespace t3video::apps {

struct BenchOptions {
    ComputeOptions compute;
    std::string what, model = "wan2.1-1.3b", size = "4k", attention = "auto", layout, json, input, output;
    int64_t frames = 81, layer = -1, repeat = 3;
    // train:
    int64_t lora = 0, batch = 1;
    std::string states = "f32", streams = "device", stream;
    bool deterministic = false, backward = false;
    std::optional<int64_t> steps;
    std::optional<double> cfg;

    void run();
};

// Pixels of a film.
struct BenchSize {
    const char* name;  // "" for one without
    int64_t width, height;
};

double flop(const Work& work);
double median(std::vector<double> seconds);  // of one or more

// Writes figures to a file: a new one, or in place of earlier figures. `figures` has a member "what". Throws
// InvalidRequest for another file, as check_figures_file() does before the work.
void write_figures(const std::string& file, const nlohmann::json& figures);
void check_figures_file(const std::string& file);

// By name, or "WxH". Throws InvalidRequest listing the names.
BenchSize find_size(const std::string& name);

// Standard deviation of all elements. Throws Error unless it is a finite number above 0.1, as of a network of random
// weights that computes something.
double deviation_of(Context& ctx, const Tensor& x);

// What a bench of a model needs of it.
struct BenchModel {
    film::ModelFiles files;  // of the demo model
    int64_t cell;            // pixels a side that a token covers
    models::DitConfig dit;
    models::VaeConfig vae;
    Grid grid;
};

// Throws InvalidRequest for a model that there is none of, a layer that it lacks, and a size that is none.
BenchModel setup_of(const BenchOptions& options);

struct Measured {
    std::string name;
    double seconds = 0;    // median
    Work work;             // of one run
    size_t peak = 0;       // bytes of the GPU's memory
    double deviation = 0;  // of the output, or of a part of it
};

// Runs once to make plans, then `repeat` times. `run` returns what the check looks at.
Measured measure(Context& ctx, std::string name, int64_t repeat, const std::function<Tensor()>& run);

// A VAE's decoder, and a small one.
std::vector<Measured> bench_vae(Context& ctx, const BenchOptions& options);
std::vector<Measured> bench_decoder(Context& ctx, const BenchOptions& options);

// Throws InvalidRequest for options of bench train that make no sense, before anything is measured.
void check_bench_train(const BenchOptions& options);
// Training steps: prints their plan, then a table of their parts, and writes JSON if asked for. `matrix_rate`: FLOP a
// second of a large product.
void bench_train(Context& ctx, const BenchOptions& options, const BenchModel& model, const t3::WindowLayout& layout,
                 double matrix_rate);

// A whole film: prints a table of its stages, and writes JSON and frames if asked for.
void bench_film(Context ctx, const BenchOptions& options);

}  // namespace t3video::apps
