"""The window layouts of the study, as t3-layout.json files."""
import json
from pathlib import Path

DEMO_LAYOUT = Path(__file__).resolve().parents[2] / 'models/demo/t3-layout.json'
CELL = 16
CAPPED = 5  # latent frames of a window at most: those of the films that were trained on

# Shifted windows in Swin's manner: contiguous ones of 5x8x7 = 280 tokens in every layer, every second layer moved by
# half a window. Moved windows without wrapping are cut at the edges, so that a token meets 256 on the mean of both; in
# T3's windows it meets 254 (both branches, patterns that coincide counted once).
SWIN = {'grid': [5, 16, 28], 'window_counts': [[1, 2, 4], [1, 2, 4]], 'shift': [[0, 0, 0], [0, 4, 3]],
        'branches': 'close'}


def grid_of(place):
    width, height, frames = (int(n) for n in place.split('x'))
    return [(frames - 1) // 4 + 1, height // CELL, width // CELL]


def clamped(counts, grid):
    return [min(n, x) for n, x in zip(counts, grid)]


def extents_kept(reference, grid):
    """As many windows along each axis as leave them as large as the reference's; an axis that is one window stays one,
    and one of single tokens stays so."""
    counts = []
    for pattern in reference['window_counts']:
        new = []
        for n, old, now in zip(pattern, reference['grid'], grid):
            new.append(1 if n == 1 else now if n == old else max(1, round(now * n / old)))
        counts.append(clamped(new, grid))
    return {'grid': grid, 'window_counts': counts}


def counts_kept(reference, grid):
    """The same numbers of windows, which grow with the film."""
    return {'grid': grid, 'window_counts': [clamped(p, grid) for p in reference['window_counts']]}


def capped(reference, grid):
    """Extents kept, and no window longer than CAPPED latent frames."""
    layout = extents_kept(reference, grid)
    layout['window_counts'] = [[max(n, -(-grid[0] // CAPPED)), *rest] for n, *rest in layout['window_counts']]
    return layout


def transposed(reference):
    t, h, w = reference['grid']
    return {'grid': [t, w, h], 'window_counts': [[a, c, b] for a, b, c in reference['window_counts']]}


def write_all(folder, places):
    folder.mkdir(exist_ok=True)
    reference = json.loads(DEMO_LAYOUT.read_text())

    def write(name, layout):
        (folder / f'{name}.json').write_text(json.dumps(layout) + '\n')

    write('t3', reference)
    write('close', {**reference, 'branches': 'close'})
    write('remote', {**reference, 'branches': 'remote'})
    write('swin', SWIN)
    for place, rules in places.items():
        grid = grid_of(place)
        portrait = grid[1] > grid[2]
        rule_of = {'extents': extents_kept, 'counts': counts_kept, 'capped': capped}
        for rule in rules:
            if rule != 'full':
                write(f'{place}-{rule}', rule_of[rule](transposed(reference) if portrait else reference, grid))
