#!/usr/bin/env python3
"""Self-attention of the 1.3B model over planned layouts, a line per figure.

usage: bench/gpu/layouts.py T3VIDEO [PART...]     parts: sizes lengths ragged small forward; by default all

sizes    time per token and key of each pattern, from 480p to 4K, portrait, and 8K frames of one picture
lengths  the same at 1280x720 from 33 to 241 frames, windows of at most 21 latent frames
ragged   22x137x241 tokens beside 21x136x240 with the same counts
small    windows of 1 to 64 tokens: time per token
forward  a whole forward over windows, and 30 times a layer with full attention
"""
import json
import os
import subprocess
import sys
import tempfile

T3VIDEO = os.path.abspath(sys.argv[1])
PARTS = sys.argv[2:] or ["sizes", "lengths", "ragged", "small", "forward"]
FOLDER = tempfile.mkdtemp()
WIDTH = 1536
DEVICE = os.environ.get("DEVICE", "cuda")


def bench(what, size, frames, *more):
    figures = os.path.join(FOLDER, "figures.json")
    command = [T3VIDEO, "bench", what, "--device", DEVICE, "--size", size, "--frames", str(frames), "--json", figures, *more]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return json.load(open(figures))["runs"]


def write(name, layout):
    path = os.path.join(FOLDER, name + ".json")
    json.dump(layout, open(path, "w"))
    return path


def planned(size, frames, *more):
    path = os.path.join(FOLDER, f"{size}-{frames}.json")
    plan = subprocess.run([T3VIDEO, "layout", "--size", size, "--frames", str(frames), "--json", "--output", path, "--overwrite", *more],
                          capture_output=True, text=True, check=True)
    return json.loads(plan.stdout), path


def picoseconds(run):
    """Of one token and one key, all heads: a pair is 4 FLOP a channel."""
    return run["seconds"] / (run["flop"] / (4 * WIDTH)) * 1e12


def patterns(title, size, frames, path):
    runs = bench("attention", size, frames, "--layout", path, "--repeat", "3")
    print(f"{title:26}", *(f"{picoseconds(run):7.2f}" for run in runs), "ps;",
          *(f"{1e3 * run['seconds']:8.2f}" for run in runs), "ms", flush=True)
    return [picoseconds(run) for run in runs]


SIZES = [("832x480", 81), ("1280x720", 81), ("1920x1080", 81), ("2560x1440", 81), ("3840x2160", 81), ("2160x3840", 81),
         ("7680x4320", 1)]
if "sizes" in PARTS:
    print("sizes: picoseconds of a token and a key for patterns 0 to 4; milliseconds of an attention")
    rows = []
    for size, frames in SIZES:
        plan, path = planned(size, frames)
        rows.append(patterns(f"{size} {frames} {plan['saving']['computed']:6.1f}x", size, frames, path))
    for k in range(1, 5):
        column = [row[k] for row in rows[:5]]
        print(f"pattern {k}, 480p to 4K: slowest over fastest {max(column) / min(column):.3f}")
if "lengths" in PARTS:
    print("lengths: 1280x720, windows of at most 21 latent frames")
    rows = []
    for frames in (33, 81, 161, 241):
        plan, path = planned("1280x720", frames, "--window-frames", "21")
        rows.append(patterns(f"{frames} frames {plan['saving']['computed']:6.1f}x", "1280x720", frames, path))
    for k in range(5):
        column = [row[k] for row in rows[1:]]
        print(f"pattern {k}, 81 to 241 frames: slowest over fastest {max(column) / min(column):.3f}")
if "ragged" in PARTS:
    counts = planned("3840x2160", 81)[0]["layout"]["window_counts"]
    even = patterns("21x136x240", "3840x2176", 81, write("even", {"grid": [21, 136, 240], "window_counts": counts}))
    uneven = patterns("22x137x241", "3856x2192", 85, write("uneven", {"grid": [22, 137, 241], "window_counts": counts}))
    print("ragged over even:", *(f"{b / a:.3f}" for a, b in zip(even, uneven)))
if "small" in PARTS:
    print("small: nanoseconds per token of windows of so many tokens, and of one of 64 tokens over it")
    times = {}
    for tokens in (64, 1, 2, 3, 5, 7, 8, 13, 16, 21, 31, 33, 48, 63, 65, 96):
        count = 960 // tokens
        width = tokens * count
        path = write("small", {"grid": [21, 16, width], "window_counts": [[21, 16, count]]})
        run = bench("attention", f"{width * 16}x256", 81, "--layout", path, "--repeat", "5")[0]
        times[tokens] = run["seconds"] / (21 * 16 * width) * 1e9
        print(f"{tokens:4} {times[tokens]:8.3f} ns, {times[tokens] / times[64]:.2f}", flush=True)
if "forward" in PARTS:
    print("forward: seconds over windows, and with full attention (30 times one layer)")
    for size, frames in SIZES + [("3840x2160", 33), ("3840x2160", 161), ("3840x2160", 241)]:
        plan, path = planned(size, frames)
        t3 = bench("dit", size, frames, "--layout", path, "--repeat", "1")[0]["seconds"]
        line = f"{size} {frames:4} {plan['tokens']:9} tokens {t3:8.3f} s"
        if plan["forward"]["full_flop"] < 1e17:
            full = 30 * bench("dit", size, frames, "--attention", "full", "--layer", "0", "--repeat", "1")[0]["seconds"]
            line += f" {full:8.2f} s {full / t3:6.1f}x"
        print(line, flush=True)
