#!/usr/bin/env python3
"""Where the time of a command on a GPU goes, kernel by kernel, from Nsight Compute's durations.

usage: bench/gpu/kernels_of.py [--top N] COMMAND...    such as: t3video bench train --device cuda --layer 1 --repeat 0
"""
import csv
import re
import subprocess
import sys


def short(name):
    name = re.sub(r"\(anonymous namespace\)::|t3video::cuda::|void ", "", name)
    return re.sub(r"\(.*", "", name)[:90]


def main():
    arguments, top = sys.argv[1:], 40
    if arguments[:1] == ["--top"]:
        top, arguments = int(arguments[1]), arguments[2:]
    if not arguments:
        sys.exit(__doc__)
    out = subprocess.run(
        ["ncu", "--metrics", "gpu__time_duration.sum", "--csv", "--print-units", "base", *arguments],
        capture_output=True, text=True)
    lines = [line for line in out.stdout.splitlines() if line.startswith('"')]
    if not lines:
        sys.exit(out.stdout[-2000:] + out.stderr[-2000:])
    total, kernels = 0.0, {}
    for row in csv.DictReader(lines):
        key = (short(row["Kernel Name"]), row["Grid Size"])
        seconds = float(row["Metric Value"].replace(",", "")) * 1e-9
        count, sum_ = kernels.get(key, (0, 0.0))
        kernels[key] = (count + 1, sum_ + seconds)
        total += seconds
    print(f"{1e3 * total:.2f} ms in {sum(c for c, _ in kernels.values())} kernels")
    for (name, grid), (count, seconds) in sorted(kernels.items(), key=lambda k: -k[1][1])[:top]:
        print(f"{1e3 * seconds:9.2f} ms {100 * seconds / total:5.1f} % {count:5d} x {1e6 * seconds / count:9.1f} us  {name} {grid}")


main()
