"""Makes degraded versions of films, each fault in growing strengths.

    degrade.py FILMS OUTPUT [--layout t3-layout.json] [--faults blur,noise] [--count 12]

FILMS is a folder of films, each a folder of PNG frames; OUTPUT gets a folder of films for each fault and strength:
OUTPUT/blur-0.5/00000/00000.png. A film that is there already is kept.
"""
import argparse
import json
import zlib
from pathlib import Path

import cv2
import numpy as np

from films import film_folders, luma, read_film, to_bytes, write_film

CELL = 16      # pixels of a token's side
PATTERN = 1    # the layout's pattern that seams and lattices are planted for, counted from 0


def blur(film, sigma, _):
    return np.stack([cv2.GaussianBlur(f, (0, 0), sigma) for f in film.astype(np.float64)])


def noise(film, sigma, random):
    return film + random.normal(0, sigma, film.shape)


def banding(film, levels, _):
    """Luma in whole multiples of `levels`; differences between channels stay."""
    y = luma(film)
    return film + (np.rint(y / levels) * levels - y)[..., None]


def dropped(film, frames, _):
    """Leaves out frames that follow one another, in the middle."""
    first = (len(film) - frames) // 2
    return np.delete(film, range(first, first + frames), axis=0)


def repeated(film, frames, _):
    """Puts the frame before it in the place of single frames, evenly spread."""
    places = [(2 * i + 1) * len(film) // (2 * frames) for i in range(frames)]
    out = film.copy()
    out[places] = film[np.array(places) - 1]
    return out


def pumping(film, levels, _):
    """Every other frame is brighter, by as many levels."""
    return film + levels * (np.arange(len(film)) % 2)[:, None, None, None]


def tint(film, levels, _):
    """Red rises and blue falls steadily, by as many levels at the last frame."""
    growth = np.linspace(0, levels, len(film))[:, None, None, None]
    return film + growth * np.array([1, 0, -1])


def halved(film, _, __):
    h, w = film.shape[1:3]
    small = [cv2.resize(f, (w // 2, h // 2), interpolation=cv2.INTER_AREA) for f in film.astype(np.float32)]
    return np.stack([cv2.resize(f, (w, h), interpolation=cv2.INTER_CUBIC) for f in small])


def frozen(film, share, _):
    """Stands still from some place on: over `share` of its pairs of frames."""
    moving = len(film) - int(share * (len(film) - 1))
    out = film.copy()
    out[moving:] = film[moving - 1]
    return out


def token_of(side, tokens):
    """The token that each pixel along an axis belongs to: the film is the middle of the grid."""
    return (np.arange(side) + (tokens * CELL - side) // 2) // CELL


class Planted:
    """Faults that follow the windows of a layout's pattern."""

    def __init__(self, layout):
        self.grid, self.counts = layout['grid'], layout['window_counts'][PATTERN]

    def tokens(self, film, axis):
        return token_of(film.shape[axis], self.grid[axis])

    def window_of(self, film, axis):
        """The close window that each pixel along an axis belongs to; window i begins at token floor(i X / n)."""
        x, n = self.grid[axis], self.counts[axis]
        begins = [i * x // n for i in range(n)]
        return np.searchsorted(begins, self.tokens(film, axis), side='right') - 1

    def lattice(self, film, levels, _):
        """Columns of tokens are brighter or darker by as many levels, depending on the column's number mod n."""
        sign = np.where(self.tokens(film, 2) % self.counts[2] % 2 == 0, 1, -1)
        return film + levels * sign[:, None]

    def texture(self, film, levels, random):
        """Noise of as many levels in the columns of tokens of one class, number mod n = 0."""
        chosen = self.tokens(film, 2) % self.counts[2] == 0
        return film + random.normal(0, levels, film.shape) * chosen[:, None]

    def seams(self, film, levels, _):
        """A line of one pixel, darker by as many levels, behind each border of close windows."""
        dark = np.zeros(film.shape[1:3], bool)
        dark[1:] |= np.diff(self.window_of(film, 1))[:, None] > 0
        dark[:, 1:] |= np.diff(self.window_of(film, 2)) > 0
        return film - levels * dark[..., None]

    def steps(self, film, levels, _):
        """Every other close window is brighter by as many levels, as on a chessboard."""
        odd = (self.window_of(film, 1)[:, None] + self.window_of(film, 2)) % 2
        return film + levels * odd[..., None]


def faults(layout):
    """Each fault with the strengths that it comes in, weakest first."""
    planted = Planted(layout)
    return {
        'blur': (blur, (0.5, 1, 2)),
        'noise': (noise, (1, 2, 4, 8)),
        'banding': (banding, (2, 4, 6, 8)),  # more is an edge, no band
        'dropped': (dropped, (1, 2, 4)),
        'repeated': (repeated, (1, 2, 4)),
        'pumping': (pumping, (1, 2, 4)),
        'tint': (tint, (2, 4, 8, 16)),
        'halved': (halved, (1,)),
        'frozen': (frozen, (0.5,)),
        'lattice': (planted.lattice, (0.5, 1, 2, 4)),
        'texture': (planted.texture, (0.5, 1, 2)),  # the value saturates there
        'seams': (planted.seams, (0.5, 1, 2, 4)),
        'steps': (planted.steps, (0.5, 1, 2, 4)),
    }


def set_name(fault, strength):
    return f'{fault}-{strength:g}'


def degrade(films, output, chosen):
    """`chosen`: some of faults(). Noise is the same each time: its seed is the film's and the set's name."""
    for folder in films:
        film = read_film(folder)
        for fault, (change, strengths) in chosen.items():
            for strength in strengths:
                name = set_name(fault, strength)
                target = Path(output) / name / folder.name
                if not target.exists():
                    random = np.random.default_rng(zlib.crc32(f'{name}/{folder.name}'.encode()))
                    write_film(target, to_bytes(change(film, strength, random)))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('films')
    p.add_argument('output')
    p.add_argument('--layout', default=Path(__file__).resolve().parents[2] / 'models/demo/t3-layout.json')
    p.add_argument('--faults', help='some of them, with commas between; all unless given')
    p.add_argument('--count', type=int, help='films, the first of them; all unless given')
    a = p.parse_args()
    every = faults(json.loads(Path(a.layout).read_text()))
    chosen = {name: every[name] for name in a.faults.split(',')} if a.faults else every
    degrade(film_folders(a.films)[:a.count], a.output, chosen)


if __name__ == '__main__':
    main()
