"""The six painted backgrounds. Everything is drawn in batches; y runs from 0 at the top to 1 at the bottom.

Colours are muted on purpose: a program must be able to tell the vivid object from any background, and white
objects from snow, clouds and stars.
"""
import math

import torch
import torch.nn.functional as F


class Canvas:
    """n pictures of one kind with helpers that share the random generator."""

    def __init__(self, n, width, height, gen, device):
        self.n, self.w, self.h, self.gen, self.device = n, width, height, gen, device
        self.y = ((torch.arange(height, device=device) + 0.5) / height)[None, :, None]
        self.x = ((torch.arange(width, device=device) + 0.5) / height)[None, None, :]   # in picture heights
        self.aspect, self.px = width / height, 1.0 / height
        self.rgb = torch.zeros(n, 3, height, width, device=device)

    def rand(self, lo, hi, *shape):
        return lo + (hi - lo) * torch.rand(self.n, *(shape or (1, 1)), generator=self.gen, device=self.device)

    def noise(self, rows, cols):
        """Smooth noise, about -1..1, with the given number of knots."""
        knots = torch.randn(self.n, 1, rows, cols, generator=self.gen, device=self.device)
        return F.interpolate(knots, (self.h, self.w), mode='bicubic', align_corners=True)[:, 0] * 0.6

    def gradient(self, stops):
        """Vertical gradient: [(y, colour), ...], smooth between the stops."""
        rgb = torch.tensor([c for _, c in stops], device=self.device, dtype=torch.float32) / 255
        out = rgb[0].view(1, 3, 1, 1).expand(1, 3, self.h, 1)
        for (a, _), (b, _), c in zip(stops, stops[1:], rgb[1:]):
            t = ((self.y - a) / (b - a)).clamp(0, 1)
            t = (t * t * (3 - 2 * t))[:, None]
            out = out + (c.view(1, 3, 1, 1) - out) * t
        return out

    def blend(self, colour, mask):
        """Lay a colour (tuple, or picture) over the canvas."""
        if isinstance(colour, tuple):
            colour = torch.tensor(colour, device=self.device, dtype=torch.float32).view(1, 3, 1, 1) / 255
        self.rgb = self.rgb + (colour - self.rgb) * mask[:, None]

    def below(self, line, soft=1.0):
        """1 under the line y(x), antialiased; line (n,1,w)."""
        return ((self.y - line) / (self.px * soft) + 0.5).clamp(0, 1)

    def ridge(self, level, waves):
        """A wavy line: level + sum of a*sin(2 pi f x + random phase)."""
        line = level
        for f, a in waves:
            line = line + a * torch.sin(2 * math.pi * (f * self.x + self.rand(0, 1)))
        return line

    def disc(self, cx, cy, r, soft=1.0):
        d = ((self.x - cx) ** 2 + (self.y - cy) ** 2).sqrt() - r
        return (0.5 - d / (self.px * soft)).clamp(0, 1), d

    def clouds(self, colour, top, bottom, amount):
        m = (self.noise(6, 4) + 0.45 * self.noise(14, 9) - 0.12).clamp(0, 0.5) * 2
        band = ((self.y - top) / 0.12).clamp(0, 1) * ((bottom - self.y) / 0.16).clamp(0, 1)
        self.blend(colour, m * m * (3 - 2 * m) * band * amount)

    def trees(self, count, colour, y_lo, y_hi, size_lo, size_hi, strength=1.0, keep=0.8):
        """Pointed firs: a narrow triangle with a stepped edge each."""
        for i in range(count):
            cx = self.rand(i / count, (i + 1) / count) * self.aspect
            foot, s = self.rand(y_lo, y_hi), self.rand(size_lo, size_hi)
            t = (self.y - (foot - s)) / s
            half = s * 0.26 * (t.clamp(0, 1) * 0.75 + 0.25 * ((t * 4) % 1.0) * t.clamp(0, 1))
            inside = ((half - (self.x - cx).abs()) / self.px + 0.5).clamp(0, 1) * (t > 0) * (
                (1 - t) / 0.05 + 1).clamp(0, 1)
            self.blend(colour, inside * strength * (self.rand(0, 1) < keep))


def hills(c):
    c.rgb = c.gradient([(0.0, (146, 178, 204)), (0.62, (222, 222, 208))]).expand(c.n, -1, -1, c.w)
    _, d = c.disc(c.rand(0.2, c.aspect - 0.2), c.rand(0.10, 0.26), 0.07)
    c.blend((232, 222, 186), torch.exp(-d.clamp_min(0) * 9) * 0.75)
    c.clouds((216, 218, 218), 0.02, 0.52, 0.9)
    layers = [(0.58, (150, 172, 158), 0.05, 0.7), (0.67, (136, 164, 128), 0.05, 0.5),
              (0.76, (122, 154, 104), 0.045, 0.6), (0.88, (104, 138, 86), 0.04, 0.45)]
    for i, (level, rgb, wave, f) in enumerate(layers):
        line = c.ridge(c.rand(level - 0.03, level + 0.03), [(f, wave), (f * 2.3, wave * 0.35)])
        depth = (c.y - line).clamp(0, 0.3) / 0.3
        shade = 1.10 - 0.26 * depth + 0.05 * c.noise(5, 9)
        colour = torch.tensor(rgb, device=c.device).view(1, 3, 1, 1) / 255 * shade[:, None]
        if i == 2:
            for k in range(5):
                cx, r = c.rand(k / 5, (k + 1) / 5) * c.aspect, c.rand(0.022, 0.045)
                foot = c.rand(0.70, 0.74)
                crown, d = c.disc(cx, foot - r, r)
                c.blend((104, 136, 98), crown * (c.rand(0, 1) < 0.75))
        c.blend(colour, c.below(line))


def sea(c):
    horizon = c.rand(0.52, 0.60)
    c.rgb = c.gradient([(0.0, (136, 168, 196)), (0.56, (224, 214, 202))]).expand(c.n, -1, -1, c.w)
    cx = c.rand(0.25, c.aspect - 0.25)
    _, d = c.disc(cx, horizon - c.rand(0.10, 0.24), 0.055)
    c.blend((236, 224, 190), torch.exp(-d.clamp_min(0) * 10) * 0.8)
    c.clouds((214, 210, 212), 0.03, 0.50, 0.9)
    isle = c.ridge(horizon + c.rand(-0.01, 0.012), [(0.45, 0.022), (1.1, 0.010)])
    c.blend((150, 164, 174), c.below(isle))
    water = c.gradient([(0.52, (150, 178, 186)), (0.72, (104, 146, 160)), (1.0, (66, 108, 128))])
    under = c.below(horizon)
    c.blend(water.expand(c.n, -1, -1, c.w), under)
    depth = ((c.y - horizon) / 0.45).clamp(0, 1)
    rows = torch.sin(2 * math.pi * (9 * depth.clamp_min(1e-4) ** 0.6 + 0.28 * c.noise(5, 7) + c.rand(0, 1)))
    c.blend((196, 210, 208), under * (rows - 0.45).clamp(0, 1) * 0.38)
    path = torch.exp(-((c.x - cx) / (0.05 + 0.16 * depth)) ** 2)
    c.blend((232, 222, 196), under * path * (0.28 + 0.30 * rows.clamp_min(0)))


def night(c):
    c.rgb = c.gradient([(0.0, (14, 18, 40)), (0.55, (38, 42, 78)), (0.95, (84, 76, 108))]).expand(c.n, -1, -1, c.w)
    slope, at = c.rand(-0.5, 0.5), c.rand(0.25, 0.55)
    band = torch.exp(-((c.y - at - slope * (c.x - c.aspect / 2)) / 0.16) ** 2)
    c.blend((92, 88, 126), band * (0.45 + 0.35 * c.noise(7, 10)).clamp(0, 1) * 0.7)
    cells = 8
    gx, gy = int(cells * c.aspect), cells
    knots = torch.rand(c.n, 4, gy, gx, generator=c.gen, device=c.device)
    cell = F.interpolate(knots, (c.h, c.w), mode='nearest')
    fx, fy = (c.x * c.h * gx / c.w) % 1.0, (c.y * gy) % 1.0
    dx, dy = fx - 0.18 - 0.64 * cell[:, 0], fy - 0.18 - 0.64 * cell[:, 1]
    r = (dx * dx + dy * dy).sqrt() / gy / c.px
    size = (0.5 + 1.6 * cell[:, 2] ** 3) * c.h / 256
    star = torch.exp(-(r / size.clamp_min(0.8)) ** 2) * (0.25 + 0.75 * cell[:, 2]) * (cell[:, 3] < 0.75)
    c.blend((214, 212, 206), star * (1 - ((c.y - 0.62) / 0.2).clamp(0, 1)) * 0.95)
    left = c.rand(0, 1) < 0.5
    mx, my = torch.where(left, c.rand(0.14, 0.36), c.aspect - c.rand(0.14, 0.36)), c.rand(0.13, 0.22)
    moon, d = c.disc(mx, my, 0.062)
    c.blend((120, 118, 140), torch.exp(-d.clamp_min(0) * 16) * 0.5)
    bite, _ = c.disc(mx + 0.030, my - 0.012, 0.054, 2.0)
    c.blend((206, 200, 176), moon * (1 - bite))
    for level, rgb in ((0.82, (46, 46, 74)), (0.91, (26, 28, 48))):
        c.blend(rgb, c.below(c.ridge(c.rand(level - 0.03, level + 0.02), [(0.6, 0.035), (1.5, 0.014)])))


def desert(c):
    sky = c.gradient([(0.0, (112, 98, 132)), (0.30, (170, 128, 138)), (0.60, (226, 180, 146))])
    c.rgb = sky.expand(c.n, -1, -1, c.w)
    cx, cy = c.rand(0.3, c.aspect - 0.3), c.rand(0.40, 0.50)
    sun, d = c.disc(cx, cy, 0.085, 1.5)
    c.blend((236, 196, 154), torch.exp(-d.clamp_min(0) * 7) * 0.6)
    c.blend((240, 212, 172), sun * 0.9)
    c.clouds((206, 156, 148), 0.05, 0.46, 0.6)
    mesa = c.ridge(c.rand(0.57, 0.60), [(0.35, 0.02)])
    waves = torch.sin(2 * math.pi * (c.rand(0.6, 0.9) * c.x + c.rand(0, 1)))
    steps = 0.07 * torch.tanh(4 * (waves - 0.35)).clamp(-0.25, 1)
    c.blend((158, 118, 120), c.below(mesa - steps))
    for level, light, dark, f in ((0.64, (206, 162, 124), (168, 124, 110), 0.45),
                                  (0.75, (196, 150, 108), (146, 104, 94), 0.38),
                                  (0.88, (178, 132, 94), (122, 86, 80), 0.5)):
        line = c.ridge(c.rand(level - 0.03, level + 0.03), [(f, 0.05), (f * 2.1, 0.012)])
        side = torch.tanh(3 * torch.sin(2 * math.pi * (f * 1.5 * c.x + 0.6 * c.y + c.rand(0, 1)))) * 0.5 + 0.5
        ripple = 0.04 * torch.sin(2 * math.pi * (26 * (c.y - line) + 0.5 * c.noise(4, 8)))
        mix = (side * 0.7 + ripple + 0.5 * (c.y - line).clamp(0, 0.4)).clamp(0, 1)[:, None]
        a, b = (torch.tensor(v, device=c.device).view(1, 3, 1, 1) / 255 for v in (light, dark))
        c.blend(a + (b - a) * mix, c.below(line))


def mountains(c):
    c.rgb = c.gradient([(0.0, (128, 158, 190)), (0.58, (206, 212, 218))]).expand(c.n, -1, -1, c.w)
    c.clouds((206, 212, 220), 0.02, 0.40, 0.8)
    tri = lambda t: (2 * (t % 1.0) - 1).abs()
    for level, amp, f, rock, snow in ((0.56, 0.20, 0.85, (138, 152, 174), (190, 202, 218)),
                                      (0.66, 0.26, 0.60, (104, 118, 142), (196, 207, 222))):
        at = f * c.x + c.rand(0, 1)
        line = c.rand(level - 0.02, level + 0.02) - amp * (1 - tri(at)) \
            + 0.05 * tri(f * 2.7 * c.x + c.rand(0, 1)) + 0.018 * tri(f * 7.1 * c.x + c.rand(0, 1))
        height = c.y - line
        jag = 0.035 * tri(5.5 * c.x + c.rand(0, 1)) + 0.02 * tri(13 * c.x + c.rand(0, 1))
        cap = ((level - 0.10 + jag + 0.02 * c.noise(5, 14) - c.y) / (2 * c.px)).clamp(0, 1)
        crest = at + 0.10 * f * torch.sin(9 * height + 6 * c.x)
        lightside = torch.tanh(9 * torch.sin(2 * math.pi * crest)) * 0.5 + 0.5
        tint = (0.82 + 0.18 * lightside + 0.04 * c.noise(7, 12) - 0.10 * height.clamp(0, 0.4))[:, None]
        a, b = (torch.tensor(v, device=c.device).view(1, 3, 1, 1) / 255 for v in (rock, snow))
        c.blend((a + (b - a) * cap[:, None]) * tint, c.below(line))
    c.trees(12, (74, 94, 102), 0.80, 0.86, 0.10, 0.17)
    field = c.ridge(c.rand(0.80, 0.85), [(0.5, 0.02), (1.2, 0.008)])
    depth = (c.y - field).clamp(0, 0.25)[:, None]
    light = 1 - 0.45 * depth + 0.02 * c.noise(4, 7)[:, None]
    colour = torch.tensor((178, 192, 210), device=c.device).view(1, 3, 1, 1) / 255 * light
    c.blend(colour, c.below(field))


def forest(c):
    air = c.gradient([(0.0, (158, 174, 170)), (0.55, (196, 204, 194)), (1.0, (140, 158, 142))])
    c.rgb = air.expand(c.n, -1, -1, c.w)
    _, d = c.disc(c.rand(0.3, c.aspect - 0.3), c.rand(0.10, 0.30), 0.02)
    c.blend((214, 216, 200), torch.exp(-d.clamp_min(0) * 4) * 0.7)
    layers = ((11, (150, 170, 164), 0.70, 0.76, 0.34, 0.50), (9, (116, 142, 134), 0.80, 0.86, 0.40, 0.62),
              (6, (78, 106, 98), 0.93, 1.0, 0.48, 0.80))
    for i, (count, rgb, lo, hi, s0, s1) in enumerate(layers):
        c.trees(count, rgb, lo, hi, s0, s1, keep=0.85 - 0.1 * i)
        line = c.ridge(c.rand(lo - 0.02, lo + 0.02), [(0.6, 0.02), (1.4, 0.008)])
        c.blend(rgb, c.below(line, 3.0))
        mist = torch.exp(-((c.y - (lo - 0.05 + 0.05 * c.noise(2, 6))) / 0.10) ** 2)
        c.blend((192, 201, 193), mist * (0.62 + 0.22 * c.noise(4, 7)).clamp(0, 1))


PAINTERS = [hills, sea, night, desert, mountains, forest]


def paint(names, order, width, height, gen, device):
    """-> (n,3,height,width) in 0..1."""
    out = torch.empty(len(names), 3, height, width, device=device)
    for name, painter in zip(order, PAINTERS):
        index = [i for i, b in enumerate(names) if b == name]
        if index:
            c = Canvas(len(index), width, height, gen, device)
            painter(c)
            dx, dy = c.x / c.aspect - 0.5, c.y - 0.5
            tint = 1 + 0.03 * torch.randn(c.n, 3, 1, 1, generator=gen, device=device).clamp(-2, 2)
            out[torch.tensor(index, device=device)] = c.rgb * (1.03 - 0.26 * (dx * dx + dy * dy))[:, None] * tint
    return out.clamp(0, 1)


def shade(video, path, names, order, colour):
    """Light exchange with the object: a soft shadow on the ground, or a halo where there is no ground."""
    n, f, _, h, w = video.shape
    device = video.device
    y = (1 - 2 * (torch.arange(h, device=device) + 0.5) / h)[None, None, :, None]
    x = ((2 * (torch.arange(w, device=device) + 0.5) - w) / h)[None, None, None, :]
    at = lambda name: path[name][:, :, None, None]
    kind = torch.tensor([order.index(b) for b in names], device=device)[:, None, None, None]
    glows = (kind == 2) | (kind == 5)
    lift = (at('y') - at('radius') + 0.86).clamp_min(0)
    sx = at('radius') * (0.85 + 0.35 * lift)
    blob = torch.exp(-((x - at('x') - 0.06 * lift) / sx) ** 2 - ((y + 0.86) / (0.26 * sx)) ** 2)
    video *= (1 - torch.where(glows, 0.0, 0.42) / (1 + 1.2 * lift) * blob)[:, :, None]
    r = ((x - at('x')) ** 2 + (y - at('y')) ** 2).sqrt() / at('radius')
    strength = torch.where(kind == 2, 0.42, torch.where(kind == 5, 0.22, 0.0))
    halo = torch.exp(-((r - 0.8).clamp_min(0) / 0.42) ** 2) * strength
    tint = (0.55 * colour + 0.35)[:, None, :, None, None]
    return video.add_((tint - video) * halo[:, :, None])
