"""Draws loss_curves.png from the JSON logs of the training runs: NAME=FILE[,FILE...] per panel."""
import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt


def main():
    panels = [a.split('=') for a in sys.argv[1:]]
    figure, axes = plt.subplots(1, len(panels), figsize=(4.2 * len(panels), 3.2))
    for axis, (name, files) in zip(axes, panels):
        offset = 0
        for f in files.split(','):
            log = json.loads(Path(f).read_text())
            axis.plot([offset + r[0] for r in log], [r[2] for r in log], lw=1.2)
            offset += log[-1][0]
        axis.set(title=name, xlabel='step', ylabel='loss', yscale='log')
        axis.grid(alpha=0.3, which='both')
    figure.tight_layout()
    figure.savefig(Path(__file__).with_name('loss_curves.png'), dpi=110)


if __name__ == '__main__':
    main()
