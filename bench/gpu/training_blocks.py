#!/usr/bin/env python3
"""What a training step at 4K costs in PyTorch: the published way to write a T3 block, one block at a time.

usage: bench/gpu/training_blocks.py [--patterns 0 1 2 3 4] [--repeat 3] [--once] [--attention-backward]
                                    [--no-blocks]

Shapes are those of Wan2.1-1.3B at 3840x2176, 81 frames: 21x136x240 = 685,440 tokens of width 1536, 12 heads, 8960 wide
in between, a prompt of 512 rows; bf16 throughout, weights and inputs random. A block is computed as the published code
does: eager operations, the residual stream in bf16, norms in f32, the rotation in complex f64, both ways of grouping
copied out and in and averaged, cuDNN's attention. Each pattern gives a line: milliseconds of the forward alone, of a
step (forward, the same recomputed, backward to the weights and the input, through torch.utils.checkpoint), medians of
--repeat, and the most memory that a step took. Thirty layers, six of each pattern, follow where all five were measured.
In front of all stands the rate of a bf16 matrix product of 8192^3, the ceiling of the rest.

--once                pattern 0, whose two groupings are the same windows, computes them once; published code does twice
--attention-backward  also cuDNN's attention backward alone, over each pattern's windows: q, k and v of [windows, heads,
                      tokens, 128], where the heads of a token lie side by side; 2.5 times the FLOP of the forward
--no-blocks           leaves the blocks out

Needs a GPU with about 100 GiB free, and PyTorch with CUDA.
"""
import argparse
import math
import statistics
import sys

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint

GRID = (21, 136, 240)
WINDOW_COUNTS = [(21, 1, 1), (1, 17, 30), (1, 8, 40), (3, 17, 8), (7, 8, 6)]
DIM, HEADS, FFN, TEXT_ROWS, EPS = 1536, 12, 8960, 512, 1e-6
HEAD_WIDTH = DIM // HEADS
LAYERS_OF_A_PATTERN = 6
DEVICE, DTYPE, BACKEND = "cuda", torch.bfloat16, SDPBackend.CUDNN_ATTENTION


def attend(q, k, v):
    """q, k, v: [batch, heads, tokens, d]."""
    with sdpa_kernel(BACKEND):
        return F.scaled_dot_product_attention(q, k, v)


def group(x, counts, remote):
    """[N, heads, d] -> [windows, heads, tokens, d]; close windows are boxes, remote ones residue classes."""
    split = [(g // n, n) if remote else (n, g // n) for g, n in zip(GRID, counts)]
    x = x.reshape(*split[0], *split[1], *split[2], *x.shape[1:])
    x = x.permute(1, 3, 5, 0, 2, 4, 6, 7) if remote else x.permute(0, 2, 4, 1, 3, 5, 6, 7)
    return x.reshape(math.prod(counts), -1, *x.shape[6:]).transpose(1, 2)


def ungroup(y, counts, remote):
    """Back to [N, heads*d]."""
    inside = [g // n for g, n in zip(GRID, counts)]
    y = y.transpose(1, 2).reshape(*counts, *inside, -1)
    y = y.permute(3, 0, 4, 1, 5, 2, 6) if remote else y.permute(0, 3, 1, 4, 2, 5, 6)
    return y.reshape(math.prod(GRID), -1)


def rotation():
    """exp(i * angle), [N, 1, d/2] complex f64: the pairs of a head are divided among t, h and w."""
    spatial = HEAD_WIDTH // 6
    axes = []
    for axis, pairs in enumerate((HEAD_WIDTH // 2 - 2 * spatial, spatial, spatial)):
        turns = 10000.0 ** (-torch.arange(pairs, dtype=torch.float64) / pairs)
        angles = torch.arange(GRID[axis], dtype=torch.float64)[:, None] * turns
        shape = [1, 1, 1, pairs]
        shape[axis] = GRID[axis]
        axes.append(angles.reshape(shape).expand(*GRID, pairs))
    angles = torch.cat(axes, -1).flatten(0, 2)[:, None].to(DEVICE)
    return torch.polar(torch.ones_like(angles), angles)


def rotate(x, turns):
    """x: [N, dim] -> [N, heads, d]."""
    pairs = torch.view_as_complex(x.to(torch.float64).reshape(x.shape[0], HEADS, -1, 2))
    return torch.view_as_real(pairs * turns).flatten(2).to(x.dtype)


class RMSNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        wide = x.float()
        return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + EPS)).to(x.dtype) * self.weight


def layer_norm(x, weight=None, bias=None):
    weight, bias = (None if p is None else p.float() for p in (weight, bias))
    return F.layer_norm(x.float(), x.shape[-1:], weight, bias, EPS).to(x.dtype)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(DIM, DIM) for _ in range(4))
        self.norm_q, self.norm_k = RMSNorm(DIM), RMSNorm(DIM)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attn, self.cross_attn = Attention(), Attention()
        self.norm3 = nn.LayerNorm(DIM)
        self.ffn = nn.Sequential(nn.Linear(DIM, FFN), nn.GELU("tanh"), nn.Linear(FFN, DIM))
        self.modulation = nn.Parameter(torch.randn(1, 6, DIM) / DIM**0.5)

    def windows(self, x, turns, counts, once):
        a = self.self_attn
        q, k, v = rotate(a.norm_q(a.q(x)), turns), rotate(a.norm_k(a.k(x)), turns), a.v(x).unflatten(-1, (HEADS, -1))
        same = all(n in (1, g) for g, n in zip(GRID, counts))
        ways = [False] if once and same else [True, False]
        y = [ungroup(attend(*(group(z, counts, remote) for z in (q, k, v))), counts, remote) for remote in ways]
        return a.o(y[0] if len(y) == 1 else (y[0] + y[1]) / 2)

    def text(self, x, context):
        a = self.cross_attn
        rows = (a.norm_q(a.q(x)), a.norm_k(a.k(context)), a.v(context))
        y = attend(*(z.unflatten(-1, (HEADS, -1)).transpose(0, 1)[None] for z in rows))
        return a.o(y[0].transpose(0, 1).flatten(1))

    def forward(self, x, time, context, turns, counts, once):
        """x: [N, dim]; time: [1, 6, dim]; context: [rows, dim]."""
        shift1, scale1, gate1, shift2, scale2, gate2 = (self.modulation + time)[0].unbind(0)
        x = x + gate1 * self.windows(layer_norm(x) * (1 + scale1) + shift1, turns, counts, once)
        x = x + self.text(layer_norm(x, self.norm3.weight, self.norm3.bias), context)
        return x + gate2 * self.ffn(layer_norm(x) * (1 + scale2) + shift2)


def milliseconds(f):
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    f()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end)


def median(f, repeat):
    f()  # once to warm up: plans of cuDNN and cuBLAS, memory
    return statistics.median(milliseconds(f) for _ in range(repeat))


def random(*shape, scale=1.0):
    return torch.randn(*shape, device=DEVICE, dtype=DTYPE).mul_(scale)


def measure_block(counts, repeat, once):
    """Milliseconds of a forward and of a step, and the most bytes that the step held."""
    torch.manual_seed(0)
    block = Block().to(DEVICE, DTYPE)
    tokens = math.prod(GRID)
    x, dy, turns = random(tokens, DIM).requires_grad_(), random(tokens, DIM), rotation()
    time, context = random(1, 6, DIM).requires_grad_(), random(TEXT_ROWS, DIM).requires_grad_()
    inputs = (x, time, context, turns, counts, once)
    leaves = [x, time, context, *block.parameters()]

    def forward():
        with torch.no_grad():
            block(*inputs)

    def step():
        for leaf in leaves:
            leaf.grad = None
        checkpoint(block, *inputs, use_reentrant=False).backward(dy)

    forward_time = median(forward, repeat)
    torch.cuda.reset_peak_memory_stats()
    step_time = median(step, repeat)
    if not all(torch.isfinite(leaf.grad).all() for leaf in leaves):
        sys.exit("gradients are not finite")
    return forward_time, step_time, torch.cuda.max_memory_allocated()


def measure_attention_backward(counts, repeat):
    """Milliseconds and FLOP of the backward of one way of grouping."""
    windows, size = math.prod(counts), math.prod(GRID) // math.prod(counts)
    q, k, v, dy = (random(windows, size, HEADS, HEAD_WIDTH).transpose(1, 2) for _ in range(4))
    q, k, v = (x.requires_grad_() for x in (q, k, v))
    y = attend(q, k, v)
    taken = median(lambda: torch.autograd.grad(y, (q, k, v), dy, retain_graph=True), repeat)
    return taken, 2.5 * 4 * windows * HEADS * size**2 * HEAD_WIDTH


def product_rate(n=8192, count=20):
    a, b = random(n, n), random(n, n)
    y = torch.empty_like(a)
    taken = median(lambda: [torch.mm(a, b, out=y) for _ in range(count)], 3)
    return count * 2 * n**3 / taken / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    every = range(len(WINDOW_COUNTS))
    parser.add_argument("--patterns", type=int, nargs="+", choices=every, default=list(every))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--attention-backward", action="store_true")
    parser.add_argument("--no-blocks", action="store_true")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("bench/gpu/training_blocks.py: needs CUDA")
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}")
    print(f"bf16 product of 8192^3: {product_rate():.0f} TFLOP/s", flush=True)
    forwards, steps, peaks = [], [], []
    for pattern in [] if args.no_blocks else args.patterns:
        forward, step, peak = measure_block(WINDOW_COUNTS[pattern], args.repeat, args.once)
        torch.cuda.empty_cache()
        print(f"pattern {pattern}: forward {forward:7.1f} ms, forward + recompute + backward {step:7.1f} ms, "
              f"peak {peak / 2**30:5.1f} GiB", flush=True)
        forwards.append(forward)
        steps.append(step)
        peaks.append(peak)
    if sorted(args.patterns) == list(every) and not args.no_blocks:
        forward, step = (LAYERS_OF_A_PATTERN * sum(times) / 1e3 for times in (forwards, steps))
        print(f"30 layers: forward {forward:.2f} s, step {step:.2f} s, peak of a block {max(peaks) / 2**30:.1f} GiB")
    if args.attention_backward:
        for pattern in args.patterns:
            counts = WINDOW_COUNTS[pattern]
            taken, flop = measure_attention_backward(counts, args.repeat)
            torch.cuda.empty_cache()
            size = math.prod(GRID) // math.prod(counts)
            print(f"pattern {pattern}: attention backward of {math.prod(counts):3} windows of {size:5} tokens "
                  f"{taken:7.2f} ms, {flop / taken / 1e9:5.0f} TFLOP/s", flush=True)


if __name__ == "__main__":
    main()
