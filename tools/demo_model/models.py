"""Small PyTorch versions of the three Wan2.1 networks, with the official tensor names.

`WanVAE`, `UMT5` and `WanDiT` compute exactly what the engine computes; only the widths differ from the
released models. A module's `state_dict()` is the list of tensors that the official files hold, so weights
move in both directions without renaming.

Activations of the VAE are laid out (batch, time, height, width, channel). Channels are padded with zeros to a
multiple of eight, because tensor-core convolutions want aligned channels and the base width is 12.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

LATENT_MEAN = torch.tensor([-0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508,
                            0.4134, -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921])
LATENT_STD = torch.tensor([2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743,
                           3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160])


# ---------------------------------------------------------------------------------------------- VAE

def padded(channels):
    return (channels + 7) // 8 * 8


def pad_dim(x, dim, size):
    return x if x.shape[dim] == size else F.pad(x, [0, 0] * (x.dim() - 1 - dim % x.dim()) + [0, size - x.shape[dim]])


def conv2d(x, weight, bias, **options):
    """2D convolution of every frame; x (b,t,h,w,ci), weight (co,ci,kh,kw) with ci padded already."""
    co = padded(weight.shape[0])
    b, t = x.shape[:2]
    y = F.conv2d(x.flatten(0, 1).permute(0, 3, 1, 2), pad_dim(weight, 0, co), pad_dim(bias, 0, co), **options)
    return y.permute(0, 2, 3, 1).unflatten(0, (b, t))


def past(x, frames):
    """x shifted by `frames` towards later times, zeros in front."""
    return F.pad(x, [0, 0] * 3 + [frames, 0])[:, :x.shape[1]]


class CausalConv3d(nn.Conv3d):
    """A causal (3,k,k) convolution is one 2D convolution over frames t-2, t-1, t stacked on channels."""

    def forward(self, x):
        w = pad_dim(self.weight, 1, x.shape[-1])
        if self.kernel_size[0] == 3:
            x = torch.cat([past(x, 2), past(x, 1), x], -1)
            w = w.permute(0, 2, 1, 3, 4).flatten(1, 2)
        else:
            w = w[:, :, 0]
        return conv2d(x, w, self.bias, padding=self.kernel_size[1] // 2)


def cconv(ci, co, k):
    return CausalConv3d(ci, co, (k, k, k))


class ChannelNorm(nn.Module):
    def __init__(self, channels, image=False):
        super().__init__()
        self.channels = channels
        self.gamma = nn.Parameter(torch.ones(channels, *([1] * (2 if image else 3))))

    def forward(self, x):
        f = x.float()
        norm = f.square().sum(-1, keepdim=True).sqrt().clamp_min(1e-12)
        return (f / norm * (math.sqrt(self.channels) * pad_dim(self.gamma.flatten(), 0, x.shape[-1]))).to(x.dtype)


class ResBlock(nn.Module):
    def __init__(self, ci, co):
        super().__init__()
        self.residual = nn.Sequential(ChannelNorm(ci), nn.SiLU(), cconv(ci, co, 3), ChannelNorm(co), nn.SiLU(),
                                      nn.Dropout(0.0), cconv(co, co, 3))
        self.shortcut = cconv(ci, co, 1) if ci != co else nn.Identity()

    def forward(self, x):
        return self.shortcut(x) + self.residual(x)


class AttnBlock(nn.Module):
    """Single-head attention over the positions of one frame."""

    bypass = False      # training leaves the block out (its projection stays zero)

    def __init__(self, c):
        super().__init__()
        self.norm = ChannelNorm(c, image=True)
        self.to_qkv = nn.Conv2d(c, 3 * c, 1)
        self.proj = nn.Conv2d(c, c, 1)

    def forward(self, x):
        if self.bypass:
            return x
        b, t, h, w, c = x.shape
        y = F.linear(self.norm(x), self.to_qkv.weight[:, :, 0, 0], self.to_qkv.bias)
        q, k, v = y.view(b * t, 1, h * w, 3 * c).chunk(3, -1)
        y = F.scaled_dot_product_attention(q, k, v).view(b, t, h, w, c)
        return x + F.linear(y, self.proj.weight[:, :, 0, 0], self.proj.bias)


class Resample(nn.Module):
    """mode: down2d, down3d, up2d, up3d. The first frame never passes through the time convolution."""

    def __init__(self, c, mode):
        super().__init__()
        self.mode = mode
        self.resample = nn.Sequential(nn.Identity(), nn.Conv2d(c, c if mode[0] == 'd' else c // 2, 3))
        if mode == 'down3d':
            self.time_conv = nn.Conv3d(c, c, (3, 1, 1))
        if mode == 'up3d':
            self.time_conv = nn.Conv3d(c, 2 * c, (3, 1, 1))

    def time(self, frames):
        w = self.time_conv.weight[:, :, :, 0, 0].permute(0, 2, 1).flatten(1)
        return F.linear(torch.cat(frames, -1), w, self.time_conv.bias)

    def forward(self, x):
        conv = self.resample[1]
        if self.mode[0] == 'd':
            x = conv2d(F.pad(x, [0, 0, 0, 1, 0, 1]), pad_dim(conv.weight, 1, x.shape[-1]), conv.bias, stride=2)
            if self.mode == 'down3d' and x.shape[1] > 1:
                y = self.time([x[:, :-2:2], x[:, 1:-1:2], x[:, 2::2]])
                x = torch.cat([x[:, :1], y], 1)
            return x
        if self.mode == 'up3d' and x.shape[1] > 1:
            later = x[:, 1:]
            y = self.time([past(later, 2), past(later, 1), later])
            x = torch.cat([x[:, :1], y.unflatten(-1, (2, -1)).permute(0, 1, 4, 2, 3, 5).flatten(1, 2)], 1)
        x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return conv2d(x, pad_dim(conv.weight, 1, x.shape[-1]), conv.bias, padding=1)


class Coder(nn.Module):
    """conv1, the stages (named as in the official file), the middle and the head, in the order given."""

    def __init__(self, ci, stages_name, stages, middle_width, head_in, co, middle_first):
        super().__init__()
        self.stages_name, self.middle_first = stages_name, middle_first
        self.conv1 = cconv(ci, middle_width if middle_first else stages[0].residual[2].in_channels, 3)
        self.add_module(stages_name, nn.Sequential(*stages))
        self.middle = nn.Sequential(ResBlock(middle_width, middle_width), AttnBlock(middle_width),
                                    ResBlock(middle_width, middle_width))
        self.head = nn.Sequential(ChannelNorm(head_in), nn.SiLU(), cconv(head_in, co, 3))

    def forward(self, x):
        x = self.conv1(pad_dim(x, -1, padded(x.shape[-1])))
        stages = getattr(self, self.stages_name)
        for part in ([self.middle, stages] if self.middle_first else [stages, self.middle]):
            for block in part:
                x = block(x)
        return self.head(x)


class WanVAE(nn.Module):
    def __init__(self, base=12, z=16):
        super().__init__()
        a, b, c = base, 2 * base, 4 * base
        down = [ResBlock(a, a), ResBlock(a, a), Resample(a, 'down2d'), ResBlock(a, b), ResBlock(b, b),
                Resample(b, 'down3d'), ResBlock(b, c), ResBlock(c, c), Resample(c, 'down3d'), ResBlock(c, c),
                ResBlock(c, c)]
        up = [ResBlock(c, c), ResBlock(c, c), ResBlock(c, c), Resample(c, 'up3d'), ResBlock(b, c), ResBlock(c, c),
              ResBlock(c, c), Resample(c, 'up3d'), ResBlock(b, b), ResBlock(b, b), ResBlock(b, b),
              Resample(b, 'up2d'), ResBlock(a, a), ResBlock(a, a), ResBlock(a, a)]
        self.encoder = Coder(3, 'downsamples', down, c, c, 2 * z, middle_first=False)
        self.conv1 = cconv(2 * z, 2 * z, 1)
        self.conv2 = cconv(z, z, 1)
        self.decoder = Coder(z, 'upsamples', up, c, a, 3, middle_first=True)
        self.z = z

    def encode_raw(self, video):
        """video (b,3,f,h,w) in -1..1 -> mean (b,t,h/8,w/8,z), before the latent normalisation."""
        return self.conv1(self.encoder(video.permute(0, 2, 3, 4, 1)))[..., :self.z]

    def decode_raw(self, z):
        return self.decoder(self.conv2(z))[..., :3].permute(0, 4, 1, 2, 3)

    def encode(self, video):
        """-> normalised latents (b,z,t,h/8,w/8), what the DiT works on."""
        mean, std = LATENT_MEAN.to(video.device), LATENT_STD.to(video.device)
        return ((self.encode_raw(video).float() - mean) / std).permute(0, 4, 1, 2, 3)

    def decode(self, latents):
        mean, std = LATENT_MEAN.to(latents.device), LATENT_STD.to(latents.device)
        return self.decode_raw(latents.permute(0, 2, 3, 4, 1) * std + mean)


# ------------------------------------------------------------------------------------- text encoder

class RMSNorm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        f = x.float()
        return (f * torch.rsqrt(f.square().mean(-1, keepdim=True) + 1e-6) * self.weight).to(x.dtype)


def relative_buckets(n):
    """Bucket of (key - query): 0..7 exact, then the thresholds of the T5 rule; +16 for keys to the right."""
    r = torch.arange(n)[None, :] - torch.arange(n)[:, None]
    edges = torch.tensor([8, 12, 16, 23, 32, 46, 64, 91])
    a = r.abs()
    far = 7 + (a[..., None] >= edges).sum(-1)
    return torch.where(a < 8, a, far) + 16 * (r > 0)


class T5Attention(nn.Module):
    def __init__(self, dim, inner):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(dim, inner, bias=False) for _ in range(3))
        self.o = nn.Linear(inner, dim, bias=False)


class T5FFN(nn.Module):
    def __init__(self, dim, ffn):
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(dim, ffn, bias=False))
        self.fc1 = nn.Linear(dim, ffn, bias=False)
        self.fc2 = nn.Linear(ffn, dim, bias=False)

    def forward(self, x):
        return self.fc2(self.fc1(x) * F.gelu(self.gate(x), approximate='tanh'))


class T5Block(nn.Module):
    def __init__(self, dim, inner, ffn, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = RMSNorm(dim), RMSNorm(dim)
        self.attn = T5Attention(dim, inner)
        self.pos_embedding = nn.ModuleDict({'embedding': nn.Embedding(32, heads)})
        self.ffn = T5FFN(dim, ffn)

    def forward(self, x, mask):
        y, a = self.norm1(x), self.attn
        q, k, v = (p(y).unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in (a.q, a.k, a.v))
        bias = self.pos_embedding['embedding'](relative_buckets(x.shape[1]).to(x.device)).permute(2, 0, 1)
        scores = (q @ k.transpose(-1, -2)).float() + bias
        scores = scores.masked_fill(~mask[:, None, None], -1e30)
        y = scores.softmax(-1).to(v.dtype) @ v
        x = x + a.o(y.transpose(1, 2).flatten(2))
        return x + self.ffn(self.norm2(x))


class UMT5(nn.Module):
    def __init__(self, vocab, dim=96, inner=96, ffn=192, heads=4, layers=2):
        super().__init__()
        self.token_embedding = nn.Embedding(vocab, dim)
        self.blocks = nn.ModuleList(T5Block(dim, inner, ffn, heads) for _ in range(layers))
        self.norm = RMSNorm(dim)

    def forward(self, ids, mask):
        """ids, mask (b,n) -> (b,n,dim), zero where mask is False."""
        x = self.token_embedding(ids)
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x) * mask[..., None]
