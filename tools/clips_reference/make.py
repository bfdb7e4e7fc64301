"""Draws the scenes of tests/media/clips_test.cpp with the PyTorch code of tools/demo_model, for its pictures in tests/data.

    python3 tools/clips_reference/make.py [PICTURE] [--size 56x32]     (needs PyTorch, numpy and Pillow)

Random numbers are those of src/media/clips/draws.h, drawn one after the other. A row of the picture is a scene, with the
first, the middle and the last of 17 frames; scene i has the seed i.
"""
import argparse
import math
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools/demo_model'))

import clips  # noqa: E402
import drawing  # noqa: E402

# Every colour, object, motion and background once or more: colour i, object i, motion and background by these places.
MOTIONS, BACKGROUNDS = (1, 4, 2, 0, 5, 3, 0, 2), (0, 1, 2, 3, 4, 5, 4, 0)
SCENES = [(list(clips.COLOURS)[i], clips.OBJECTS[i], clips.MOTIONS[m], clips.BACKGROUNDS[b])
          for i, (m, b) in enumerate(zip(MOTIONS, BACKGROUNDS))]
FRAMES = (0, 8, 16)
WORD = (1 << 64) - 1


def mix_bits(x):
    """The finaliser of SplitMix64."""
    x = (x + 0x9E3779B97F4A7C15) & WORD
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & WORD
    return x ^ (x >> 31)


class Draws:
    """Takes the place of torch's generator."""

    def __init__(self, seed):
        self.seed, self.drawn = seed, 0

    def bits(self):
        self.drawn += 1
        return mix_bits(mix_bits(self.seed) ^ (self.drawn - 1))

    def uniform(self):
        return (self.bits() >> 40) * 2.0 ** -24

    def normal(self):
        bits = self.bits()
        u, v = np.float32(((bits >> 40) + 1) * 2.0 ** -24), np.float32((bits >> 8 & 0xFFFFFF) * 2.0 ** -24)
        return np.sqrt(np.float32(-2) * np.log(u)) * np.cos(np.float32(6.2831853) * v)

    def fill(self, draw, shape):
        values = [float(draw()) for _ in range(math.prod(shape))]
        return torch.tensor(values, dtype=torch.float32).reshape(shape)


torch.rand = lambda *shape, generator, device: generator.fill(generator.uniform, shape)
torch.randn = lambda *shape, generator, device: generator.fill(generator.normal, shape)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('picture', type=Path, nargs='?', default=ROOT / 'tests/data/clips/scenes.png')
    parser.add_argument('--size', default='56x32')
    args = parser.parse_args()
    width, height = map(int, args.size.split('x'))
    rows = []
    for seed, scene in enumerate(SCENES):
        video = drawing.render([scene], width, height, Draws(seed), 'cpu')[0]
        values = ((video + 1) * 127.5).round().byte().permute(1, 2, 3, 0).numpy()
        rows.append(np.concatenate([values[f] for f in FRAMES], 1))
    args.picture.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows)).save(args.picture, optimize=True)


if __name__ == '__main__':
    main()
