// Names and settings of exported files.
#include "training/run/exports.h"

#include <nlohmann/json.hpp>

#include "core/output_file.h"
#include "core/paths.h"
#include "training/saved_state.h"

namespace t3video::training {
namespace {

// As Wan's own config.json has it.
std::string config_text(const models::DitConfig& c) {
    const nlohmann::json config{{"_class_name", "WanModel"},
                                {"dim", c.dim},
                                {"eps", 1e-6},
                                {"ffn_dim", c.ffn_dim},
                                {"freq_dim", c.freq_dim},
                                {"in_dim", c.in_channels},
                                {"model_type", c.in_channels == 48 ? "ti2v" : "t2v"},
                                {"num_heads", c.heads},
                                {"num_layers", c.layers},
                                {"out_dim", c.out_channels},
                                {"text_len", models::kTextRows}};
    return config.dump(2) + "\n";
}

}  // namespace

Exported export_run(Context& ctx, Trainer& trainer, const RunOptions& o, const t3::WindowLayout& layout,
                    const std::filesystem::path& folder) {
    const Taken taken = o.optimizer.ema > 0 ? Taken::mean : Taken::last;
    Exported exported;
    if (o.rank > 0) {
        exported.file = folder / "lora" / "lora.safetensors";
        make_folders(exported.file.parent_path());
        export_adapters(ctx, trainer, exported.file, taken);
    } else {
        exported.file = folder / "model" / "diffusion_pytorch_model.safetensors";
        make_folders(exported.file.parent_path());
        export_model(ctx, trainer, exported.file, o.export_type == ExportType::f32 ? DType::f32 : DType::bf16, taken);
        replace_file(exported.file.parent_path() / "config.json", config_text(trainer.dit().config()));
    }
    exported.layout = exported.file.parent_path() / "t3-layout.json";
    t3::write_layout(exported.layout, layout);
    return exported;
}

}  // namespace t3video::training
