"""Puts frames of several films with their prompts into one picture, for a page that shows many films.

    sheets.py FOLDER PICTURE.jpg              a folder of films with prompts.json, as make_films.sh leaves it
    sheets.py PICTURES.json PICTURE.jpg       [{"file": "a.mp4", "prompt": "A red ball ..."}, ...], files beside it
"""
import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from measure import read

GAP, MARGIN = 4, 16     # pixels between the frames of a film, and between films
PAPER, INK = (255, 255, 255), (36, 36, 36)


def films(source):
    """-> [(file, prompt), ...]"""
    if source.is_dir():
        prompts = json.loads((source / 'prompts.json').read_text())
        return [(source / f'{i:02d}.mp4', p) for i, p in enumerate(prompts)]
    return [(source.parent / e['file'], e['prompt']) for e in json.loads(source.read_text())]


def strip(path, prompt, count, width, font):
    """One film: its prompt above `count` frames, evenly spaced from the first to the last."""
    frames = read(str(path))
    picks = np.linspace(0, len(frames) - 1, count).round().astype(int)
    height = round(width * frames.shape[1] / frames.shape[2])
    top = round(font.size * 1.5)
    cell = Image.new('RGB', (count * (width + GAP) - GAP, top + height), PAPER)
    ImageDraw.Draw(cell).text((1, round(font.size * 0.1)), prompt, fill=INK, font=font)
    for i, frame in enumerate(frames[picks]):
        picture = Image.fromarray((frame * 255).round().astype(np.uint8)).resize((width, height), Image.LANCZOS)
        cell.paste(picture, (i * (width + GAP), top))
    return cell


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('source', type=Path, help='folder of films, or a list of films and prompts')
    parser.add_argument('picture', type=Path, help='.jpg or .png to write')
    parser.add_argument('--frames', type=int, default=4, help='frames of each film')
    parser.add_argument('--columns', type=int, default=2, help='films side by side')
    parser.add_argument('--width', type=int, default=176, help='pixels of one frame')
    parser.add_argument('--text', type=int, default=17, help='height of the letters in pixels')
    parser.add_argument('--quality', type=int, default=86, help='of a JPEG')
    args = parser.parse_args()
    font = ImageFont.load_default(args.text)
    cells = [strip(path, prompt, args.frames, args.width, font) for path, prompt in films(args.source)]
    rows = -(-len(cells) // args.columns)
    w, h = cells[0].width + MARGIN, cells[0].height + MARGIN
    page = Image.new('RGB', (args.columns * w + MARGIN, rows * h + MARGIN), PAPER)
    for i, cell in enumerate(cells):
        page.paste(cell, (MARGIN + i % args.columns * w, MARGIN + i // args.columns * h))
    args.picture.parent.mkdir(parents=True, exist_ok=True)
    page.save(args.picture, quality=args.quality, optimize=True)
    print(f'{args.picture}: {page.width}x{page.height}, {args.picture.stat().st_size / 1000:.0f} kB')


if __name__ == '__main__':
    main()
