"""The Wan diffusion transformer with full or T3 windowed self-attention (official tensor names)."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from models import RMSNorm

TEXT_ROWS = 512


def rope_table(grid, head_dim, device=None):
    """cos and sin, (tokens, head_dim/2): the pairs are divided among t, h, w; angle = p * 10000^(-2i/D)."""
    dh = 2 * (head_dim // 6)
    angles = []
    for axis, width in enumerate((head_dim - 2 * dh, dh, dh)):
        freq = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
        a = torch.arange(grid[axis], dtype=torch.float64)[:, None] * freq
        shape = [1, 1, 1, width // 2]
        shape[axis] = grid[axis]
        angles.append(a.view(shape).expand(*grid, width // 2))
    a = torch.cat(angles, -1).flatten(0, 2)
    return a.cos().float().to(device), a.sin().float().to(device)


def rotate(x, cos, sin):
    """x (b,n,heads,d), adjacent elements form a pair."""
    f = x.float().unflatten(-1, (-1, 2))
    a, b = f[..., 0], f[..., 1]
    c, s = cos[:, None], sin[:, None]
    return torch.stack([a * c - b * s, a * s + b * c], -1).flatten(-2).to(x.dtype)


def attend(q, k, v):
    return F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)).transpose(1, 2)


def window_attention(q, k, v, grid, counts, remote):
    """Attention inside windows. Close windows are boxes, remote windows residue classes modulo the counts."""
    b, _, heads, d = q.shape
    split = [(g // n, n) if remote else (n, g // n) for g, n in zip(grid, counts)]
    windows, inside = ((2, 4, 6), (1, 3, 5)) if remote else ((1, 3, 5), (2, 4, 6))
    shape = (b, *split[0], *split[1], *split[2], heads, d)
    order = (0, *windows, *inside, 7, 8)
    tokens = math.prod(grid) // math.prod(counts)
    back = [order.index(i) for i in range(9)]
    grouped = [x.reshape(shape).permute(order) for x in (q, k, v)]
    inner = grouped[0].shape
    y = attend(*(x.reshape(-1, tokens, heads, d) for x in grouped))
    return y.reshape(inner).permute(back).reshape(b, -1, heads, d)


def t3_attention(q, k, v, grid, counts):
    """Mean of the close and the remote branch; one branch where both partitions coincide."""
    if all(n == 1 or n == g for g, n in zip(grid, counts)):
        return window_attention(q, k, v, grid, counts, False)
    return (window_attention(q, k, v, grid, counts, False) + window_attention(q, k, v, grid, counts, True)) / 2


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(dim, dim) for _ in range(4))
        self.norm_q, self.norm_k = RMSNorm(dim), RMSNorm(dim)


def layer_norm(x):
    return F.layer_norm(x.float(), x.shape[-1:], eps=1e-6)


class Block(nn.Module):
    def __init__(self, dim, ffn, heads):
        super().__init__()
        self.heads = heads
        self.self_attn, self.cross_attn = Attention(dim), Attention(dim)
        self.norm3 = nn.LayerNorm(dim, eps=1e-6)
        self.ffn = nn.Sequential(nn.Linear(dim, ffn), nn.GELU('tanh'), nn.Linear(ffn, dim))
        self.modulation = nn.Parameter(torch.randn(1, 6, dim) / dim**0.5)

    def qkv(self, x, e0, cos, sin):
        """Everything before the self-attention proper."""
        m = (self.modulation + e0)[:, :, None]
        y = layer_norm(x) * (1 + m[:, 1]) + m[:, 0]
        a = self.self_attn
        q, k, v = a.norm_q(a.q(y)), a.norm_k(a.k(y)), a.v(y)
        q, k, v = (z.unflatten(-1, (self.heads, -1)) for z in (q, k, v))
        return rotate(q, cos, sin), rotate(k, cos, sin), v

    def rest(self, x, y, e0, context, key_bias):
        """Everything after it: output projection, cross-attention, feed-forward."""
        m = (self.modulation + e0)[:, :, None]
        x = x + m[:, 2] * self.self_attn.o(y.flatten(2))
        a = self.cross_attn
        q = a.norm_q(a.q(F.layer_norm(x.float(), x.shape[-1:], self.norm3.weight, self.norm3.bias, 1e-6)))
        k, v = a.norm_k(a.k(context)), a.v(context)
        q, k, v = (z.unflatten(-1, (self.heads, -1)).transpose(1, 2) for z in (q, k, v))
        scores = (q @ k.transpose(-1, -2)).float() / q.shape[-1]**0.5
        if key_bias is not None:
            scores = scores + key_bias[:, None, None]
        y = scores.softmax(-1).to(v.dtype) @ v
        x = x + a.o(y.transpose(1, 2).flatten(2))
        return x + m[:, 5] * self.ffn(layer_norm(x) * (1 + m[:, 4]) + m[:, 3])

    def forward(self, x, e0, cos, sin, context, key_bias, grid, counts):
        q, k, v = self.qkv(x, e0, cos, sin)
        y = attend(q, k, v) if counts is None else t3_attention(q, k, v, grid, counts)
        return self.rest(x, y, e0, context, key_bias)


class Head(nn.Module):
    def __init__(self, dim, out):
        super().__init__()
        self.head = nn.Linear(dim, 4 * out)
        self.modulation = nn.Parameter(torch.randn(1, 2, dim) / dim**0.5)

    def forward(self, x, e):
        m = (self.modulation + e[:, None])[:, :, None]
        return self.head(layer_norm(x) * (1 + m[:, 1]) + m[:, 0])


class WanDiT(nn.Module):
    def __init__(self, dim=192, ffn=416, heads=4, layers=10, text_dim=96, channels=16, freq_dim=256):
        super().__init__()
        self.dim, self.heads, self.freq_dim, self.channels = dim, heads, freq_dim, channels
        self.patch_embedding = nn.Conv3d(channels, dim, (1, 2, 2), (1, 2, 2))
        self.text_embedding = nn.Sequential(nn.Linear(text_dim, dim), nn.GELU('tanh'), nn.Linear(dim, dim))
        self.time_embedding = nn.Sequential(nn.Linear(freq_dim, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.time_projection = nn.Sequential(nn.SiLU(), nn.Linear(dim, 6 * dim))
        self.blocks = nn.ModuleList(Block(dim, ffn, heads) for _ in range(layers))
        self.head = Head(dim, channels)

    def initialise(self):
        """Starting point for training from scratch.

        The padding rows of the context share one key whose score starts at ln(512-L), about 6.2. With zero
        biases that key is zero, and doubling the weights of both norms spreads the scores of real rows by
        four, so that the text is seen from the first step.
        """
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, std=m.in_features**-0.5)
                nn.init.zeros_(m.bias)
        nn.init.normal_(self.patch_embedding.weight, std=(4 * self.channels)**-0.5)
        nn.init.zeros_(self.patch_embedding.bias)
        nn.init.normal_(self.time_projection[1].weight, std=0.02)
        for b in self.blocks:
            for a in (b.self_attn, b.cross_attn):
                nn.init.normal_(a.o.weight, std=0.3 * self.dim**-0.5)
            nn.init.normal_(b.ffn[2].weight, std=0.3 * b.ffn[2].in_features**-0.5)
            b.cross_attn.norm_q.weight.data.fill_(2.0)
            b.cross_attn.norm_k.weight.data.fill_(2.0)
            b.modulation.data.normal_(std=0.02)
            b.modulation.data[:, [2, 5]] += 1.0
        self.head.modulation.data.normal_(std=0.02)
        nn.init.zeros_(self.head.head.weight)
        return self

    def time(self, t):
        half = self.freq_dim // 2
        w = 10000.0 ** (-torch.arange(half, device=t.device, dtype=torch.float64) / half)
        a = t.double()[:, None] * w
        e = self.time_embedding(torch.cat([a.cos(), a.sin()], -1).float())
        return e.float(), self.time_projection(e).float().unflatten(-1, (6, self.dim))

    def forward(self, latents, t, context, key_bias=None, patterns=None):
        """latents (b,c,T,Hl,Wl), t (b,) in 0..1000, context (b,rows,text_dim) taken as it is.

        key_bias (b,rows) is added to the cross-attention scores (see `text_rows`). patterns: window counts
        of the T3 layout, layer i uses patterns[i mod 5]; None means full attention.
        """
        b, c, T, hl, wl = latents.shape
        grid = (T, hl // 2, wl // 2)
        x = latents.view(b, c, T, grid[1], 2, grid[2], 2).permute(0, 2, 3, 5, 1, 4, 6).flatten(4).flatten(1, 3)
        x = F.linear(x, self.patch_embedding.weight.flatten(1), self.patch_embedding.bias).float()
        e, e0 = self.time(t)
        context = self.text_embedding(context)
        cos, sin = rope_table(grid, self.dim // self.heads, x.device)
        for i, block in enumerate(self.blocks):
            x = block(x, e0, cos, sin, context, key_bias, grid, patterns and tuple(patterns[i % len(patterns)]))
        y = self.head(x, e).float()
        y = y.view(b, *grid, 2, 2, c).permute(0, 6, 1, 2, 4, 3, 5)
        return y.reshape(b, c, T, hl, wl)


def text_rows(embedding, mask):
    """Context rows and score bias equal to zero-padding the prompt to 512 rows.

    The 512-L padding rows are identical, so they act as one row whose score gets +ln(512-L). It is put last;
    unused rows of shorter prompts in a batch get minus infinity.
    """
    b, n = mask.shape
    rows = torch.cat([embedding, embedding.new_zeros(b, 1, embedding.shape[-1])], 1)
    bias = torch.zeros(b, n + 1, device=mask.device).masked_fill(~F.pad(mask, (0, 1), value=True), -1e30)
    bias[:, n] = torch.log(TEXT_ROWS - mask.sum(1).float())
    return rows, bias
