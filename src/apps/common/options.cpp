// Shared options.
#include "apps/common/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "core/error.h"
#include "ops/devices.h"

namespace t3video::apps {

void ComputeOptions::add_to(CLI::App& command) {
    command.add_option("--threads", threads, "CPU threads; 0: one per core")
        ->check(CLI::Range(0, 1024))
        ->group("Computing");
    command.add_option("--device", device, "cpu; cuda in builds that have it")
        ->capture_default_str()
        ->group("Computing");
    command.add_option("--dtype", dtype, "f32, or bf16 on cuda (its default)")->type_name("TYPE")->group("Computing");
    command
        .add_option("--memory", memory,
                    "At most, such as 24GiB (default: what the GPU has free; on the CPU what is available)")
        ->type_name("SIZE")
        ->group("Computing");
}

Context ComputeOptions::context() const {
    require_valid(device == "cpu" || device == "cuda", "--device ", device, ": expected cpu or cuda");
    require_valid(dtype.empty() || dtype == "f32" || dtype == "bf16", "--dtype ", dtype, ": expected f32 or bf16");
    require_valid(device == "cuda" || dtype != "bf16",
                  "--dtype bf16 belongs to --device cuda; the CPU computes in f32");
    return ops::make_context(
        {.device = device == "cpu" ? Device::cpu : Device::cuda,
         .compute_type = dtype == "bf16" || (dtype.empty() && device == "cuda") ? DType::bf16 : DType::f32,
         .threads = threads,
         .memory = memory.empty() ? 0 : parse_bytes(memory)});
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
    part("--dit", parts.dit, "Diffusion transformer (.safetensors, index or .gguf)");
    part("--text-encoder", parts.text_encoder, "Text encoder (.pth, .safetensors or .gguf)");
    part("--vae", parts.vae, "VAE (.pth or .safetensors)");
    part("--tokenizer", parts.tokenizer, "SentencePiece model");
}

void ModelOptions::add_loras_to(CLI::App& command) {
    command
        .add_option_function<std::vector<std::string>>(
            "--lora",
            [this](const std::vector<std::string>& texts) {
                for (const std::string& text : texts) parts.loras.push_back(parse_lora(text));
            },
            "LoRA file to add to the transformer, with a weight (default 1); again for further ones")
        ->type_name("FILE[:WEIGHT]")
        ->allow_extra_args(false)
        ->group("Model");
}

void check_values(const CLI::App& command) {
    for (const CLI::Option* option : command.get_options()) {
        const std::string name = option->get_name();
        if (name == "--prompt" || name == "--negative" || name == "--text") continue;
        for (const std::string& value : option->results())
            require_valid(!value.empty(), name, " is empty; give a value, or leave it out");
    }
}

std::string explain(const CLI::ParseError& error) {
    const std::string text = error.what();
    constexpr std::string_view kConvert = "Could not convert: ", kMost = ": At Most 1 required";
    if (text.starts_with(kConvert)) {
        std::string option = text.substr(kConvert.size());
        if (const size_t at = option.find(" = "); at != std::string::npos) option.replace(at, 3, " ");
        return option + ": expected a number";
    }
    if (const size_t at = text.find(kMost); at != std::string::npos) return text.substr(0, at) + ": given twice";
    return text;
}

checkpoint::Lora parse_lora(const std::string& text) {
    const size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon + 1 == text.size()) return {text, 1};
    double weight = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, weight);
    if (error != std::errc() || rest != end) return {text, 1};
    require_valid(std::abs(weight) <= 100, "--lora ", text, ": weight ", weight, ", expected -100 to 100");
    return {text.substr(0, colon), weight};
}

size_t parse_bytes(const std::string& text) {
    constexpr std::pair<std::string_view, double> kUnits[] = {
        {"GiB", 1073741824.0}, {"MiB", 1048576.0}, {"GB", 1e9}, {"MB", 1e6}, {"G", 1073741824.0}, {"M", 1048576.0}};
    double number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    const std::string_view unit(rest, static_cast<size_t>(end - rest));
    const auto* found = std::ranges::find(kUnits, unit, [](const auto& entry) { return entry.first; });
    require_valid(error == std::errc() && found != std::end(kUnits) && number > 0 && number < 1e6, "--memory ", text,
                  ": expected a size such as 24GiB or 800MiB");
    return static_cast<size_t>(number * found->second);
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
