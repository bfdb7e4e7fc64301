"""Quality of step caches over the share of passes that they compute, on the demo model's 24 scored prompts.

    curve.py FOLDER --program t3video [--device cpu] [--prompts 24] [--caches easy,tea,tea-ret,mag] [--films DIR]
             [--options ...]
    curve.py FOLDER                                table and plot of FOLDER/curve.json, made elsewhere

Makes the films of the prompts without a cache and with each cache at three thresholds, measures them against the
uncached ones and scores what they show (tools/demo_model/measure.py), prints a table in Markdown and writes curve.json,
after each set of films, and curve.svg into FOLDER. Films and measurements lie in --films, or FOLDER, and what is there
stays. tea, tea-ret and mag take the model's t3-cache.json, or --table FILE, as t3video calibrate writes it. The films are
.y4m, so that a t3video without FFmpeg will do. Needs numpy, and matplotlib for the plot.
"""
import argparse
import json
import multiprocessing
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

DEMO = Path(__file__).resolve().parent.parent / 'demo_model'
sys.path.insert(0, str(DEMO))
import clips  # noqa: E402
import measure  # noqa: E402

# From careful to bold.
THRESHOLDS = {'easy': (0.025, 0.05, 0.1), 'tea': (0.05, 0.1, 0.2), 'tea-ret': (0.05, 0.1, 0.2),
              'mag': (0.06, 0.12, 0.24)}
FIRST = 5               # of easy: the demo model's films have 24 steps, not 50
COLUMNS = ('psnr', 'ssim', 'follow', 'objects', 'flicker', 'seconds')


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


def make(args, name, options):
    """The films of a set; seconds a film, the program's start included, or nothing where some were there before."""
    folder, kept = args.films / name, args.films / 'seconds.json'
    whole = not folder.exists()
    begin = time.monotonic()
    run(args.program, 'batch', args.films / 'list.json', '--output', folder, '--extension', '.y4m', '--seed', '0',
        '--device', args.device, *options, *args.options, '--quiet')
    times = json.loads(kept.read_text()) if kept.exists() else {}
    if whole:
        times[name] = (time.monotonic() - begin) / args.prompts
        kept.write_text(json.dumps(times))
    return {'seconds': times[name]} if name in times else {}


def compare(args, name):
    """Means of metrics over a set's films, where they compare against the uncached ones."""
    scores = args.films / 'scores' / name
    if not (scores / 'evaluation.json').exists():
        metrics = ['--metrics', 'flicker']
        if name != 'plain':
            metrics += ['--metrics', 'psnr,ssim', '--reference', f'reference={args.films / "plain"}']
        run(args.program, 'evaluate', f'{name}={args.films / name}', *metrics, '--output', scores, '--quiet')
    found = {}
    for film in json.loads((scores / 'evaluation.json').read_text())['sets'][-1]['films']:
        for metric, value in film['values'].items():
            if value['value'] is not None:
                found.setdefault(metric, []).append(value['value'])
    return {metric: float(np.mean(values)) for metric, values in found.items()}


def score(film, prompt):
    return measure.share_right(film, prompt), measure.objects(measure.read(film))


def scores_of(folder, prompts):
    """What the films show, on the mean: share of colours and directions that are right, objects in a frame."""
    films = sorted(str(f) for f in folder.glob('*.y4m'))
    with multiprocessing.Pool() as pool:
        follow, objects = np.mean(pool.starmap(score, zip(films, prompts, strict=True)), axis=0)
    return {'follow': float(follow), 'objects': float(objects)}


def plot(rows, path):
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    plt.rcParams['svg.fonttype'] = 'none'
    titles = {'psnr': 'PSNR against the uncached film, dB', 'ssim': 'SSIM', 'follow': 'prompts followed'}
    shown = [c for c in titles if any(c in r for r in rows)]
    figure, axes = plt.subplots(1, len(shown), figsize=(4.2 * len(shown), 3.4), squeeze=False)
    for axis, column in zip(axes[0], shown):
        for cache in dict.fromkeys(r['cache'] for r in rows if r['cache']):
            points = sorted((r['computed'], r[column]) for r in rows if r['cache'] == cache and column in r)
            axis.plot(*zip(*points), 'o-', label=cache)
        plain = [r[column] for r in rows if not r['cache'] and column in r]
        if plain:
            axis.axhline(plain[0], color='0.6', linewidth=1, linestyle='--')
        axis.set_xlabel('share of passes computed')
        axis.set_title(titles[column], fontsize=11)
        axis.grid(alpha=0.3)
    axes[0][0].legend()
    figure.tight_layout()
    figure.savefig(path, facecolor='white')


def measure_sets(args, numbers):
    prompts = clips.directed(args.prompts)
    (args.films / 'list.json').write_text(json.dumps([{'prompt_en': p} for p in prompts]))
    rows = []
    for name, cache in sets_of(args.caches.split(',')):
        options = ['--cache', cache] if cache else []
        if args.table and cache and not cache.startswith('easy'):
            options += ['--cache-table', args.table.resolve()]
        seconds = make(args, name, options)
        rows.append({'name': name, 'cache': cache.partition(':')[0], 'spelled': cache,
                     'computed': computed_share(args.films / name), **compare(args, name),
                     **scores_of(args.films / name, prompts), **seconds})
        numbers.write_text(json.dumps(rows, indent=1) + '\n')


def print_table(rows):
    columns = [c for c in COLUMNS if any(c in r for r in rows)]
    print('| cache | computed |', ' | '.join(columns), '|')
    print('|' + '---|' * (len(columns) + 2))
    for r in rows:
        print(f"| {r['spelled'] or 'none'} | {r['computed']:.1%} |",
              ' | '.join(f'{r[c]:.3f}' if c in r else '' for c in columns), '|')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--program', type=Path)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--prompts', type=int, default=24)
    parser.add_argument('--caches', default=','.join(THRESHOLDS))
    parser.add_argument('--table', type=Path)
    parser.add_argument('--films', type=Path)
    parser.add_argument('--options', nargs=argparse.REMAINDER, default=[], help='of t3video batch, for every film')
    args = parser.parse_args()
    numbers = args.folder / 'curve.json'
    if args.program:
        args.films = (args.films or args.folder).resolve()
        for folder in (args.folder, args.films):
            folder.mkdir(parents=True, exist_ok=True)
        measure_sets(args, numbers)
    rows = json.loads(numbers.read_text())
    print_table(rows)
    try:
        plot(rows, args.folder / 'curve.svg')
    except ImportError:
        print('no plot: matplotlib is not installed', file=sys.stderr)


if __name__ == '__main__':
    main()
