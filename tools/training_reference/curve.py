#!/usr/bin/env python3
"""Twenty steps of training in PyTorch, by autograd alone: the losses that the engine's training is compared with.

usage: tools/training_reference/curve.py --output curve.json
       tools/training_reference/curve.py --dtype bf16 --stream-bf16 --output curve.json

The whole Wan transformer with T3 windows stands here once more, written from the description of the network, on the
weights of tests/data/golden/wan22-wide. First it is checked: prediction, loss and gradients of the stored training step
are compared, a relative error a line, and nothing is trained if one is too large. Then AdamW takes twenty steps on
fixed data: latents and context of the stored step, its noise rolled by k along the last axis in step k, sigmas in turn
from a fixed list. The JSON file holds each step's loss and norm of the gradients, before clipping, both from before
that step's update.

f64, f32     everything in that type (CPU)
bf16         weights kept in f32; products and attention read and write bf16; norms, modulation, timesteps, the residual
             stream and the loss are f32 (CUDA where there is one)
bf16_stream  the same, but the residual stream is rounded to bf16 in front of each block; gradients pass unrounded

By default f64 and f32, and with CUDA the other two as well. Needs PyTorch and nothing else.
"""
import argparse
import json
import math
import struct
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

GOLDEN = Path(__file__).resolve().parents[2] / "tests/data/golden/wan22-wide"
SIGMAS = [0.95, 0.5, 0.75, 0.25, 0.6, 0.1, 0.85, 0.4, 0.7, 0.3]
ADAMW = {"lr": 5e-4, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}
CLIP_NORM = 1.0
# name: type of weights and stream, type of products, whether the stream is rounded, largest error of the check
RUNS = {
    "f64": (torch.float64, torch.float64, False, 1e-5),
    "f32": (torch.float32, torch.float32, False, 1e-5),
    "bf16": (torch.float32, torch.bfloat16, False, 6e-2),
    "bf16_stream": (torch.float32, torch.bfloat16, True, 6e-2),
}
STORED_TYPES = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32, "F64": torch.float64}


def read_safetensors(path):
    data = Path(path).read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header, tensors = json.loads(data[8 : 8 + length]), {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = (8 + length + offset for offset in entry["data_offsets"])
            values = torch.frombuffer(bytearray(data[first:last]), dtype=STORED_TYPES[entry["dtype"]])
            tensors[name] = values.reshape(entry["shape"])
    return tensors


class RoundToBf16(torch.autograd.Function):
    """The nearest bf16 value in the type of x; its gradient is taken for one."""

    @staticmethod
    def forward(ctx, x):
        return x.bfloat16().to(x.dtype)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def axis_parts(extent, count, remote):
    """Positions of each part of an axis: residue classes, or contiguous blocks whose lengths differ by one at most."""
    if remote:
        return [range(part, extent, count) for part in range(count)]
    return [range(part * extent // count, (part + 1) * extent // count) for part in range(count)]


def partition(grid, counts, remote):
    """Windows as lists of tokens; token (t,h,w) of the grid is number (t*H + h)*W + w."""
    ts, hs, ws = (axis_parts(extent, count, remote) for extent, count in zip(grid, counts))
    parts = [(a, b, c) for a in ts for b in hs for c in ws]
    return [[(t * grid[1] + h) * grid[2] + w for t in a for h in b for w in c] for a, b, c in parts]


def layer_branches(grid, counts):
    """Close and remote windows, or the close ones alone where both partitions consist of the same sets."""
    close, remote = partition(grid, counts, False), partition(grid, counts, True)
    same = {frozenset(window) for window in close} == {frozenset(window) for window in remote}
    return [close] if same else [close, remote]


def attend(q, k, v):
    """Softmax attention of [batch, tokens, heads, d], without a mask; scale 1/sqrt(d)."""
    with sdpa_kernel(SDPBackend.MATH):
        return F.scaled_dot_product_attention(*(x.transpose(1, 2) for x in (q, k, v))).transpose(1, 2)


def window_attention(q, k, v, windows):
    """Attention within each window for q, k, v of [tokens, heads, d]; windows of one size are computed together."""
    results, order = [], []
    for size in sorted({len(window) for window in windows}):
        tokens = torch.tensor([window for window in windows if len(window) == size], device=q.device)
        results.append(attend(q[tokens], k[tokens], v[tokens]).flatten(0, 1))
        order.append(tokens.flatten())
    return torch.cat(results)[torch.cat(order).argsort()]


def rotation(grid, head_width):
    """Angles [tokens, head_width/2] in f64: pairs of a head are divided among t, h and w, of which t gets the rest."""
    spatial = head_width // 6
    axes = []
    for axis, pairs in enumerate((head_width // 2 - 2 * spatial, spatial, spatial)):
        turns = 10000.0 ** (-torch.arange(pairs, dtype=torch.float64) / pairs)
        angles = torch.arange(grid[axis], dtype=torch.float64)[:, None] * turns
        shape = [1, 1, 1, pairs]
        shape[axis] = grid[axis]
        axes.append(angles.reshape(shape).expand(*grid, pairs))
    return torch.cat(axes, -1).flatten(0, 2)


def rotate(x, cosine, sine):
    """x: [tokens, heads, d]; neighbours (x[2j], x[2j+1]) are turned by the token's angle j."""
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = (even * cosine - odd * sine, even * sine + odd * cosine)
    return torch.stack(turned, -1).flatten(-2)


class Transformer:
    """weights: every tensor of the checkpoint, f32 or f64. Products are computed in `compute`, the rest as weights."""

    def __init__(self, weights, config, layout, compute, round_stream):
        self.weights, self.compute, self.round_stream = weights, compute, round_stream
        self.heads, self.layers, self.eps = config["num_heads"], config["num_layers"], config["eps"]
        self.frequencies, self.grid = config["freq_dim"], layout["grid"]
        some = weights["patch_embedding.bias"]
        self.work, self.device = some.dtype, some.device
        self.patterns = [layer_branches(self.grid, counts) for counts in layout["window_counts"]]
        angles = rotation(self.grid, config["dim"] // self.heads)
        self.cosine, self.sine = (
            table[:, None].to(self.device, self.work) for table in (angles.cos(), angles.sin())
        )

    def linear(self, x, name):
        weight, bias = self.weights[name + ".weight"], self.weights[name + ".bias"]
        x = x.to(self.compute)
        return F.linear(x, weight.flatten(1).to(x.dtype), bias.to(x.dtype))

    def time_linear(self, x, name):
        """In the type of the weights, though with bf16 products with weights rounded to bf16."""
        weight, bias = self.weights[name + ".weight"], self.weights[name + ".bias"]
        if self.compute == torch.bfloat16:
            weight, bias = RoundToBf16.apply(weight), RoundToBf16.apply(bias)
        return F.linear(x, weight, bias)

    def split(self, x):
        return x.unflatten(-1, (self.heads, -1))

    def rms_norm(self, x, name):
        x = x.to(self.work)
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weights[name + ".weight"]

    def modulated_norm(self, x, shift, scale):
        return F.layer_norm(x, x.shape[-1:], eps=self.eps) * (1 + scale) + shift

    def self_attention(self, x, name, branches):
        q, k = (self.split(self.rms_norm(self.linear(x, f"{name}.{p}"), f"{name}.norm_{p}")) for p in "qk")
        q, k = (rotate(y, self.cosine, self.sine).to(self.compute) for y in (q, k))
        v = self.split(self.linear(x, name + ".v"))
        results = [window_attention(q, k, v, windows).to(self.work) for windows in branches]
        mean = sum(results) / len(results)
        return self.linear(mean.flatten(1), name + ".o")

    def cross_attention(self, x, name, text):
        q = self.rms_norm(self.linear(x, name + ".q"), name + ".norm_q").to(self.compute)
        k = self.rms_norm(self.linear(text, name + ".k"), name + ".norm_k").to(self.compute)
        v = self.linear(text, name + ".v")
        y = attend(*(self.split(z)[None] for z in (q, k, v)))[0]
        return self.linear(y.flatten(1), name + ".o")

    def block(self, x, i, time_rows, text):
        name = f"blocks.{i}"
        rows = self.weights[name + ".modulation"][0] + time_rows
        shift_sa, scale_sa, gate_sa, shift_ffn, scale_ffn, gate_ffn = rows.unbind(0)
        if self.round_stream:
            x = RoundToBf16.apply(x)
        h = self.modulated_norm(x, shift_sa, scale_sa)
        h = self.self_attention(h, name + ".self_attn", self.patterns[i % len(self.patterns)])
        x = x + gate_sa * h.to(self.work)
        norm3 = (self.weights[name + ".norm3.weight"], self.weights[name + ".norm3.bias"])
        h = F.layer_norm(x, x.shape[-1:], *norm3, eps=self.eps)
        x = x + self.cross_attention(h, name + ".cross_attn", text).to(self.work)
        h = self.linear(self.modulated_norm(x, shift_ffn, scale_ffn), name + ".ffn.0")
        h = self.linear(F.gelu(h, approximate="tanh"), name + ".ffn.2")
        return x + gate_ffn * h.to(self.work)

    def forward(self, latent, timestep, context):
        """latent: [channels, T, 2H, 2W]; context: [rows, text width] -> velocity of the latent's shape."""
        t, h, w = self.grid
        turns = 10000.0 ** (-torch.arange(self.frequencies // 2, dtype=torch.float64) / (self.frequencies // 2))
        sinusoid = torch.cat([(timestep * turns).cos(), (timestep * turns).sin()]).to(self.device, self.work)
        time = self.time_linear(F.silu(self.time_linear(sinusoid, "time_embedding.0")), "time_embedding.2")
        time_rows = self.time_linear(F.silu(time), "time_projection.1").reshape(6, -1)
        text = self.linear(F.gelu(self.linear(context, "text_embedding.0"), approximate="tanh"), "text_embedding.2")
        # a token's vector: channel, row in the patch, column in the patch, the column fastest
        patches = latent.reshape(-1, t, h, 2, w, 2).permute(1, 2, 4, 0, 3, 5).reshape(t * h * w, -1)
        x = self.linear(patches, "patch_embedding").to(self.work)
        for i in range(self.layers):
            x = self.block(x, i, time_rows, text)
        shift, scale = (self.weights["head.modulation"][0] + time).unbind(0)
        x = self.linear(self.modulated_norm(x, shift, scale), "head.head").to(self.work)
        # back again, but here the channel is fastest
        return x.reshape(t, h, w, 2, 2, -1).permute(5, 0, 1, 3, 2, 4).reshape(-1, t, 2 * h, 2 * w)


def objective(model, latents, noise, context, timestep, sigma):
    pred = model.forward((1 - sigma) * latents + sigma * noise, timestep, context)
    return pred, F.mse_loss(pred, noise - latents)


def check(model, case, most):
    """Relative errors of the stored step's results; stops the program if one is above `most`."""
    timestep, sigma, weight = (case[name].item() for name in ("timestep", "sigma", "weight"))
    pred, loss = objective(model, case["latents"][0], case["noise"][0], case["context"][0], timestep, sigma)
    (weight * loss).backward()
    found = {"pred": pred.detach()[None], "loss": loss.detach()[None]}
    found |= {name: model.weights[name[5:]].grad for name in case if name.startswith("grad.")}
    errors = {name: ((x.double() - case[name].double()).norm() / case[name].double().norm()).item()
              for name, x in found.items()}
    for name, error in errors.items():
        print(f"  {name:36} {error:.2e}", flush=True)
    wrong = [name for name, error in errors.items() if not error <= most]
    if wrong:
        sys.exit(f"error above {most:g}: {', '.join(wrong)}")
    return errors


def train(model, case, steps):
    parameters = list(model.weights.values())
    optimizer = torch.optim.AdamW(parameters, **ADAMW)
    losses, norms = [], []
    for k in range(steps):
        sigma = SIGMAS[k % len(SIGMAS)]
        optimizer.zero_grad(set_to_none=True)
        noise = torch.roll(case["noise"][0], k, -1)
        _, loss = objective(model, case["latents"][0], noise, case["context"][0], 1000 * sigma, sigma)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, CLIP_NORM).item())
        losses.append(loss.item())
        optimizer.step()
        print(f"  step {k:2}  sigma {sigma:4}  loss {losses[-1]:.8f}  gradients {norms[-1]:.8f}", flush=True)
        if not math.isfinite(losses[-1] + norms[-1]):
            sys.exit("not finite")
    return losses, norms


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True, type=Path, help="JSON file to write")
    parser.add_argument("--dtype", nargs="+", choices=["f64", "f32", "bf16"], help="these alone")
    parser.add_argument("--stream-bf16", action="store_true", help="with --dtype bf16: bf16_stream in its place")
    parser.add_argument("--device", help="for every run; by default as said above")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--golden", type=Path, default=GOLDEN, help="folder of the model, its layout and its cases")
    args = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    if args.stream_bf16 and "bf16" not in (args.dtype or []):
        parser.error("--stream-bf16 goes with --dtype bf16")
    with_cuda = torch.cuda.is_available()
    names = args.dtype or (list(RUNS) if with_cuda else ["f64", "f32"])
    names = ["bf16_stream" if name == "bf16" and args.stream_bf16 else name for name in names]
    config = json.loads((args.golden / "model/config.json").read_text())
    layout = json.loads((args.golden / "t3-layout.json").read_text())
    stored = read_safetensors(args.golden / "model/diffusion_pytorch_model.safetensors")
    stored_case = read_safetensors(args.golden / "cases/train_step.safetensors")

    result = {"settings": {}, "losses": {}, "grad_norms": {}, "check": {}}
    devices = {}
    for name in names:
        work, compute, round_stream, most = RUNS[name]
        device = args.device or ("cuda" if with_cuda and compute == torch.bfloat16 else "cpu")
        devices[name] = device
        weights = {key: value.to(device, work).requires_grad_() for key, value in stored.items()}
        case = {key: value.to(device, work) for key, value in stored_case.items()}
        model = Transformer(weights, config, layout, compute, round_stream)
        print(f"{name} on {device}: relative errors", flush=True)
        result["check"][name] = check(model, case, most)
        result["losses"][name], result["grad_norms"][name] = train(model, case, args.steps)
    result["settings"] = {
        "model": args.golden.name, "layout": layout, "steps": args.steps, "optimizer": "AdamW", **ADAMW,
        "clip_norm": CLIP_NORM, "sigmas": SIGMAS, "timestep": "1000*sigma", "weight": 1,
        "noise": "roll(noise, k, -1) in step k", "devices": devices, "torch": torch.__version__,
    }
    args.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
