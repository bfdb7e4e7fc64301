"""What the study does: tasks that train, make films and measure, and what each needs before it.

A *kind* is a way to train from the base (attention, branches, LoRA). A *point* is a kind with a seed after some
updates; it has weights, a validation loss, 24 films and their scores.
"""
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import layouts

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent / 'demo_model'
UPDATES = (50, 200, 1000)
AGAIN = 100          # updates that bring full attention back: 10 % more
PROMPTS_ELSEWHERE = 24
SCAN = {'all': (2e-4, 5e-4, 1e-3, 2e-3), 'lora': (5e-4, 2e-3, 5e-3, 1e-2)}  # rates tried, 200 updates each

# Options that all runs share: batches of 16, computed at once.
COMMON = ['--batch', '16', '--together', '16', '--warm-up', '20', '--betas', '0.9,0.99', '--noise-levels',
          'logit-normal', '--logit-normal', '0,1.2', '--shift', '3.5', '--weights', 'none', '--caption-dropout', '0.12',
          '--ema', '0.98', '--data', 'clips', '--validation', 'held', '--validation-clips', '24', '--validate-every',
          '100', '--save-every', '1000', '--keep', '1', '--export-type', 'f32', '--quiet']


@dataclass
class Task:
    name: str
    work: Callable
    needs: list = field(default_factory=list)
    on_device: bool = True


@dataclass
class Kind:
    name: str
    title: str
    attention: list            # how it attends, for training and for films
    rank: int = 0              # of a LoRA; 0: all weights
    on: str = ''               # the kind whose last weights it begins with; else the base
    updates: tuple = UPDATES
    films: tuple = (200, 1000)  # at which points films are made


ONE_THREAD = {'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1'}  # many films are scored at once

T3 = ['--layout', 'layouts/t3.json']
KINDS = [
    Kind('full', 'full attention, trained on', ['--attention', 'full'], films=(0, 200, 1000)),
    Kind('t3', 'T3 windows', T3, films=(0, 50, 200, 1000)),
    Kind('close', 'close windows alone', ['--layout', 'layouts/close.json'], films=(0, 200, 1000)),
    Kind('remote', 'remote windows alone', ['--layout', 'layouts/remote.json'], films=(0, 200, 1000)),
    Kind('swin', 'shifted windows', ['--layout', 'layouts/swin.json'], films=(0, 200, 1000)),
    Kind('lora8', 'LoRA of rank 8 from the base', T3, rank=8),
    Kind('lora32', 'LoRA of rank 32 from the base', T3, rank=32),
    Kind('back', 'T3 windows, then full attention again', ['--attention', 'full'], on='t3', updates=(AGAIN,),
         films=(0, AGAIN)),
    Kind('t3-lora8', 'LoRA of rank 8 on T3 windows', T3, rank=8, on='t3', films=(1000,)),
    Kind('t3-lora32', 'LoRA of rank 32 on T3 windows', T3, rank=32, on='t3', films=(1000,)),
]
KIND = {k.name: k for k in KINDS}

# Sizes and lengths that no weights were tuned at, and how the windows of 448x256, 17 frames come there.
ELSEWHERE = {'672x384x17': ('extents', 'counts', 'full'), '256x448x17': ('extents', 'full'),
             '448x256x33': ('extents', 'counts', 'capped', 'full'),
             '448x256x65': ('extents', 'counts', 'capped', 'full'),
             '896x512x17': ('extents', 'counts', 'full')}


def size_and_frames(place):
    width, height, frames = place.split('x')
    return f'{width}x{height}', frames


def weights_of(kind, seed, updates):
    """Options that name a point's weights."""
    if updates == 0:
        if not kind.on:
            return ['--dit', 'base/base.safetensors']
        return weights_of(KIND[kind.on], seed, max(KIND[kind.on].updates))
    model = f'models/{kind.name}-{seed}-{updates}'
    if kind.rank == 0:
        return ['--dit', f'{model}/diffusion_pytorch_model.safetensors']
    return [*weights_of(kind, seed, 0), '--lora', f'{model}/lora.safetensors']


def point_name(kind, seed, updates):
    return f'{kind.name}-{seed}-{updates}'


def best_rate(root, group):
    """Of those tried, by validation loss after 200 updates."""
    losses = {rate: last_validation(root / f'scan/{group}-{rate}') for rate in SCAN[group]}
    return min(losses, key=losses.get)


def validations(run):
    """(updates, mean loss) of a run's log."""
    entries = [json.loads(line) for line in (run / 'log.jsonl').read_text().splitlines()]
    return [(e['update'], e['mean']) for e in entries if e['kind'] == 'validation']


def last_validation(run):
    return validations(run)[-1][1]


def train_options(kind, seed, rate):
    return [*COMMON, *weights_of(kind, seed, 0), *kind.attention, '--rate', str(rate), '--seed', str(seed),
            *(['--rank', str(kind.rank)] if kind.rank else [])]


def scan(root, group, rate):
    kind = KIND['t3'] if group == 'all' else KIND['lora32']

    def work(c):
        run = f'scan/{group}-{rate}'
        shutil.rmtree(root / run, ignore_errors=True)
        c.t3video('retrofit', *train_options(kind, 0, rate), '--updates', '200', '--output', run, on_device=True)
    return work


def train(root, kind, seed):
    def work(c):
        run = root / f'runs/{kind.name}-{seed}'
        rate = best_rate(root, 'lora' if kind.rank else 'all')
        for updates in kind.updates:
            kept = root / f'models/{point_name(kind, seed, updates)}'
            if kept.exists():
                continue
            if list((run / 'checkpoints').glob('*.safetensors')):
                c.t3video('retrofit', '--resume', run, '--updates', updates, '--quiet', on_device=True)
            else:
                shutil.rmtree(run, ignore_errors=True)
                c.t3video('retrofit', *train_options(kind, seed, rate), '--updates', updates, '--output', run,
                          on_device=True)
            shutil.copytree(run / ('lora' if kind.rank else 'model'), kept.with_suffix('.part'), dirs_exist_ok=True)
            kept.with_suffix('.part').rename(kept)
        shutil.rmtree(run / 'checkpoints', ignore_errors=True)
    return work


def check(root, weights, attention, held, name):
    """The validation loss of weights as they are exported: that of a run before its first update."""
    def work(c):
        run = root / f'checks/{name}'
        shutil.rmtree(run, ignore_errors=True)
        c.t3video('retrofit', *weights, *attention, '--data', held, '--validation', held, '--validation-clips', '24',
                  '--updates', '1', '--rate', '1e-12', '--output', run, '--quiet', on_device=True)
        shutil.rmtree(run / 'checkpoints', ignore_errors=True)
        shutil.rmtree(run / 'model', ignore_errors=True)
    return work


def films(folder, prompts, options, seed):
    def work(c):
        c.t3video('batch', prompts, '--output', folder, '--extension', '.y4m', '--seed', seed, *options, '--quiet',
                  on_device=True)
    return work


def score(root, folder, name, reference, layout):
    scorers = [word for name, option in (('follow', '--one'), ('objects', '--objects'))
               for word in ('--scorer', f'{name}=python3 {DEMO / "measure.py"} {option}')]

    def work(c):
        c.t3video('evaluate', f'{name}={folder}', *(['--reference', f'reference={reference}'] if reference else []),
                  '--prompts', folder.parent / 'list.json', *scorers, '--layout', layout, '--threads', '1',
                  '--output', root / 'scores' / name, '--quiet', env=ONE_THREAD)
    return work


def prepare(root):
    """Clips, the base, prompts and layouts."""
    def prompts(c):
        import sys
        sys.path.insert(0, str(DEMO))
        import clips
        directed = clips.directed()
        for folder, count in (('films', len(directed)), ('elsewhere', PROMPTS_ELSEWHERE)):
            (root / folder).mkdir(exist_ok=True)
            (root / folder / 'list.json').write_text(json.dumps([{'prompt_en': p} for p in directed[:count]]))
        layouts.write_all(root / 'layouts', ELSEWHERE)

    def draw(folder, *options):
        return lambda c: c.t3video('make-clips', *options, '--output', folder, '--extension', '/', '--quiet')

    def encode(source, folder, *options):
        return lambda c: c.t3video('encode', source, '--output', folder, '--quiet', *options, on_device=True)

    def base(c):
        c.run(DEMO / 'make_base.sh', c.study.program, root / 'base-work', c.device)
        shutil.copytree(root / 'base-work/base', root / 'base', dirs_exist_ok=True)

    tasks = [Task('prompts', prompts, on_device=False)]
    if not (root / 'base/base.safetensors').exists():
        tasks.append(Task('base', base))
    tasks += [Task('draw', draw('drawn', '--count', '2500', '--seed', '1'), on_device=False),
              Task('draw-held', draw('drawn-held', '--count', '24', '--held-out'), on_device=False),
              Task('clips', encode('drawn', 'clips'), ['draw']),
              Task('held', encode('drawn-held', 'held'), ['draw-held'])]
    for place in ELSEWHERE:
        size, frames = size_and_frames(place)
        at = ('--size', size, '--frames', frames)
        tasks += [Task(f'draw-{place}', draw(f'drawn-{place}', '--count', '12', '--held-out', *at), on_device=False),
                  Task(f'held-{place}', encode(f'drawn-{place}', f'held-{place}', *at), [f'draw-{place}'])]
    return tasks


def tasks_of(root, seeds):
    """In the order in which they are best done: what others wait for first."""
    tasks = prepare(root)
    made = {t.name for t in tasks}
    start = [n for n in ('prompts', 'base', 'clips', 'held') if n in made]
    scans = [Task(f'scan-{group}-{rate}', scan(root, group, rate), start) for group in SCAN for rate in SCAN[group]]
    tasks += scans
    chosen = {group: [t.name for t in scans if f'-{group}-' in t.name] for group in SCAN}
    after = []
    for kind in KINDS:
        for seed in seeds:
            needs = start + chosen['lora' if kind.rank else 'all'] + ([f'train-{kind.on}-{seed}'] if kind.on else [])
            tasks.append(Task(f'train-{kind.name}-{seed}', train(root, kind, seed), needs))
            trained = [f'train-{kind.name}-{seed}']
            for updates in (0, *kind.updates):
                name, weights = point_name(kind, seed, updates), weights_of(kind, seed, updates)
                has = trained if updates else needs
                after.append(Task(f'check-{name}', check(root, weights, kind.attention, 'held', name), has))
                if updates not in kind.films:
                    continue
                folder = root / 'films' / name
                after.append(Task(f'films-{name}', films(folder, root / 'films/list.json', weights + kind.attention,
                                                         seed), has))
                reference = root / f'films/full-{seed}-1000'
                itself = name == f'full-{seed}-1000'
                layout = root / ('layouts/swin.json' if kind.name == 'swin' else 'layouts/t3.json')
                after.append(Task(f'score-{name}', score(root, folder, name, None if itself else reference, layout),
                                  [f'films-{name}', f'films-full-{seed}-1000'], on_device=False))
    for seed in seeds:
        after += elsewhere(root, seed)
    return tasks + after


def elsewhere(root, seed):
    """The weights of T3 windows where they were not tuned."""
    tasks = []
    weights = weights_of(KIND['t3'], seed, 1000)
    for place, rules in ELSEWHERE.items():
        size, frames = size_and_frames(place)
        for rule in rules:
            name = f'{place}-{rule}-{seed}'
            layout = f'layouts/{place}-{rule}.json'
            attention = ['--attention', 'full'] if rule == 'full' else ['--layout', layout]
            has = [f'train-t3-{seed}', f'held-{place}']
            tasks.append(Task(f'check-{name}', check(root, weights, attention, f'held-{place}', name), has))
            folder = root / 'elsewhere' / name
            options = [*weights, *attention, '--size', size, '--frames', frames]
            tasks.append(Task(f'films-{name}', films(folder, root / 'elsewhere/list.json', options, seed), has))
            shown = 'extents' if rule == 'full' else rule
            tasks.append(Task(f'score-{name}', score(root, folder, name, root / f'elsewhere/{place}-full-{seed}',
                                                     root / f'layouts/{place}-{shown}.json') if rule != 'full' else
                              score(root, folder, name, None, root / f'layouts/{place}-{shown}.json'),
                              [f'films-{name}', f'films-{place}-full-{seed}'], on_device=False))
    return tasks


def described(root, seeds):
    """Points with their titles, for summary.py."""
    points = [dict(name=point_name(k, s, u), kind=k.name, title=k.title, seed=s, updates=u)
              for k in KINDS for s in seeds for u in (0, *k.updates)]
    places = [dict(name=f'{p}-{r}-{s}', place=p, rule=r, seed=s) for p, rules in ELSEWHERE.items() for r in rules
              for s in seeds]
    return dict(points=points, elsewhere=places)
