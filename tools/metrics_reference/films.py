"""Films as folders of PNG frames: 00000.png, 00001.png and so on."""
from pathlib import Path

import numpy as np
from PIL import Image

LUMA = np.array([0.2126, 0.7152, 0.0722])  # BT.709


def film_folders(folder):
    """The films of a folder, in the order of their names."""
    films = sorted(f for f in Path(folder).iterdir() if (f / '00000.png').is_file())
    if not films:
        raise SystemExit(f'{folder}: expected folders of frames 00000.png, 00001.png ... in it')
    return films


def read_film(folder):
    """[frames, height, width, 3], 8-bit R'G'B'."""
    return np.stack([np.asarray(Image.open(f).convert('RGB')) for f in sorted(Path(folder).glob('*.png'))])


def write_film(folder, film):
    """A folder that is there already is kept; one that is there is whole."""
    folder = Path(folder)
    if folder.exists():
        return
    part = folder.with_name(folder.name + '.part')
    part.mkdir(parents=True, exist_ok=True)
    for i, frame in enumerate(film):
        Image.fromarray(frame).save(part / f'{i:05}.png', compress_level=1)
    part.rename(folder)


def to_bytes(film):
    return np.clip(np.rint(film), 0, 255).astype(np.uint8)


def luma(film):
    """Y' in levels, 0 to 255."""
    return film.astype(np.float64) @ LUMA
