"""Puts frames of several films with their prompts into one picture, for a page that shows many films.

    sheets.py FOLDER PICTURE.jpg     a folder of films with prompts.json, as make_films.sh leaves it

Needs numpy and Pillow, and the programs ffmpeg and ffprobe.
"""
import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from measure import read

GAP, MARGIN = 4, 16     # pixels between the frames of a film, and between films
PAPER, INK = (255, 255, 255), (36, 36, 36)


def strip(path, title, count, width, font):
    """One film: a title above `count` frames, evenly spaced from the first to the last."""
    frames = read(str(path))
    picks = np.linspace(0, len(frames) - 1, count).round().astype(int)
    height = round(width * frames.shape[1] / frames.shape[2])
    top = round(font.size * 1.5)
    cell = Image.new('RGB', (count * (width + GAP) - GAP, top + height), PAPER)
    ImageDraw.Draw(cell).text((1, round(font.size * 0.1)), title, fill=INK, font=font)
    for i, frame in enumerate(frames[picks]):
        picture = Image.fromarray((frame * 255).round().astype(np.uint8)).resize((width, height), Image.LANCZOS)
        cell.paste(picture, (i * (width + GAP), top))
    return cell


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('folder', type=Path, help='folder of films and prompts.json')
    parser.add_argument('picture', type=Path, help='.jpg or .png to write')
    parser.add_argument('--frames', type=int, default=4, help='frames of each film')
    parser.add_argument('--columns', type=int, default=2, help='films side by side')
    parser.add_argument('--width', type=int, default=176, help='pixels of one frame')
    parser.add_argument('--text', type=int, default=17, help='height of the letters in pixels')
    parser.add_argument('--numbers', action='store_true', help='write the number of the film before its prompt')
    parser.add_argument('--quality', type=int, default=86, help='of a JPEG')
    args = parser.parse_args()
    font = ImageFont.load_default(args.text)
    cells = []
    for i, prompt in enumerate(json.loads((args.folder / 'prompts.json').read_text())):
        title = f'{i:02d}  {prompt}' if args.numbers else prompt
        cells.append(strip(args.folder / f'{i:02d}.mp4', title, args.frames, args.width, font))
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
