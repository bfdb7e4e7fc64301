"""What a study found: study.json with every number, tables in Markdown, plots, contact sheets.

    summary.py FOLDER OUTPUT [--images docs/images]        needs numpy, matplotlib and Pillow

Intervals of tables are over the seeds of training: half the range of two seeds beside their mean. Those of pairs are
over films: the difference of two films of one prompt and noise, 1.96 standard errors of its mean.
"""
import argparse
import json
from pathlib import Path

import numpy as np

METRICS = ['objects', 'psnr', 'ssim', 'flicker', 'warp_error', 'motion', 'leap', 'colour_drift', 'fine_share',
           'grid_close', 'grid_remote']
TITLES = {'follow': 'prompt', 'validation': 'validation loss'}


def first_validation(run):
    for line in (run / 'log.jsonl').read_text().splitlines():
        entry = json.loads(line)
        if entry['kind'] == 'validation':
            return entry['mean']
    raise ValueError(f'{run}: no validation')


def scores_of(file):
    """Mean of each metric over a set's films, and of the scorer."""
    films = json.loads(file.read_text())['sets'][-1]['films']
    found = {}
    for film in films:
        for name, value in {**film['values'], **film['scores']}.items():
            if value['value'] is not None:
                found.setdefault(name, []).append(value['value'])
    return {name: float(np.mean(values)) for name, values in found.items()}


def films_of(root, name, metric):
    """The metric of each film of a point, in the order of prompts; none where it was not scored."""
    file = root / 'scores' / name / 'evaluation.json'
    if not file.exists():
        return []
    films = json.loads(file.read_text())['sets'][-1]['films']
    return [{**f['values'], **f['scores']}[metric]['value'] for f in films]


def pairs(root):
    """How films differ from those of full attention after 1000 updates, and elsewhere from those of kept extents."""
    described = json.loads((root / 'points.json').read_text())
    compared = {}  # title: [(point, its partner)]
    for p in described['points']:
        if p['kind'] != 'full' or p['updates'] != 1000:
            title = f"{p['title']}, {p['updates']} updates"
            compared.setdefault(title, []).append((p['name'], f"full-{p['seed']}-1000"))
    for p in described['elsewhere']:
        if p['rule'] != 'extents':
            compared.setdefault(f"{p['place']}, {p['rule']}", []).append(
                (p['name'], f"{p['place']}-extents-{p['seed']}"))
    metrics = ('follow', 'objects', 'warp_error')
    rows = ['| | films | ' + ' | '.join(TITLES.get(m, m) for m in metrics) + ' |', '|---' * (len(metrics) + 2) + '|']
    for title, points in compared.items():
        cells, count = [], 0
        for metric in metrics:
            both = [pair for point, other in points
                    for pair in zip(films_of(root, point, metric), films_of(root, other, metric)) if None not in pair]
            if len(both) > 1:
                d = np.subtract(*np.transpose(both))
                cells.append(f'{d.mean():+.2f} ±{1.96 * d.std(ddof=1) / len(d) ** 0.5:.2f}')
                count = max(count, len(d))
        if cells:
            rows.append(f'| {title} | {count} | ' + ' | '.join(cells) + ' |')
    return '### Pairs of films\n\n' + '\n'.join(rows) + '\n'


def collect(root):
    """{point or place with rule: {seed: {metric: value}}}"""
    described = json.loads((root / 'points.json').read_text())
    found = {}

    def add(key, entry):
        numbers = {}
        check, score = root / 'checks' / entry['name'], root / 'scores' / entry['name'] / 'evaluation.json'
        if (check / 'log.jsonl').exists():
            numbers['validation'] = first_validation(check)
        if score.exists():
            numbers.update(scores_of(score))
        if numbers:
            found.setdefault(key, {})[entry['seed']] = numbers

    for p in described['points']:
        add(f"{p['kind']}-{p['updates']}", p)
    for p in described['elsewhere']:
        add(f"{p['place']}-{p['rule']}", p)
    titles = {p['kind']: p['title'] for p in described['points']}
    rates = {group: {} for group in ('all', 'lora')}
    for run in sorted((root / 'scan').glob('*')):
        group, _, rate = run.name.partition('-')
        losses = [json.loads(line) for line in (run / 'log.jsonl').read_text().splitlines()]
        rates[group][rate] = [e['mean'] for e in losses if e['kind'] == 'validation'][-1]
    seconds = {p.name: float(p.read_text()) for p in (root / 'done').iterdir()}
    return dict(titles=titles, points=found, rates=rates, seconds=seconds)


def spread(by_seed, metric):
    """Mean and half range over seeds, and their number; None where there is no value."""
    values = [numbers[metric] for numbers in by_seed.values() if metric in numbers]
    return (float(np.mean(values)), (max(values) - min(values)) / 2, len(values)) if values else None


def cell(value, digits=3):
    if value is None:
        return ''
    mean, half, seeds = value
    return f'{mean:.{digits}f}' + (f' ±{half:.{digits}f}' if seeds > 1 else '')


def table(study, keys, metrics, digits):
    rows = ['| | ' + ' | '.join(TITLES.get(m, m) for m in metrics) + ' |', '|---' * (len(metrics) + 1) + '|']
    for key, title in keys:
        by_seed = study['points'].get(key, {})
        rows.append(f'| {title} | ' + ' | '.join(cell(spread(by_seed, m), digits.get(m, 3)) for m in metrics) + ' |')
    return '\n'.join(rows) + '\n'


DIGITS = {'objects': 2, 'validation': 4, 'follow': 2, 'psnr': 1, 'ssim': 3, 'flicker': 2, 'warp_error': 2, 'motion': 2,
          'leap': 2, 'colour_drift': 2, 'fine_share': 2, 'grid_close': 1, 'grid_remote': 1}
KINDS = ['full', 't3', 'close', 'remote', 'swin', 'lora8', 'lora32', 't3-lora8', 't3-lora32', 'back']


def tables(study):
    def keys(updates):
        return [(f'{k}-{updates}', study['titles'][k]) for k in KINDS if f'{k}-{updates}' in study['points']]
    text = ''
    for updates in (0, 50, 200, 1000):
        rows = table(study, keys(updates), ['validation', 'follow', *METRICS], DIGITS)
        text += f'### After {updates} updates\n\n{rows}\n'
    text += '### Full attention again\n\n' + table(study, [(f'back-{u}', f'{u} updates') for u in (0, 100)],
                                                  ['validation', 'follow', *METRICS], DIGITS) + '\n'
    places = sorted({k.rsplit('-', 1)[0] for k in study['points'] if 'x' in k})
    text += '### Elsewhere\n\n' + table(study, [(f'{p}-{r}', f'{p}, {r}') for p in places
                                                for r in ('extents', 'counts', 'capped', 'full')
                                                if f'{p}-{r}' in study['points']],
                                       ['validation', 'follow', *METRICS], DIGITS)
    return text


def plots(study, folder):
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2))
    named = (('validation', 'validation loss'), ('follow', 'prompt-following score'))
    for axis, (metric, name) in zip(axes, named):
        for kind in KINDS[:-1]:
            points = [(u, spread(study['points'].get(f'{kind}-{u}', {}), metric)) for u in (0, 50, 200, 1000)]
            points = [(u, *v[:2]) for u, v in points if v]
            if len(points) > (0 if metric == 'follow' else 1):
                u, mean, half = zip(*points)
                axis.errorbar(np.maximum(u, 20), mean, half, marker='o', capsize=3, linewidth=1.4,
                              label=study['titles'][kind])
        axis.set_xscale('log')
        if metric == 'validation':
            axis.set_yscale('log')
        axis.set_xticks([20, 50, 200, 1000], ['0', '50', '200', '1000'])
        axis.set_xticks([], minor=True)
        axis.set_xlabel('updates')
        axis.set_title(name, fontsize=11)
        axis.grid(alpha=0.25)
    axes[0].legend(fontsize=7.5)
    figure.tight_layout()
    figure.savefig(folder / 'study-updates.png', dpi=110)


SHOWN = [('full-0-0', 'base, full attention'), ('t3-0-0', 'base in T3 windows'),
         ('t3-0-200', 'T3 windows, 200 updates'), ('t3-0-1000', 'T3 windows, 1000 updates'),
         ('full-0-1000', 'full attention, 1000 updates'),
         ('back-0-100', 'T3, then full attention again'), ('close-0-1000', 'close windows alone'),
         ('remote-0-1000', 'remote windows alone'), ('swin-0-1000', 'shifted windows'),
         ('lora8-0-1000', 'LoRA of rank 8 from the base'), ('lora32-0-1000', 'LoRA of rank 32 from the base')]


def sheet(root, file, numbers=(0, 1), places=((0, 0), (1, 1), (2, 3))):
    """A row for each point: the first, the middle and the last picture of two films' contact sheets."""
    from PIL import Image, ImageDraw, ImageFont
    gap, columns, rows, label, width = 4, 4, 3, 22, 220
    font = ImageFont.load_default(13)
    lines = []
    for name, title in SHOWN:
        pictures = []
        for number in numbers:
            path = root / 'films' / name / f'{number:05}.png'
            if not path.exists():
                break
            whole = Image.open(path).convert('RGB')
            w, h = (whole.width - gap) // columns, (whole.height - gap) // rows
            for row, column in places:
                cell = whole.crop((gap + column * w, gap + row * h, (column + 1) * w, (row + 1) * h))
                pictures.append(cell.resize((width, width * cell.height // cell.width)))
        if len(pictures) == len(numbers) * len(places):
            lines.append((title, pictures))
    if not lines:
        return
    high = lines[0][1][0].height
    whole = Image.new('RGB', (len(lines[0][1]) * (width + gap), len(lines) * (high + label)), '#111')
    draw = ImageDraw.Draw(whole)
    for i, (title, pictures) in enumerate(lines):
        draw.text((6, i * (high + label) + 3), title, fill='#eee', font=font)
        for k, picture in enumerate(pictures):
            whole.paste(picture, (k * (width + gap), i * (high + label) + label))
    whole.save(file, quality=82)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('folder', type=Path)
    parser.add_argument('output', type=Path)
    parser.add_argument('--images', type=Path)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    study = collect(args.folder)
    (args.output / 'study.json').write_text(json.dumps(study, indent=1))
    (args.output / 'tables.md').write_text(tables(study) + '\n' + pairs(args.folder))
    if args.images:
        plots(study, args.images)
        sheet(args.folder, args.images / 'study-films.jpg')


if __name__ == '__main__':
    main()
