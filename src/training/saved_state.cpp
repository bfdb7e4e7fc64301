// Parameters and moments by name.
#include "training/saved_state.h"

#include <cstring>
#include <utility>
#include <vector>

#include "checkpoint/checks.h"
#include "checkpoint/tensor_source.h"
#include "core/error.h"
#include "ops/convert.h"

namespace t3video::training {
namespace {

using Tensors = std::map<std::string, Tensor>;

constexpr const char* kMark = "t3video_training_state";
constexpr const char* kSteps = "t3video_steps";
constexpr const char* kSkipped = "t3video_skipped_steps";

struct Named {
    std::string name;
    nn::Param* param;
};

std::vector<Named> trained_by_name(models::WanDit& dit) {
    std::vector<Named> all;
    dit.for_each_param("", [&](const std::string& name, nn::Param& param) {
        if (param.gradient()) all.push_back({name, &param});
    });
    return all;
}

// visit(name in the file, tensor) for all that a run goes on from.
template <class Visit>
void for_each_saved(Trainer& trainer, Visit&& visit) {
    size_t i = 0;
    for (const Named& named : trained_by_name(trainer.dit())) {
        Tensor value = named.param->value.numbers();
        visit("weight/" + named.name, value);
        trainer.optimizer().for_each_state(
            i++, [&](const char* part, Tensor& tensor) { visit(concat(part, "/", named.name), tensor); });
    }
}

int64_t count_in(const std::map<std::string, std::string>& metadata, const char* name, const std::string& where) {
    const auto found = metadata.find(name);
    const bool digits = found != metadata.end() && !found->second.empty() && found->second.size() < 18 &&
                        found->second.find_first_not_of("0123456789") == std::string::npos;
    require_valid(digits, where, ": its metadata has no number '", name, "'; the file is damaged");
    return std::stoll(found->second);
}

void copy_into(Context& ctx, const Tensor& from, Tensor& to) {
    if (to.device() == Device::cpu) {  // moments may wait in the host's memory
        std::memcpy(to.raw(), from.raw(), from.bytes());
    } else {
        ctx.allocator().copy(to.raw(), from.raw(), from.bytes(), Transfer::upload);
    }
}

// Products read a rounded copy where the compute type is narrower.
void round_again(Context& ctx, nn::Param& param) {
    const Tensor& value = param.value.numbers();
    Tensor read = param.prepared.blobs[0];
    if (read.raw() == value.raw()) return;
    const Tensor rounded = ops::convert(ctx, value, read.dtype());
    ctx.allocator().copy(read.raw(), rounded.raw(), rounded.bytes(), Transfer::within);
}

// The trained values that are meant, by name, in host memory.
Tensors values_of(Context& ctx, Trainer& trainer, Taken taken) {
    Tensors values;
    size_t i = 0;
    for (const Named& named : trained_by_name(trainer.dit())) {
        const Tensor mean = trainer.optimizer().mean(i++);
        require_valid(taken == Taken::last || mean.defined(), "no mean of the weights is kept; train with ",
                      Field("ema"));
        values[named.name] = to_host(ctx, taken == Taken::mean ? mean : named.param->value.numbers());
    }
    return values;
}

}  // namespace

void save_state(Context& ctx, Trainer& trainer, const std::filesystem::path& path,
                const std::map<std::string, std::string>& notes) {
    Tensors tensors;
    for_each_saved(trainer, [&](const std::string& name, const Tensor& x) { tensors[name] = to_host(ctx, x); });
    std::map<std::string, std::string> metadata = notes;
    metadata[kMark] = "1";
    metadata[kSteps] = std::to_string(trainer.optimizer().steps());
    metadata[kSkipped] = std::to_string(trainer.optimizer().skipped());
    checkpoint::save_safetensors(path, tensors, metadata);
}

std::map<std::string, std::string> load_state(Context& ctx, Trainer& trainer, const std::filesystem::path& path) {
    const checkpoint::TensorSource source = checkpoint::open_tensors(path);
    const std::string where = path.string();
    auto notes = source.metadata;
    require_valid(notes.contains(kMark), where, ": is no state of a training run");
    const int64_t steps = count_in(notes, kSteps, where), skipped = count_in(notes, kSkipped, where);
    size_t fitting = 0;
    for_each_saved(trainer, [&](const std::string& name, const Tensor& x) {
        require_valid(source.contains(name), where, ": is of another run: it has no ", checkpoint::quote(name));
        const Tensor& saved = source.at(name);
        require_valid(saved.shape() == x.shape() && saved.dtype() == x.dtype(), where,
                      ": is of another run: ", checkpoint::quote(name), " is ", saved.dtype(), " ", saved.shape(),
                      ", expected ", x.dtype(), " ", x.shape());
        ++fitting;
    });
    require_valid(fitting == source.tensors.size(), where, ": is of another run: it has ", source.tensors.size(),
                  " tensors, expected ", fitting);
    for_each_saved(trainer, [&](const std::string& name, Tensor& x) { copy_into(ctx, source.at(name), x); });
    for (const Named& named : trained_by_name(trainer.dit())) round_again(ctx, *named.param);
    trainer.optimizer().set_counts(steps, skipped);
    for (const char* own : {kMark, kSteps, kSkipped}) notes.erase(own);
    return notes;
}

void export_model(Context& ctx, Trainer& trainer, const std::filesystem::path& path, DType type, Taken taken) {
    require(type == DType::f32 || type == DType::bf16, "export: ", type, ", expected f32 or bf16");
    Tensors tensors = values_of(ctx, trainer, taken);
    Context host;
    trainer.dit().for_each_param("", [&](const std::string& name, nn::Param&) {
        require_valid(tensors.contains(name), "adapters are trained, and not ", name, "; export them as a LoRA");
    });
    for (auto& [name, value] : tensors) value = ops::convert(host, value, type);
    checkpoint::save_safetensors(path, tensors, {{"format", "pt"}});
}

void export_adapters(Context& ctx, Trainer& trainer, const std::filesystem::path& path, Taken taken) {
    Tensors values = values_of(ctx, trainer, taken), tensors;
    trainer.dit().for_each_linear("", [&](const std::string& name, nn::Linear& linear) {
        if (!linear.adapter) return;
        const std::string module = "diffusion_model." + name;
        Tensor alpha = empty_on_host({});
        alpha.data<float>()[0] = linear.adapter->scale * static_cast<float>(linear.adapter->a.shape[0]);
        tensors[module + ".lora_A.weight"] = values.at(name + ".lora_A.weight");
        tensors[module + ".lora_B.weight"] = values.at(name + ".lora_B.weight");
        tensors[module + ".alpha"] = alpha;
    });
    require_valid(!tensors.empty(), "no adapters are trained; export the model itself");
    checkpoint::save_safetensors(path, tensors, {{"format", "pt"}});
}

}  // namespace t3video::training
