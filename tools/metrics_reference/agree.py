"""Checks `t3video evaluate` against measures.py, ffmpeg and planted faults; prints two Markdown tables.

    agree.py FILMS --program build/cpu-release/bin/t3video --work DIR [--degraded 12] [--compared 3] > report.md

FILMS is a folder of films of the layout's size, each a folder of PNG frames. The work folder gets degraded films, as
degrade.py makes them, films of an odd size, latents, and what the program writes. Exits 1 where a value is farther from
its independent twin than TOLERANCES allow, or where a metric does not follow a fault's strength.
"""
import argparse
import json
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

import measures
from degrade import degrade, faults, set_name
from films import film_folders, read_film, write_film

# What agrees: absolute or relative difference up to this. What computes in single precision, or leaves a detail open
# (kind of Hann window, rounding before the flow), has more room.
TOLERANCES = {  # metric: (absolute, relative, independent implementation)
    'psnr': (1e-3, 0, 'scikit-image peak_signal_noise_ratio'),
    'ssim': (1e-4, 0, 'scikit-image structural_similarity'),
    'ms_ssim': (1e-4, 0, 'from the definition, scipy'),
    'latent_distance': (0, 1e-5, 'numpy'),
    'latent_cosine': (1e-5, 0, 'numpy'),
    'flicker': (5e-3, 0, 'from the definition, numpy'),
    'static_share': (0.1, 0, 'from the definition, numpy'),
    'frozen_share': (1e-6, 0, 'from the definition, numpy'),
    'duplicate_share': (1e-6, 0, 'from the definition, numpy'),
    'leap': (1e-3, 1e-3, 'from the definition, numpy'),
    'colour_drift': (0.01, 0, 'scikit-image rgb2xyz, xyz2lab'),
    'colour_wander': (0.01, 0, 'scikit-image rgb2xyz, xyz2lab'),
    'fine_share': (1e-3, 0.02, 'numpy fft, OpenCV resize'),
    'fine_detail': (0.1, 0, 'numpy fft, OpenCV resize'),
    'motion': (0.01, 0.02, 'OpenCV DIS, scipy'),
    'warp_error': (0.02, 0.02, 'OpenCV DIS, scipy'),
}
# A twin of another definition, of which ranks alone compare: (metric, twin, least rank correlation).
FFMPEG = [('psnr', measures.psnr_of_ffmpeg, 'ffmpeg psnr', 1e-3, None),
          ('ssim', measures.ssim_of_ffmpeg, 'ffmpeg ssim: 8x8 windows of R, G, B', None, 0.9)]
# No twin yet, only the faults below: banding, grid_close, grid_remote. Once measures.py has them, they get a line in
# TOLERANCES.

UP, DOWN = 1, -1
REACTIONS = {  # fault: {metric: where it goes as the fault grows, beginning with no fault}
    'blur': {'psnr': DOWN, 'ssim': DOWN, 'ms_ssim': DOWN, 'fine_share': DOWN, 'fine_detail': DOWN},
    'noise': {'psnr': DOWN, 'ssim': DOWN, 'ms_ssim': DOWN, 'flicker': UP, 'fine_share': UP, 'warp_error': UP},
    'banding': {'psnr': DOWN, 'ssim': DOWN, 'banding': UP},
    'dropped': {'leap': UP},
    'repeated': {'psnr': DOWN, 'duplicate_share': UP},
    'pumping': {'psnr': DOWN, 'flicker': UP, 'warp_error': UP},
    'tint': {'psnr': DOWN, 'colour_drift': UP, 'colour_wander': UP},
    'halved': {'psnr': DOWN, 'ssim': DOWN, 'ms_ssim': DOWN, 'fine_share': DOWN, 'fine_detail': DOWN},
    'frozen': {'psnr': DOWN, 'frozen_share': UP},
    'lattice': {'psnr': DOWN, 'grid_remote': UP},
    'texture': {'psnr': DOWN, 'grid_remote': UP},
    'seams': {'psnr': DOWN, 'grid_close': UP},
    'steps': {'psnr': DOWN, 'grid_close': UP},
}
SHORTER = 'dropped'  # of fewer frames: nothing to compare with the originals


def evaluate(program, sets, output, reference=None, layout=None):
    """What the program says: {set: {film: {metric: value or None}}}."""
    command = [program, 'evaluate', *(f'{name}={path}' for name, path in sets.items()), '--output', output, '--quiet']
    command += ['--reference', reference] if reference else []
    command += ['--layout', layout] if layout else []
    subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr)
    found = json.loads((Path(output) / 'evaluation.json').read_text())
    for s in found['sets']:
        for film in s['films']:
            if film.get('error'):
                raise SystemExit(f"{s['name']}/{film['name']}: {film['error']}")
    return {s['name']: {film['name']: {metric: value['value'] for metric, value in film['values'].items()}
                        for film in s['films']} for s in found['sets']}


def odd_films(films, work):
    """Sets of films that neither blocks nor tiles fit, the first ones of the others with and without noise."""
    for folder in films[:2]:
        film = read_film(folder)[:7, 21:21 + 117, 33:33 + 211]
        noisy = film + np.random.default_rng(1).integers(-6, 7, film.shape)
        write_film(work / 'odd' / folder.name, film)
        write_film(work / 'odd-noise' / folder.name, np.clip(noisy, 0, 255).astype(np.uint8))
    return work / 'odd', work / 'odd-noise'


def write_latents(path, values):
    """A safetensors file with the tensor "latents", float32 [channels, T, H, W]."""
    entry = {'dtype': 'F32', 'shape': list(values.shape), 'data_offsets': [0, values.nbytes]}
    header = json.dumps({'latents': entry}).encode()
    header += b' ' * (-len(header) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(header).to_bytes(8, 'little') + header + values.tobytes())


def compare_latents(program, work):
    """(metric, program's value, own value) of noise and the same noise with a little more of it."""
    random = np.random.default_rng(2)
    a = random.normal(0, 1, (16, 5, 32, 56)).astype(np.float32)
    rows = []
    for strength in (0.01, 0.3, 2):
        b = a + strength * random.normal(0, 1, a.shape).astype(np.float32)
        names = [work / f'latents-{strength}' / side / '00000.safetensors' for side in ('b', 'a')]
        for path, values in zip(names, (b, a)):
            write_latents(path, values)
        output = work / f'evaluated-latents-{strength}'
        found = evaluate(program, {'latents': names[0]}, output, names[1])['latents']
        values, = found.values()
        rows += [(metric, values.get(metric), value) for metric, value in measures.latents(b, a).items()]
    return rows


def own_values(task):
    folder, reference = task
    measures.cv2.setNumThreads(1)
    own = measures.measure(read_film(folder), read_film(reference) if reference else None)
    twins = {label: twin(folder, reference) for _, twin, label, _, _ in FFMPEG} if reference else {}
    return own, twins


def compare(pairs, tolerance):
    """A row's cells: number, largest differences, failures. Values that neither side can tell agree."""
    absolute, relative = tolerance
    a, b = (np.array([np.nan if v is None else v for v in side], float) for side in zip(*pairs))
    off, scale = np.abs(a - b), np.maximum(np.abs(b), 1e-12)
    missing = np.isnan(a) != np.isnan(b)
    bad = missing | (off > absolute) & (off / scale > relative)
    both = ~np.isnan(off)
    largest = (off[both].max(), (off / scale)[both].max()) if both.any() else (np.nan, np.nan)
    return int(both.sum()), *largest, int(bad.sum()), int(missing.sum())


def agreement(rows, twins):
    """The first table; how many lines of it fail."""
    print('| metric | independent implementation | films | largest difference | relative | rank correlation | allowed '
          '| agrees |\n|---|---|---|---|---|---|---|---|')
    failed = 0

    def line(metric, label, pairs, tolerance):
        count, off, relative, bad, missing = compare(pairs, tolerance)
        allowed = ' or '.join(t for t in (f'{tolerance[0]:g}' * bool(tolerance[0]),
                                          f'{100 * tolerance[1]:g} %' * bool(tolerance[1])) if t)
        verdict = f'no: {bad} ({missing} told by one side alone)' if bad else 'yes' if count else 'nothing to compare'
        print(f'| {metric} | {label} | {count} | {off:.2g} | {relative:.2g} | | {allowed} | {verdict} |')
        return bad > 0 or count == 0

    for metric, (absolute, relative, label) in TOLERANCES.items():
        pairs = [(a, b) for name, a, b in rows if name == metric]
        failed += line(metric, label, pairs, (absolute, relative)) if pairs else 0
    for metric, _, label, absolute, least in FFMPEG:
        pairs = [(a, b) for name, a, b in twins if name == (metric, label) and a is not None]
        if least is None:
            failed += line(metric, label, pairs, (absolute, 0))
            continue
        rank = spearmanr(*zip(*pairs)).statistic
        failed += not rank >= least
        print(f'| {metric} | {label} | {len(pairs)} | | | {rank:.3f} | at least {least:g} '
              f'| {"yes" if rank >= least else "no"} |')
    return failed


def mean(films, metric, names):
    values = [films[n][metric] for n in names if films[n].get(metric) is not None]
    return np.mean(values) if values else np.nan


def reactions(found, strengths):
    """The second table; how many lines of it fail."""
    print('\n| fault | metric | no fault | as it grows | should go | monotone | in films |')
    print('|---|---|---|---|---|---|---|')
    failed = 0
    for fault, metrics in REACTIONS.items():
        sets = [found['originals']] + [found[set_name(fault, s)] for s in strengths[fault]]
        names = [film for film in sets[0] if all(film in s for s in sets)]
        for metric, way in metrics.items():
            means = np.array([mean(s, metric, names) for s in sets])
            each = [[s[film].get(metric) for s in sets] for film in names]
            each = [np.array(v) for v in each if None not in v]
            follows = bool((way * np.diff(means) > 0).all())
            failed += not follows
            grown = ', '.join(f'{s:g}: {m:.4g}' for s, m in zip(strengths[fault], means[1:]))
            print(f'| {fault} | {metric} | {means[0]:.4g} | {grown} | {"up" if way == UP else "down"} '
                  f'| {"yes" if follows else "no"} '
                  f'| {sum(bool((way * np.diff(v) > 0).all()) for v in each)} of {len(each)} |')
    return failed


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('films')
    p.add_argument('--program', required=True)
    p.add_argument('--work', required=True, type=Path)
    p.add_argument('--layout', default=Path(__file__).resolve().parents[2] / 'models/demo/t3-layout.json')
    p.add_argument('--degraded', type=int, default=12, help='films that faults are planted in')
    p.add_argument('--compared', type=int, default=3, help='of those, how many are measured twice')
    p.add_argument('--processes', type=int, default=2)
    a = p.parse_args()
    films, every, degraded = film_folders(a.films), faults(json.loads(Path(a.layout).read_text())), a.work / 'degraded'
    degrade(films[:a.degraded], degraded, every)
    strengths = {fault: s for fault, (_, s) in every.items()}
    names = {set_name(fault, s): fault for fault, ss in strengths.items() for s in ss}
    alike = {'originals': a.films, **{n: degraded / n for n, f in names.items() if f != SHORTER}}
    shorter = {n: degraded / n for n, f in names.items() if f == SHORTER}
    odd, odd_noise = odd_films(films, a.work)
    found = evaluate(a.program, alike, a.work / 'evaluated', a.films, a.layout)
    found |= evaluate(a.program, shorter, a.work / 'evaluated-shorter', layout=a.layout)
    found |= evaluate(a.program, {'odd-noise': odd_noise}, a.work / 'evaluated-odd', odd)

    tasks = [(s, f.name, Path(path) / f.name, None if s in shorter else Path(a.films) / f.name)
             for s, path in {**alike, **shorter}.items()
             for f in (films if s == 'originals' else films[:min(a.compared, a.degraded)])]
    tasks += [('odd-noise', f.name, odd_noise / f.name, odd / f.name) for f in films[:2]]
    rows, twins = compare_latents(a.program, a.work), []
    with ProcessPoolExecutor(a.processes, get_context('spawn')) as pool:  # OpenCV's threads do not outlive a fork
        for (s, name, _, _), (own, others) in zip(tasks, pool.map(own_values, [t[2:] for t in tasks])):
            values = found[s][name]
            rows += [(metric, values.get(metric), value) for metric, value in own.items()]
            twins += [((m, label), values.get(m), others[label]) for m, _, label, _, _ in FFMPEG if label in others]
    failed = agreement(rows, twins) + reactions(found, strengths)
    raise SystemExit(1 if failed else 0)


if __name__ == '__main__':
    main()
