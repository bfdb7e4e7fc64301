"""Captions and the held-out split: which combinations of colour, object, motion and background there are.

    python clips.py               writes heldout.json
    python clips.py --directed    prints the prompts of the score, as a JSON list

Needs nothing but Python itself; the clips are drawn by drawing.py.
"""
import json
import random
import sys
from pathlib import Path

COLOURS = {'red': (218, 30, 34), 'orange': (255, 128, 8), 'yellow': (255, 216, 26), 'green': (24, 168, 58),
           'blue': (30, 84, 232), 'purple': (126, 44, 196), 'pink': (255, 122, 188), 'white': (246, 246, 246)}
OBJECTS = ['ball', 'cube', 'star', 'ring', 'heart', 'diamond', 'fish', 'balloon']
MOTIONS = ['drifts left', 'drifts right', 'rises', 'falls', 'spins in place', 'grows']
BACKGROUNDS = ['over green hills', 'above a calm sea', 'in a starry night sky', 'across a desert at sunset',
               'in front of snowy mountains', 'through a misty forest']
DIRECTIONS = MOTIONS[:4]
HELDOUT_SEED, HELDOUT_SHARE = 2024, 0.1


def caption(colour, thing, motion, background):
    return f"{'An' if colour == 'orange' else 'A'} {colour} {thing} {motion} {background}."


def combinations():
    return [(c, o, m, b) for c in COLOURS for o in OBJECTS for m in MOTIONS for b in BACKGROUNDS]


def heldout():
    """The combinations that are never trained on, in a fixed random order."""
    every = combinations()
    return random.Random(HELDOUT_SEED).sample(every, round(HELDOUT_SHARE * len(every)))


def directed(count=24):
    """The first held-out captions that have a direction: what the model is scored on."""
    return [caption(*c) for c in heldout() if c[2] in DIRECTIONS][:count]


def training():
    out = set(heldout())
    return [c for c in combinations() if c not in out]


if __name__ == '__main__':
    if '--directed' in sys.argv:
        print(json.dumps(directed(), indent=1))
    else:
        listed = [caption(*c) for c in heldout()]
        Path(__file__).with_name('heldout.json').write_text(json.dumps(listed, indent=1) + '\n')
