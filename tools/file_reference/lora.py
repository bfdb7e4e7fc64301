#!/usr/bin/env python3
"""LoRA files of every dialect, and the weights that they give, merged in double precision by numpy.

usage: tools/file_reference/lora.py tests/data/lora

Writes base.safetensors, a few weights under a transformer's names, and for each dialect NAME.safetensors, whose
metadata has the weight ("strength") that the LoRA is used with and its largest relative error ("tolerance"). What it
makes of each tensor that it changes is "NAME/TENSOR" in merged.safetensors, in f64. Needs numpy and safetensors.
"""
import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

OUT = Path(sys.argv[1])
OUT.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(16)
MERGED = {}


def rand(*shape, dtype=np.float32):
    return rng.standard_normal(shape).astype(dtype)


BASE = {
    "blocks.0.self_attn.q.weight": rand(12, 8),
    "blocks.0.self_attn.q.bias": rand(12),
    "blocks.0.self_attn.norm_q.weight": rand(12),
    "blocks.0.norm3.weight": rand(12),
    "blocks.0.norm3.bias": rand(12),
    "blocks.0.modulation": rand(1, 6, 12),
    "blocks.0.ffn.0.weight": rand(18, 12),
    "blocks.1.ffn.2.weight": rand(12, 16),
    "blocks.10.ffn.2.weight": rand(12, 16),
    "head.head.weight": rand(8, 12),
    "head.modulation": rand(1, 2, 12),
    "patch_embedding.weight": rand(12, 4, 1, 2, 2),
    "patch_embedding.bias": rand(12),
}
DIFFUSERS = {
    "blocks.0.self_attn.q": "blocks.0.attn1.to_q",
    "blocks.0.ffn.0": "blocks.0.ffn.net.0.proj",
    "blocks.1.ffn.2": "blocks.1.ffn.net.2",
    "blocks.10.ffn.2": "blocks.10.ffn.net.2",
    "head.head": "proj_out",
    "patch_embedding": "patch_embedding",
}
Q, UP, DOWN, DOWN10, HEAD, PATCH = DIFFUSERS


def double(x):
    return np.asarray(x, dtype=np.float64)


def width(module):
    weight = BASE[module + ".weight"]
    return weight.shape[0], weight.size // weight.shape[0]


def write(name, tensors, merged, strength=1.0, tolerance=1e-5, metadata=()):
    """merged: tensor -> what the LoRA makes of it, at the strength given."""
    notes = {"strength": repr(strength), "tolerance": repr(tolerance), **dict(metadata)}
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, OUT / f"{name}.safetensors", notes)
    assert all(v.shape == BASE[k].shape for k, v in merged.items()), name
    MERGED.update({f"{name}/{k}": np.ascontiguousarray(double(v)) for k, v in merged.items()})


def add(module, delta, part="weight"):
    base = double(BASE[f"{module}.{part}"])
    return {f"{module}.{part}": base + double(delta).reshape(base.shape)}


# Low-rank pairs under the spellings of the wild.
def spelling(name, key, down, up, modules, alpha=None, alpha_key=None, strength=1.0, metadata=(), scales=None):
    tensors, merged = {}, {}
    for i, module in enumerate(modules):
        out, inner = width(module)
        rank = 2 + i
        a, b = rand(rank, inner), rand(out, rank)
        tensors[key(module) + down], tensors[key(module) + up] = a, b
        scale = scales[module] / rank if scales else 1.0
        if alpha is not None:
            tensors[key(module) + (alpha_key or ".alpha")] = np.asarray(alpha)
            scale = float(np.ravel(alpha)[0]) / rank
        merged |= add(module, strength * scale * double(b) @ double(a))
    write(name, tensors, merged, strength, metadata=metadata)


def same(module):
    return module


def diffusers(module):
    return DIFFUSERS[module]


def flat(names, prefix):
    return lambda module: prefix + names(module).replace(".", "_")


ALL = [Q, UP, DOWN, DOWN10, HEAD, PATCH]
PAIRS = {"peft": (".lora_A.weight", ".lora_B.weight"), "adapter": (".lora_A.default.weight", ".lora_B.default.weight"),
         "kohya": (".lora_down.weight", ".lora_up.weight"), "dots": (".lora.down.weight", ".lora.up.weight"),
         "bare": (".lora_A", ".lora_B"), "bare_kohya": (".lora_down", ".lora_up")}
spelling("pipe_dit", lambda m: "pipe.dit." + m, *PAIRS["adapter"], ALL)
spelling("up_down", lambda m: "transformer." + diffusers(m), *PAIRS["dots"], ALL, strength=0.5)
spelling("unet_official", flat(same, "lora_unet_"), *PAIRS["kohya"], ALL, alpha=np.int64(1))
spelling("unet_diffusers", flat(diffusers, "lora_unet_"), *PAIRS["kohya"], ALL, alpha=np.float16(3))
spelling("transformer_flat", flat(diffusers, "lora_transformer_"), *PAIRS["kohya"], ALL, alpha=np.int32([2]))
spelling("lycoris_flat", flat(same, "lycoris_"), *PAIRS["kohya"], ALL, alpha=np.uint8(2))
spelling("unknown_dots", lambda m: "net.model." + m, *PAIRS["peft"], ALL, alpha=np.float64(5))
spelling("unknown_flat", flat(same, "lora_wan_"), *PAIRS["bare_kohya"], ALL)
spelling("no_prefix_flat", flat(diffusers, ""), *PAIRS["bare"], ALL)
spelling("mixed_marks", lambda m: "lora_unet_" + m, *PAIRS["kohya"], ALL)
spelling("no_weight", lambda m: "diffusion_model." + m, *PAIRS["bare"], ALL, strength=-1.25)
spelling("patterns", lambda m: "transformer." + diffusers(m), *PAIRS["peft"], ALL,
         scales={Q: 3, UP: 7, DOWN: 5, DOWN10: 9, HEAD: 4, PATCH: 4},
         metadata={"lora_adapter_metadata": json.dumps({
             "transformer.r": 8, "transformer.lora_alpha": 4,
             "transformer.rank_pattern": {"blocks.0.attn1.to_q": 2},
             "transformer.alpha_pattern": {"to_q": 3, "^blocks\\.10\\..*net\\.2": 9, "blocks\\.\\d+\\.ffn\\.net\\.2": 5,
                                           "ffn.net.0.proj": 7}})})

# Convolutions as PEFT writes them, and with a kernel between the two.
a, b = rand(3, 4, 1, 2, 2), rand(12, 3, 1, 1, 1)
write("conv", {"diffusion_model.patch_embedding.lora_A.weight": a, "diffusion_model.patch_embedding.lora_B.weight": b},
      add(PATCH, double(b).reshape(12, 3) @ double(a).reshape(3, 16)))
a, t, b = rand(3, 4, 1, 1, 1), rand(2, 3, 1, 2, 2), rand(12, 2, 1, 1, 1)
write("conv_mid", {"lora_unet_patch_embedding.lora_down.weight": a, "lora_unet_patch_embedding.lora_mid.weight": t,
                   "lora_unet_patch_embedding.lora_up.weight": b, "lora_unet_patch_embedding.alpha": np.float32(2)},
      add(PATCH, 2 / 3 * np.einsum("op,pqxyz,qi->oixyz", double(b)[:, :, 0, 0, 0], double(t), double(a)[:, :, 0, 0, 0])))

# LoHa.
p = [rand(12, 2), rand(2, 8), rand(12, 2), rand(2, 8)]
loha = lambda p: (double(p[0]) @ double(p[1])) * (double(p[2]) @ double(p[3]))
names = ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"]
write("loha", {"lora_unet_blocks_0_self_attn_q.alpha": np.float32(1)}
      | {"lora_unet_blocks_0_self_attn_q." + n: x for n, x in zip(names, p)}, add(Q, 0.75 * 0.5 * loha(p)), 0.75)
p = [rand(2, 12), rand(3, 4), rand(4, 12), rand(2, 4)]
t1, t2 = rand(2, 3, 1, 2, 2), rand(4, 2, 1, 2, 2)
kernel = lambda t, a, b: np.einsum("ijxyz,ip,jr->prxyz", double(t), double(a), double(b))
write("loha_kernel", {"lycoris_patch_embedding." + n: x for n, x in zip(names + ["hada_t1", "hada_t2"], p + [t1, t2])}
      | {"lycoris_patch_embedding.alpha": np.float32(6)},
      add(PATCH, 6 / 3 * kernel(t1, p[0], p[1]) * kernel(t2, p[2], p[3])))

# LoKr: two whole factors, where alpha does not count; one or both as products.
w1, w2 = rand(3, 2), rand(4, 4)
write("lokr", {"diffusion_model.blocks.0.self_attn.q.lokr_w1": w1, "diffusion_model.blocks.0.self_attn.q.lokr_w2": w2,
               "diffusion_model.blocks.0.self_attn.q.alpha": np.float32(7)},
      add(Q, 0.5 * np.kron(double(w1), double(w2))), 0.5)
w1, a2, b2 = rand(2, 4), rand(9, 2), rand(2, 3)
write("lokr_factored", {"lycoris_blocks_0_ffn_0.lokr_w1": w1, "lycoris_blocks_0_ffn_0.lokr_w2_a": a2,
                        "lycoris_blocks_0_ffn_0.lokr_w2_b": b2, "lycoris_blocks_0_ffn_0.alpha": np.float32(3)},
      add(UP, 3 / 2 * np.kron(double(w1), double(a2) @ double(b2))))
a1, b1, a2, b2 = rand(2, 3), rand(3, 4), rand(6, 3), rand(3, 4)
write("lokr_both", {"transformer.blocks.1.ffn.net.2." + n: x
                    for n, x in {"lokr_w1_a": a1, "lokr_w1_b": b1, "lokr_w2_a": a2, "lokr_w2_b": b2,
                                 "alpha": np.float32(1)}.items()},
      add(DOWN, 1 / 3 * np.kron(double(a1) @ double(b1), double(a2) @ double(b2))))
w1, t2, a2, b2 = rand(3, 2), rand(2, 3, 1, 2, 2), rand(2, 4), rand(3, 2)
small = kernel(t2, a2, b2)  # [4, 2, 1, 2, 2]
write("lokr_kernel", {"lycoris_patch_embedding." + n: x
                      for n, x in {"lokr_w1": w1, "lokr_t2": t2, "lokr_w2_a": a2, "lokr_w2_b": b2,
                                   "alpha": np.float32(6)}.items()},
      add(PATCH, 6 / 3 * np.kron(double(w1)[:, :, None, None, None], small)))


# DoRA: m (W + BA) / |W + BA|; at another strength s, W + s (that - W).
def dora(module, delta, magnitude, strength, by_columns=False):
    base = double(BASE[module + ".weight"])
    total = base + double(delta).reshape(base.shape)
    axes = tuple(i for i in range(base.ndim) if i != (1 if by_columns else 0))
    norm = np.sqrt((total**2).sum(axis=axes, keepdims=True))
    m = double(magnitude).reshape(norm.shape)
    return {module + ".weight": base + strength * (m / norm * total - base)}


a, b, m = rand(2, 8), rand(12, 2), np.abs(rand(12, 1)) + 0.5
for name, prefix in {"dora_lycoris": "lycoris_blocks_0_self_attn_q.", "dora_kohya": "lora_unet_blocks_0_self_attn_q."}.items():
    strength = 1.0 if name == "dora_kohya" else 0.6
    write(name, {prefix + "lora_down.weight": a, prefix + "lora_up.weight": b, prefix + "alpha": np.float32(1),
                 prefix + "dora_scale": m}, dora(Q, 0.5 * double(b) @ double(a), m, strength), strength, 1e-4)
for name, ending in {"dora_peft": "lora_magnitude_vector", "dora_peft_weight": "lora_magnitude_vector.weight",
                     "dora_peft_adapter": "lora_magnitude_vector.default.weight"}.items():
    prefix = "base_model.model.blocks.0.attn1.to_q."
    write(name, {prefix + "lora_A.weight": a, prefix + "lora_B.weight": b, prefix + ending: m[:, 0]},
          dora(Q, double(b) @ double(a), m, 1.0), 1.0, 1e-4)
m = np.abs(rand(1, 8)) + 0.5
write("dora_columns", {"diffusion_model.blocks.0.self_attn.q.lora_down.weight": a,
                       "diffusion_model.blocks.0.self_attn.q.lora_up.weight": b,
                       "diffusion_model.blocks.0.self_attn.q.dora_scale": m},
      dora(Q, double(b) @ double(a), m, 1.5, True), 1.5, 1e-4)
a, b, m = rand(3, 4, 1, 2, 2), rand(12, 3, 1, 1, 1), np.abs(rand(1, 4, 1, 1, 1)) + 0.5
write("dora_conv", {"lora_unet_patch_embedding.lora_down.weight": a, "lora_unet_patch_embedding.lora_up.weight": b,
                    "lora_unet_patch_embedding.dora_scale": m},
      dora(PATCH, double(b).reshape(12, 3) @ double(a).reshape(3, 16), m, 1.0, True), 1.0, 1e-4)
w1, w2, m = rand(3, 2), rand(4, 4), np.abs(rand(12, 1)) + 0.5
write("dora_lokr", {"lycoris_blocks_0_self_attn_q." + n: x for n, x in {"lokr_w1": w1, "lokr_w2": w2, "dora_scale": m}.items()},
      dora(Q, np.kron(double(w1), double(w2)), m, 1.0), 1.0, 1e-4)

# Differences of every kind of tensor.
d = {n: rand(*BASE[n].shape) for n in BASE}
whole = lambda n, s: {n: double(BASE[n]) + s * double(d[n])}
write("differences", {"diffusion_model.blocks.0.self_attn.q.diff": d[Q + ".weight"],
                      "diffusion_model.blocks.0.self_attn.q.diff_b": d[Q + ".bias"],
                      "diffusion_model.blocks.0.self_attn.norm_q.diff": d["blocks.0.self_attn.norm_q.weight"],
                      "diffusion_model.blocks.0.diff_m": d["blocks.0.modulation"],
                      "diffusion_model.head.diff_m": d["head.modulation"],
                      "diffusion_model.patch_embedding.diff": d["patch_embedding.weight"].reshape(12, 16)},
      whole(Q + ".weight", 0.5) | whole(Q + ".bias", 0.5) | whole("blocks.0.self_attn.norm_q.weight", 0.5)
      | whole("blocks.0.modulation", 0.5) | whole("head.modulation", 0.5) | whole("patch_embedding.weight", 0.5), 0.5)
write("differences_by_name", {"diffusion_model.blocks.0.modulation.diff": d["blocks.0.modulation"],
                              "diffusion_model.head.modulation.diff": d["head.modulation"],
                              "diffusion_model.blocks.0.self_attn.q.weight.diff": d[Q + ".weight"],
                              "diffusion_model.patch_embedding.bias.diff": d["patch_embedding.bias"]},
      whole("blocks.0.modulation", 1) | whole("head.modulation", 1) | whole(Q + ".weight", 1)
      | whole("patch_embedding.bias", 1))
write("differences_diffusers", {"transformer.blocks.0.scale_shift_table.diff": d["blocks.0.modulation"],
                                "transformer.scale_shift_table.diff": d["head.modulation"],
                                "transformer.blocks.0.norm2.diff_b": d["blocks.0.norm3.bias"]},
      whole("blocks.0.modulation", 1) | whole("head.modulation", 1) | whole("blocks.0.norm3.bias", 1))
write("norms", {"lycoris_blocks_0_norm3.w_norm": d["blocks.0.norm3.weight"],
                "lycoris_blocks_0_norm3.b_norm": d["blocks.0.norm3.bias"]},
      whole("blocks.0.norm3.weight", 2) | whole("blocks.0.norm3.bias", 2), 2.0)
a, b, bias = rand(2, 8), rand(12, 2), rand(12)
write("bias", {"transformer.blocks.0.attn1.to_q.lora_A.weight": a, "transformer.blocks.0.attn1.to_q.lora_B.weight": b,
               "transformer.blocks.0.attn1.to_q.lora_B.bias": bias},
      add(Q, double(b) @ double(a)) | add(Q, bias, "bias"))
a, b = rand(2, 8, dtype=np.float64), rand(12, 2, dtype=np.float16)
write("types", {"blocks.0.self_attn.q.lora_A.weight": a, "blocks.0.self_attn.q.lora_B.weight": b},
      add(Q, double(b) @ double(a)))

save_file(BASE, OUT / "base.safetensors")
save_file(MERGED, OUT / "merged.safetensors")
