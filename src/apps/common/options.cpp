// Shared options.
#include "apps/common/options.h"

#include <charconv>

#include "core/error.h"

namespace t3video::apps {

void ComputeOptions::add_to(CLI::App& command) {
    command.add_option("--threads", threads, "CPU threads; 0: one per core")
        ->check(CLI::Range(0, 1024))
        ->group("Computing");
    command.add_option("--device", device, "cpu; cuda in builds that have it")
        ->capture_default_str()
        ->group("Computing");
    command.add_option("--dtype", dtype, "f32; bf16 on cuda")->capture_default_str()->group("Computing");
}

Context ComputeOptions::context() const {
    require_valid(device == "cpu" || device == "cuda", "--device ", device, ": expected cpu or cuda");
    require_valid(dtype == "f32" || dtype == "bf16", "--dtype ", dtype, ": expected f32 or bf16");
    require_valid(device == "cuda" || dtype == "f32", "--dtype bf16 belongs to --device cuda; the CPU computes in f32");
    return Context(device == "cpu" ? Device::cpu : Device::cuda, threads);
}

void ModelOptions::add_to(CLI::App& command) {
    command
        .add_option("--model", model, "Model folder: Wan's own files, or diffusers' (default: the bundled demo model)")
        ->type_name("DIR")
        ->group("Model");
    const auto part = [&](const char* option, std::filesystem::path& path, const char* what) {
        command.add_option(option, path, std::string(what) + " instead of the folder's")
            ->type_name("FILE")
            ->group("Model");
    };
    part("--dit", parts.dit, "Diffusion transformer (.safetensors or index)");
    part("--text-encoder", parts.text_encoder, "Text encoder (.pth or .safetensors)");
    part("--vae", parts.vae, "VAE (.pth or .safetensors)");
    part("--tokenizer", parts.tokenizer, "SentencePiece model");
}

std::pair<int64_t, int64_t> parse_size(const std::string& text) {
    int64_t width = 0, height = 0;
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, width);
    const bool separated = first.ec == std::errc() && first.ptr != end && (*first.ptr == 'x' || *first.ptr == 'X');
    const auto second = separated ? std::from_chars(first.ptr + 1, end, height) : first;
    require_valid(separated && second.ec == std::errc() && second.ptr == end && width > 0 && height > 0, "--size ",
                  text, ": expected WIDTHxHEIGHT in pixels, such as 832x480");
    return {width, height};
}

}  // namespace t3video::apps
