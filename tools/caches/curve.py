"""Quality of step caches over the share of passes that they compute, on the demo model's 24 scored prompts.

    curve.py FOLDER --program t3video [--device cpu] [--prompts 24] [--caches easy,tea,tea-ret,mag] [--options ...]

Makes the films of the prompts without a cache and with each cache at three thresholds, measures them against the
uncached ones and scores what they show (tools/demo_model/measure.py), prints a table in Markdown and writes curve.json
and curve.svg into FOLDER. Goes on where it was: sets whose scores are there stay. tea, tea-ret and mag take the model's
t3-cache.json, or --table FILE, as t3video calibrate writes it. Needs numpy, and matplotlib for the plot.
"""
import argparse
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

DEMO = Path(__file__).resolve().parent.parent / 'demo_model'
sys.path.insert(0, str(DEMO))
import clips  # noqa: E402

# From careful to bold.
THRESHOLDS = {'easy': (0.025, 0.05, 0.1), 'tea': (0.05, 0.1, 0.2), 'tea-ret': (0.05, 0.1, 0.2),
              'mag': (0.06, 0.12, 0.24)}
FIRST = 5               # of easy: the demo model's films have 24 steps, not 50
COLUMNS = ('psnr', 'ssim', 'follow', 'objects', 'flicker')


def spelled(cache, threshold):
    return f'easy:{threshold},{FIRST}' if cache == 'easy' else f'{cache}:{threshold}'


def sets_of(caches):
    """(name of a folder, value of --cache or nothing)"""
    yield 'plain', ''
    for cache in caches:
        for threshold in THRESHOLDS[cache]:
            yield f'{cache}-{threshold}', spelled(cache, threshold)


def run(program, *words):
    env = dict(os.environ, OMP_WAIT_POLICY='passive')
    subprocess.run([str(program), *map(str, words)], check=True, env=env)


def computed_share(folder):
    """Of all passes that run, from the latents that the films' jobs keep; 1 where no cache skipped any."""
    shares = []
    for file in sorted(folder.glob('*.job/latents.safetensors')):
        data = file.read_bytes()
        length, = struct.unpack('<Q', data[:8])
        found = json.loads(data[8:8 + length]).get('further.cache.computed')
        if found is None:
            shares.append(1.0)
            continue
        begin, end = found['data_offsets']
        flags = np.frombuffer(data[8 + length + begin:8 + length + end], np.float32)
        shares.append(float(flags.mean()))
    if not shares:
        raise SystemExit(f'{folder}: no jobs; how many passes were computed is not known')
    return float(np.mean(shares))


def means(file):
    """Of each metric and scorer over a set's films."""
    found = {}
    for film in json.loads(file.read_text())['sets'][-1]['films']:
        for name, value in {**film['values'], **film['scores']}.items():
            if value['value'] is not None:
                found.setdefault(name, []).append(value['value'])
    return {name: float(np.mean(values)) for name, values in found.items()}


def measure(args, name, reference):
    scores = args.folder / 'scores' / name
    if not (scores / 'evaluation.json').exists():
        scorers = [word for scorer, option in (('follow', '--one'), ('objects', '--objects'))
                   for word in ('--scorer', f'{scorer}={sys.executable} {DEMO / "measure.py"} {option}')]
        against = ['--reference', f'reference={reference}'] if reference else []
        run(args.program, 'evaluate', f'{name}={args.folder / name}', *against, '--prompts', args.folder / 'list.json',
            *scorers, '--output', scores, '--quiet')
    return means(scores / 'evaluation.json')


def plot(rows, path):
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    shown = [c for c in ('psnr', 'ssim', 'follow') if any(c in r for r in rows)]
    figure, axes = plt.subplots(1, len(shown), figsize=(4.2 * len(shown), 3.4), squeeze=False)
    for axis, column in zip(axes[0], shown):
        for cache in dict.fromkeys(r['cache'] for r in rows if r['cache']):
            points = sorted((r['computed'], r[column]) for r in rows if r['cache'] == cache and column in r)
            axis.plot(*zip(*points), 'o-', label=cache)
        plain = [r[column] for r in rows if not r['cache'] and column in r]
        if plain:
            axis.axhline(plain[0], color='0.6', linewidth=1, linestyle='--')
        axis.set_xlabel('share of passes computed')
        axis.set_title(column)
        axis.grid(alpha=0.3)
    axes[0][0].legend()
    figure.tight_layout()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--program', type=Path, required=True)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--prompts', type=int, default=24)
    parser.add_argument('--caches', default=','.join(THRESHOLDS))
    parser.add_argument('--table', type=Path)
    parser.add_argument('--options', nargs=argparse.REMAINDER, default=[], help='of t3video batch, for every film')
    args = parser.parse_args()
    args.folder = args.folder.resolve()
    args.folder.mkdir(parents=True, exist_ok=True)
    prompts = clips.directed(args.prompts)
    (args.folder / 'list.json').write_text(json.dumps([{'prompt_en': p} for p in prompts]))

    rows = []
    for name, cache in sets_of(args.caches.split(',')):
        options = ['--cache', cache] if cache else []
        if args.table and cache and not cache.startswith('easy'):
            options += ['--cache-table', args.table.resolve()]
        run(args.program, 'batch', args.folder / 'list.json', '--output', args.folder / name, '--extension', '.y4m',
            '--seed', '0', '--device', args.device, *options, *args.options, '--quiet')
        scores = measure(args, name, args.folder / 'plain' if cache else None)
        rows.append({'name': name, 'cache': cache.partition(':')[0], 'spelled': cache,
                     'computed': computed_share(args.folder / name), **scores})

    columns = [c for c in COLUMNS if any(c in r for r in rows)]
    print('| cache | computed |', ' | '.join(columns), '|')
    print('|' + '---|' * (len(columns) + 2))
    for r in rows:
        print(f"| {r['spelled'] or 'none'} | {r['computed']:.1%} |",
              ' | '.join(f'{r[c]:.3f}' if c in r else '' for c in columns), '|')
    (args.folder / 'curve.json').write_text(json.dumps(rows, indent=1))
    try:
        plot(rows, args.folder / 'curve.svg')
    except ImportError:
        print('no plot: matplotlib is not installed', file=sys.stderr)


if __name__ == '__main__':
    main()
