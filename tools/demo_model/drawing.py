"""Draws the clips: short animated pictures of captions, drawn on the GPU in batches.

A clip is an object (8 kinds, 8 colours, 6 motions) over a painted background (6 kinds). Objects are signed
distance shapes inflated to a height field and lit from the upper left; backgrounds live in scenery.py.
"""
import math

import torch
import torch.nn.functional as F

import scenery
from clips import BACKGROUNDS, COLOURS, MOTIONS, OBJECTS

FRAMES = 17


# -------------------------------------------------------------------------------- shapes, |p| about 1
# x to the right, y up; every function takes p = (x, y) and the phase in radians (tail, swing).

def smooth_min(a, b, k):
    h = (0.5 + 0.5 * (b - a) / k).clamp(0, 1)
    return b + (a - b) * h - k * h * (1 - h)


def polygon(x, y, corners):
    """Exact distance to a closed polygon given by its corners."""
    d = torch.full_like(x, 1e9)
    inside = torch.ones_like(x)
    n = len(corners)
    for i in range(n):
        (ax, ay), (bx, by) = corners[i], corners[(i + 1) % n]
        ex, ey, wx, wy = bx - ax, by - ay, x - ax, y - ay
        t = ((wx * ex + wy * ey) / (ex * ex + ey * ey)).clamp(0, 1)
        d = torch.minimum(d, (wx - ex * t) ** 2 + (wy - ey * t) ** 2)
        crosses = ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay + 1e-9) + ax)
        inside = torch.where(crosses, -inside, inside)
    return d.sqrt() * inside


def sd_star(x, y, phase):
    corners = []
    for i in range(10):
        r, a = (0.98 if i % 2 == 0 else 0.47), math.pi / 2 + i * math.pi / 5
        corners.append((r * math.cos(a), r * math.sin(a)))
    return polygon(x, y, corners) - 0.10


def sd_ring(x, y, phase):
    return ((x * x + y * y).sqrt() - 0.70).abs() - 0.29


def sd_heart(x, y, phase):
    x, y = x.abs() / 1.72, (y + 0.92) / 1.72
    lobe = ((x - 0.25) ** 2 + (y - 0.75) ** 2).sqrt() - math.sqrt(2) / 4
    m = 0.5 * (x + y).clamp_min(0)
    tip = torch.minimum(x * x + (y - 1) ** 2, (x - m) ** 2 + (y - m) ** 2).sqrt() * torch.sign(x - y)
    return 1.72 * torch.where(x + y > 1, lobe, tip) - 0.05


def sd_diamond(x, y, phase):
    return polygon(x, y, [(-0.95, 0.30), (-0.52, 0.80), (0.52, 0.80), (0.95, 0.30), (0.0, -0.95)]) - 0.05


def sd_fish(x, y, phase):
    """Looks to the right; the tail swings."""
    bend = 0.22 * torch.sin(phase) * (0.35 - x).clamp(0, 1.4) ** 2
    y = y - bend
    body = ((x - 0.18) ** 2 / 1.55 + y * y).sqrt() - 0.62
    tail = polygon(x, y, [(-0.45, 0.0), (-1.08, 0.60), (-0.92, 0.0), (-1.08, -0.60)]) - 0.06
    fin = polygon(x, y, [(-0.25, 0.45), (0.35, 0.50), (-0.12, 0.92)]) - 0.05
    return smooth_min(smooth_min(body, tail, 0.14), fin, 0.08)


def sd_balloon(x, y, phase):
    y = y - 0.12
    body = (x * x + (y * torch.where(y > 0, 0.97, 0.84)) ** 2).sqrt() - 0.84
    knot = polygon(x, y, [(0.0, -0.93), (-0.13, -1.15), (0.13, -1.15)]) - 0.02
    return torch.minimum(body, knot)


SHAPES = {'star': sd_star, 'ring': sd_ring, 'heart': sd_heart, 'diamond': sd_diamond, 'fish': sd_fish,
          'balloon': sd_balloon, 'ball': lambda x, y, phase: (x * x + y * y).sqrt() - 0.92}
BEVEL = {'star': 0.42, 'ring': 0.29, 'heart': 0.55, 'diamond': 0.40, 'fish': 0.55, 'balloon': 0.84, 'ball': 0.92}
LIGHT = F.normalize(torch.tensor([-0.50, 0.62, 0.60]), dim=0)


def lit(albedo, normal, spec=0.5):
    """Wrapped diffuse light, a cool bounce from below, a highlight and a thin dark edge."""
    nx, ny, nz = normal
    lx, ly, lz = LIGHT.tolist()
    diffuse = ((nx * lx + ny * ly + nz * lz) * 0.5 + 0.5).clamp(0, 1)
    light = (0.42 + 0.72 * diffuse ** 1.35 + 0.10 * (-ny).clamp_min(0))[:, :, None]
    hx, hy, hz = F.normalize(torch.tensor([lx, ly, lz + 1.0]), dim=0).tolist()
    shine = spec * (nx * hx + ny * hy + nz * hz).clamp(0, 1) ** 28
    edge = 1 - 0.42 * (1 - nz.clamp(0, 1)) ** 3
    return albedo * light * edge[:, :, None] + shine[:, :, None]


def inflated(kind, x, y, phase, pixel):
    """Coverage, normal and albedo factor of a flat shape inflated like a cushion; pixel = size of one pixel."""
    d = SHAPES[kind](x, y, phase)
    bevel = BEVEL[kind]
    u = (1 + d / bevel).clamp(0, 1)
    height = bevel * (1 - u * u + 1e-4).sqrt()
    gy, gx = torch.gradient(height, dim=(-2, -1))
    nx, ny = -gx / pixel, gy / pixel
    length = (nx * nx + ny * ny + 1).sqrt()
    return (0.5 - d / pixel).clamp(0, 1), [nx / length, ny / length, 1 / length]


def pattern(kind, x, y):
    """Soft decoration in the object's own coordinates, so that a turn is visible: factor on the albedo."""
    r, a = (x * x + y * y + 1e-6).sqrt(), torch.atan2(y, x)
    if kind == 'ball':
        return 1 + 0.16 * torch.tanh(5 * torch.sin(3 * a)) * (3 * r).clamp(0, 1)
    if kind == 'ring':
        return 1 + 0.17 * torch.tanh(4 * torch.sin(4 * a))
    if kind == 'star':
        return 1 + 0.13 * torch.cos(5 * (a - math.pi / 2)) * r.clamp(0, 1)
    if kind == 'heart':
        return 1 + 0.10 * (y - 0.1)
    if kind == 'diamond':
        facet = torch.tanh(6 * (y - 0.30)) + torch.tanh(8 * (x.abs() - 0.45 * (y + 0.95).clamp_min(0) / 1.25))
        return 1 + 0.12 * facet
    if kind == 'fish':
        return 1 + 0.13 * torch.tanh(3 * torch.sin(7 * x)) * (x < 0.45)
    return 1 + 0.07 * torch.cos(6 * torch.asin((x / 0.95).clamp(-0.99, 0.99)))


def cube(x, y, turn, tilt, pixel):
    """A box seen along a ray from slightly above: slab test; neighbouring faces blend over one pixel."""
    ct, st, cp, sp = turn.cos(), turn.sin(), math.cos(tilt), math.sin(tilt)
    # camera axes in the cube's frame: right, up, towards the viewer
    right = (ct, torch.zeros_like(ct), -st)
    back = (cp * st, torch.full_like(ct, sp), cp * ct)
    up = (-sp * st, torch.full_like(ct, cp), -sp * ct)
    half, near, far, nears = 0.72, None, None, []
    for r, u, b in zip(right, up, back):
        o = x * r + y * u
        b = torch.where(b.abs() < 1e-3, torch.full_like(b, 1e-3), b)
        t0, t1 = (-half - o) / b, (half - o) / b
        hi, lo = torch.maximum(t0, t1), torch.minimum(t0, t1)
        nears.append(hi)
        far = lo if far is None else torch.maximum(far, lo)
        near = hi if near is None else torch.minimum(near, hi)
    cover = ((near - far) / (2.2 * pixel)).clamp(0, 1)
    weight = torch.softmax(-torch.stack(nears) / (0.8 * pixel), 0)
    n = [0, 0, 0]
    for axis, w in enumerate(weight):
        s = torch.sign(back[axis])
        for i, v in enumerate((right, up, back)):
            n[i] = n[i] + w * s * v[axis]
    length = (n[0] ** 2 + n[1] ** 2 + n[2] ** 2).sqrt() + 1e-6
    gap = torch.stack(nears).sort(0).values
    rim = 1 + 0.16 * torch.exp(-(gap[1] - gap[0]) / 0.05)
    return cover, [v / length for v in n], rim


# ------------------------------------------------------------------------------------------- motion

def draw_paths(motions, n, gen, device, aspect):
    """Centre (x in -aspect..aspect, y up in -1..1, both in half heights), radius and turn of every frame."""
    u = lambda lo, hi: lo + (hi - lo) * torch.rand(n, 1, generator=gen, device=device)
    s = torch.linspace(0, 1, FRAMES, device=device)[None]
    move = s + 0.03 * torch.sin(2 * math.pi * s)
    is_ = lambda name: torch.tensor([m == name for m in motions], device=device)[:, None]
    left, right, rises, falls, spins, grows = (is_(m) for m in MOTIONS)
    radius = u(0.29, 0.36).expand(-1, FRAMES)
    radius = torch.where(grows, radius * (0.50 + 0.98 * move), radius)
    across, along = (left | right), (rises | falls)
    reach = torch.where(across, u(0.52, 0.64) * aspect / 1.75, torch.where(along, u(0.64, 0.76), 0 * u(0, 1)))
    sign = torch.where(left | falls, -1.0, 1.0)
    x0 = torch.where(across, u(-0.35, 0.35), u(-0.75, 0.75))
    y0 = torch.where(along, u(-0.16, 0.16), torch.where(spins | grows, u(-0.12, 0.18), u(-0.16, 0.26)))
    bob = 0.018 * torch.sin(2 * math.pi * (s + u(0, 1)))
    x = x0 + torch.where(across, sign * reach * (2 * move - 1), 0.6 * bob)
    y = y0 + torch.where(along, sign * reach * (move - 0.5), bob)
    sway = 0.10 * torch.sin(2 * math.pi * (s * u(0.6, 0.9) + u(0, 1)))
    roll = torch.where(across, -sign * reach * (2 * move - 1) * 1.3, 0 * s)
    turn = torch.where(spins, -math.radians(200) * s, sway)
    phase = 2 * math.pi * (2.0 * s + u(0, 1))
    return dict(x=x, y=y, radius=radius, turn=turn, roll=torch.where(spins, turn, roll), phase=phase,
                flip=torch.where(left, -1.0, 1.0).expand(-1, FRAMES), spins=spins)


def draw_object(kind, colour, path, width, height):
    """-> coverage (n,f,h,w) and colour (n,f,3,h,w) of one kind of object, 0..1."""
    device = colour.device
    at = lambda name: path[name][:, :, None, None]
    ys = 1 - 2 * (torch.arange(height, device=device) + 0.5) / height
    xs = (2 * (torch.arange(width, device=device) + 0.5) - width) / height
    x = (xs[None, None, None, :] - at('x')) / at('radius')
    y = (ys[None, None, :, None] - at('y')) / at('radius')
    pixel = 2 / height / at('radius')
    base = colour[:, None, :, None, None]
    if kind == 'cube':
        turn = torch.where(path['spins'], 0.55 - path['turn'], 0.55 + 0.8 * path['turn'])[:, :, None, None]
        cover, normal, rim = cube(x, y, turn, 0.50, pixel)
        return cover, lit(base * rim[:, :, None], normal, spec=0.0)
    turn = path['roll' if kind == 'ball' else 'turn'][:, :, None, None]
    c, s = turn.cos(), turn.sin()
    u, v = (c * x + s * y) * at('flip'), c * y - s * x
    cover, normal = inflated(kind, u, v, at('phase'), pixel)
    # normals were taken along pixel axes already, so they need no turning back
    rgb = lit(base * pattern(kind, u, v)[:, :, None], normal, spec=0.55)
    if kind == 'fish':
        eye = ((u - 0.62) ** 2 + (v - 0.14) ** 2).sqrt()
        white, black = ((0.15 - eye) / pixel + 0.5).clamp(0, 1), ((0.085 - eye) / pixel + 0.5).clamp(0, 1)
        for mask, value in ((white, 0.93), (black, 0.08)):
            rgb = rgb + (value - rgb) * mask[:, :, None]
    if kind == 'balloon':
        below = (-1.03 - v).clamp_min(0)
        string = (u - 0.10 * torch.sin(at('phase') * 0.5 + 3 * below) * (2 * below).clamp(0, 1)).abs() / pixel
        thread = (1.1 - string).clamp(0, 1) * (v < -1.0) * (v > -1.72) * 0.75
        rgb = torch.where((cover > 0.001)[:, :, None], rgb, 0.25 + 0 * rgb)
        cover = torch.maximum(cover, thread)
    return cover, rgb


# --------------------------------------------------------------------------------------------- clips

@torch.no_grad()
def render(combos, width, height, gen, device):
    """combos: list of (colour, object, motion, background) -> video (n,3,17,height,width) in -1..1."""
    n, aspect = len(combos), width / height
    path = draw_paths([c[2] for c in combos], n, gen, device, aspect)
    colour = torch.tensor([COLOURS[c[0]] for c in combos], device=device) / 255
    video = scenery.paint([c[3] for c in combos], BACKGROUNDS, width, height, gen, device)
    video = video[:, None].expand(-1, FRAMES, -1, -1, -1).contiguous()
    video = scenery.shade(video, path, [c[3] for c in combos], BACKGROUNDS, colour)
    for kind in OBJECTS:
        index = [i for i, c in enumerate(combos) if c[1] == kind]
        if index:
            index = torch.tensor(index, device=device)
            part = {k: v[index] for k, v in path.items()}
            cover, rgb = draw_object(kind, colour[index], part, width, height)
            under = video[index]
            video[index] = under + (rgb.clamp(0, 1) - under) * cover[:, :, None]
    return (video.clamp(0, 1) * 2 - 1).transpose(1, 2)
