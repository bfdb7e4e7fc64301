"""Measures colour and direction of the object in films, without looking at the prompt, and scores them.

    measure.py FOLDER [--prompts prompts.json]     films in the order of their names, prompts in list order
    measure.py manifest.json                       [{"file": "a.mp4", "prompt": "A red ball ..."}, ...]
    measure.py --one FILM PROMPT                   prints what share of colour and direction is right: 0, 0.5 or 1
    measure.py --objects FILM [PROMPT]             prints how many objects a frame shows, on the mean

Needs numpy, and but for .y4m files the programs ffmpeg and ffprobe.

Backgrounds are muted, so object pixels are those of high chroma, or, if there are too few, bright and neutral
ones (white objects). Colour: hue and lightness of their median in CIE Lab. Direction: straight-line fit of
their centre over time. A film passes if both agree with its prompt.
"""
import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

# hue angle (degrees) and lightness of drawn objects
REFERENCE = {'red': (35, 46), 'orange': (62, 66), 'yellow': (92, 80), 'green': (147, 55), 'blue': (290, 45),
             'purple': (312, 38), 'pink': (350, 66)}
DIRECTIONS = {'drifts left': 'left', 'drifts right': 'right', 'rises': 'up', 'falls': 'down'}
VIVID, NEUTRAL, BRIGHT = 46, 9, 88      # chroma of an object, chroma and lightness of a white one
LEAST_AREA, LEAST_MOTION = 0.004, 0.10  # share of the frame; share of the frame height


def read_y4m(path):
    """Of t3video's own: 8 bits, 4:2:0, BT.709 of limited range."""
    data = Path(path).read_bytes()
    header, _, rest = data.partition(b'\n')
    w, h = (int(next(f[1:] for f in header.split() if f[:1] == name)) for name in (b'W', b'H'))
    cw, ch = (w + 1) // 2, (h + 1) // 2
    size = len(b'FRAME\n') + w * h + 2 * cw * ch
    frames = np.frombuffer(rest, np.uint8).reshape(-1, size)[:, len(b'FRAME\n'):].astype(np.float32)
    y = (frames[:, :w * h].reshape(-1, h, w) - 16) / 219
    u, v = ((plane.reshape(-1, ch, cw) - 128).repeat(2, 1).repeat(2, 2)[:, :h, :w] / 224
            for plane in (frames[:, w * h:w * h + cw * ch], frames[:, w * h + cw * ch:]))
    return np.clip(np.stack([y + 1.5748 * v, y - 0.1873 * u - 0.4681 * v, y + 1.8556 * u], -1), 0, 1)


def read(path):
    """Frames of a film, (n,h,w,3) in 0..1."""
    if path.endswith('.y4m'):
        return read_y4m(path)
    probe = subprocess.run(['ffprobe', '-v', 'error', '-select_streams', 'v', '-show_entries', 'stream=width,height',
                            '-of', 'csv=p=0', path], capture_output=True, text=True, check=True)
    w, h = map(int, probe.stdout.strip().rstrip(',').split(','))
    raw = subprocess.run(['ffmpeg', '-v', 'error', '-i', path, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'],
                         capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, h, w, 3).astype(np.float32) / 255


def lab(rgb):
    """sRGB in 0..1 -> CIE Lab, D65."""
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = linear @ np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]).T
    f = xyz / np.array([0.9505, 1.0, 1.089])
    f = np.where(f > 0.008856, np.cbrt(f), 7.787 * f + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def solid(mask):
    """Keep pixels whose 5x5 neighbourhood is mostly set: drops stars, glints and edges."""
    p = np.pad(mask.astype(np.int32), ((0, 0), (3, 2), (3, 2))).cumsum(1).cumsum(2)
    box = p[:, 5:, 5:] - p[:, :-5, 5:] - p[:, 5:, :-5] + p[:, :-5, :-5]
    return mask & (box >= 15)


def object_mask(pixels):
    """Where the object is in frames of CIE Lab, and its colour if it is white."""
    chroma = np.hypot(pixels[..., 1], pixels[..., 2])
    mask = solid(chroma > VIVID)
    if mask.mean() >= LEAST_AREA:
        return mask, None
    return solid((chroma < NEUTRAL) & (pixels[..., 0] > BRIGHT)), 'white'


def pieces(mask):
    """Areas of the connected parts of a mask (h,w), in cells of 8x8 pixels of which half are set."""
    h, w = (n // 8 * 8 for n in mask.shape)
    cells = mask[:h, :w].reshape(h // 8, 8, w // 8, 8).mean((1, 3)) >= 0.5
    left, areas = {(int(y), int(x)) for y, x in zip(*np.nonzero(cells))}, []
    while left:
        open_cells, area = [left.pop()], 0
        while open_cells:
            y, x = open_cells.pop()
            area += 1
            near = {(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)} & left
            left -= near
            open_cells += near
        areas.append(area)
    return areas


def objects(frames):
    """How many objects a frame shows, on the mean: parts of a quarter of the largest one's area or more."""
    counts = []
    for mask in object_mask(lab(frames))[0]:
        areas = pieces(mask)
        counts.append(sum(a >= max(areas) / 4 for a in areas) if areas else 0)
    return float(np.mean(counts))


def measure(frames):
    """-> dict(colour, direction, dx, dy); motion in frame heights, y upwards."""
    pixels = lab(frames)
    mask, colour = object_mask(pixels)
    if mask.mean() < LEAST_AREA / 4:
        return dict(colour='none', direction='none', dx=0.0, dy=0.0)
    if colour is None:
        L, a, b = np.median(pixels[mask], 0)
        hue = np.degrees(np.arctan2(b, a)) % 360
        far = {n: (((hue - h + 180) % 360 - 180) / 12) ** 2 + ((L - l) / 25) ** 2 for n, (h, l) in REFERENCE.items()}
        colour = min(far, key=far.get)
    h, w = mask.shape[1:]
    where = []
    for t, m in enumerate(mask):
        y, x = np.nonzero(m)
        if len(x) > 0.2 * mask.sum() / len(mask):
            where.append((t, x.mean() / h, -y.mean() / h))
    t, x, y = np.array(where).T
    if len(t) < 3:
        return dict(colour=colour, direction='none', dx=0.0, dy=0.0)
    dx, dy = (np.polyfit(t, v, 1)[0] * (len(frames) - 1) for v in (x, y))
    if max(abs(dx), abs(dy)) < LEAST_MOTION:
        direction = 'still'
    elif abs(dx) > abs(dy):
        direction = 'right' if dx > 0 else 'left'
    else:
        direction = 'up' if dy > 0 else 'down'
    return dict(colour=colour, direction=direction, dx=float(dx), dy=float(dy))


def expected(prompt):
    colour = re.search('|'.join([*REFERENCE, 'white']), prompt.split(' over ')[0])
    motion = next((d for m, d in DIRECTIONS.items() if m in prompt), 'still')
    return colour[0] if colour else None, motion


def share_right(film, prompt):
    found, wanted = measure(read(film)), expected(prompt)
    return ((found['colour'] == wanted[0]) + (found['direction'] == wanted[1])) / 2


def table(results):
    """The results in Markdown; shifts in pixels, to the right and upwards."""
    mark = lambda name, ok: f"{name} {'✓' if ok else '✗'}"
    rows = ['| film | prompt | colour | direction | shift right, up |', '|---|---|---|---|---|']
    for r in results:
        right, up = (f'{round(r[k] * r["height"]):+d}'.replace('-', '−') for k in ('dx', 'dy'))
        rows.append(f"| {Path(r['file']).stem} | {r['prompt']} | {mark(r['colour'], r['colour_ok'])} "
                    f"| {mark(r['direction'], r['direction_ok'])} | {right}, {up} |")
    return '\n'.join(rows) + '\n'


def main():
    if sys.argv[1:2] == ['--one']:  # these two as scorers of t3video evaluate are called
        print(share_right(*sys.argv[2:4]))
        return 0
    if sys.argv[1:2] == ['--objects']:
        print(objects(read(sys.argv[2])))
        return 0
    parser = argparse.ArgumentParser()
    parser.add_argument('films', help='folder of films, or a manifest')
    parser.add_argument('--prompts', help='JSON list of prompts, for a folder')
    parser.add_argument('--json', help='also write the results here')
    parser.add_argument('--markdown', help='also write them here as a table, the shift in pixels')
    args = parser.parse_args()
    source = Path(args.films)
    if source.is_dir():
        files = sorted(p for p in source.iterdir() if p.suffix in ('.mp4', '.mkv', '.avi', '.y4m'))
        prompts = [p.stem.replace('_', ' ') for p in files]
        if args.prompts:
            prompts = json.loads(Path(args.prompts).read_text())
        items = list(zip(files, prompts))
    else:
        items = [(source.parent / e['file'], e['prompt']) for e in json.loads(source.read_text())]
    results, colours, directions, moving = [], 0, 0, 0
    for path, prompt in items:
        frames = read(str(path))
        m = measure(frames)
        colour, direction = expected(prompt)
        ok = m['colour'] == colour, m['direction'] == direction
        colours += ok[0]
        directions += ok[1] and direction != 'still'
        moving += direction != 'still'
        results.append(dict(file=str(path), prompt=prompt, height=frames.shape[1], colour_ok=ok[0],
                            direction_ok=ok[1], **m))
        print(f"{'ok ' if all(ok) else 'BAD'} {m['colour']:7} {m['direction']:6} dx {m['dx']:+.2f} dy {m['dy']:+.2f}  "
              f'{prompt}')
    print(f'colour {colours}/{len(items)}, direction {directions}/{moving} of the films that have one')
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=1) + '\n')
    if args.markdown:
        Path(args.markdown).write_text(table(results))
    return 0


if __name__ == '__main__':
    sys.exit(main())
