#!/usr/bin/env python3
"""How the work and the time of a forward of Wan2.1-1.3B's sizes grow with the tokens on a CPU: T3 against full attention.

usage: bench/cpu/growth.py BUILD_FOLDER [FIGURES.json]

Measures one-layer forwards and attention alone for the five patterns of windows and for full attention, writes the figures
to FIGURES.json, prints a table of 30-layer forwards (six layers of each pattern) and draws docs/images/t3-growth.png, which
needs matplotlib. Figures already in FIGURES.json are not measured again. About 4 minutes on 2 cores.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

LAYERS = 30
FILMS = [(448, 256, 5), (448, 256, 17), (560, 320, 21), (672, 384, 25), (896, 512, 33)]  # width, height, frames
# Windows in tokens (frames, rows, columns) as those of models/demo/t3-layout.json; None: all.
WINDOWS = [(1, None, None), (None, 4, 4), (None, 8, 2), (1, 8, 14), (None, 2, 14)]


def grid_of(width, height, frames):
    return [(frames - 1) // 4 + 1, height // 16, width // 16]


def layout_of(grid):
    counts = [[round(n / size) if size else 1 for n, size in zip(grid, window)] for window in WINDOWS]
    return {"grid": grid, "window_counts": counts}


def bench(program, folder, film, *options):
    width, height, frames = film
    out = folder / "run.json"
    subprocess.run([program, "bench", *options, "--size", f"{width}x{height}", "--frames", str(frames), "--json", out],
                   check=True, stdout=subprocess.DEVNULL)
    return [{key: run[key] for key in ("seconds", "flop")} for run in json.loads(out.read_text())["runs"]]


def measure(program, folder, film):
    grid = grid_of(*film)
    layout = folder / "layout.json"
    layout.write_text(json.dumps(layout_of(grid)))
    tokens = grid[0] * grid[1] * grid[2]
    repeat = ["--repeat", "1" if tokens < 3000 else "0"]
    t3, full = ["--layout", layout, *repeat], ["--attention", "full", *repeat]
    one_layer = lambda layer, choice: bench(program, folder, film, "dit", "--layer", str(layer), *choice)[0]
    return {"film": film, "tokens": tokens,
            "t3": [one_layer(layer, t3) for layer in range(len(WINDOWS))], "full": [one_layer(0, full)],
            "t3_attention": bench(program, folder, film, "attention", *t3),
            "full_attention": bench(program, folder, film, "attention", *full)}


def total(figure, kind, unit):
    """Of all layers."""
    return sum(run[unit] for run in figure[kind]) * LAYERS / len(figure[kind])


def print_table(figures):
    print(f"{'film':12} {'tokens':>6} | 30 layers, full / T3: TFLOP, seconds       | of it attention: TFLOP, seconds")
    for f in figures:
        line = f"{'x'.join(map(str, f['film'])):12} {f['tokens']:6}"
        for kind in ("", "_attention"):
            for unit, scale in (("flop", 1e-12), ("seconds", 1)):
                a, b = total(f, "full" + kind, unit) * scale, total(f, "t3" + kind, unit) * scale
                line += f" | {a:7.2f} / {b:7.2f} = {a / b:5.2f}"
        print(line)


def draw(figures, path):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    fig, axes = plt.subplots(1, 2, figsize=(10, 4.4))
    tokens = [f["tokens"] for f in figures]
    for axis, unit, scale, title in ((axes[0], "flop", 1e-12, "TFLOP of a forward"), (axes[1], "seconds", 1, "Seconds of a forward")):
        for kind, colour, name in (("full", "#c0392b", "full attention"), ("t3", "#1f6fb2", "T3")):
            whole = [total(f, kind, unit) * scale for f in figures]
            attention = [total(f, kind + "_attention", unit) * scale for f in figures]
            axis.loglog(tokens, whole, "o-", color=colour, label=f"{name}, 30 layers")
            axis.loglog(tokens, attention, "o--", color=colour, markerfacecolor="white", label=f"{name}, attention alone")
        axis.set_title(title)
        axis.set_xlabel("tokens")
        axis.set_xticks(tokens, [f"{n:,}" for n in tokens])
        axis.minorticks_off()
        axis.grid(True, which="major", alpha=0.3)
    axes[0].legend(frameon=False, loc="upper left")
    fig.tight_layout()
    fig.savefig(path, dpi=110)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    root = pathlib.Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        saved = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else folder / "figures.json"
        figures = json.loads(saved.read_text()) if saved.exists() else []
        for film in FILMS[len(figures):]:
            figures.append(measure(pathlib.Path(sys.argv[1]) / "bin" / "t3video", folder, film))
            saved.write_text(json.dumps(figures, indent=1) + "\n")
    print_table(figures)
    draw(figures, root / "docs" / "images" / "t3-growth.png")


if __name__ == "__main__":
    main()
