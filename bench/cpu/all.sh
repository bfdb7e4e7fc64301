#!/bin/sh
# The CPU's figures of docs/benchmarks.md: networks of Wan2.1-1.3B's sizes beside what oneDNN alone reaches (yardstick.cpp).
# Rounds of all measurements one after the other, as a machine's speed drifts; medians over the rounds, and each ratio is
# the median of the rounds' own ratios. A round takes about 3 minutes on 2 cores, and 7 GB of memory. Forwards and decodes are a
# process's first, so they bear making oneDNN's plans.
# usage: bench/cpu/all.sh BUILD_FOLDER    built with -DT3VIDEO_BENCH=ON; ROUNDS (5), THREADS (0: one per core) and OUT, a
# folder for the figures of each round, come from the environment
set -eu
bin=$(realpath "${1:?usage: bench/cpu/all.sh BUILD_FOLDER}")/bin
exec python3 - "$bin" "${ROUNDS:-5}" "${THREADS:-0}" "${OUT:-$(mktemp -d)}" <<'PY'
import json, os, pathlib, statistics, subprocess, sys
bin, rounds, threads, out = sys.argv[1], int(sys.argv[2]), sys.argv[3], pathlib.Path(sys.argv[4])
out.mkdir(parents=True, exist_ok=True)
sizes = {"272p": ("9", "1530"), "256": ("5", "512")}

def program(what, size, *options):  # seconds, FLOP and peak bytes of the process
    file = out / "run.json"
    process = subprocess.Popen([f"{bin}/t3video", "bench", what, "--threads", threads, "--size", size, "--frames",
                                sizes[size][0], "--json", file, *options], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status: sys.exit(f"bench/cpu/all.sh: t3video bench {what} failed")
    run = json.loads(file.read_text())["runs"][0]
    return {"seconds": run["seconds"], "flop": run["flop"], "bytes": usage.ru_maxrss * 1024}

figures = []
for i in range(rounds):
    arguments = [f"{bin}/t3video_yardstick"] + ([threads] if threads != "0" else [])
    lines = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.split("\n")
    figure = {name: {"seconds": float(s), "flop": float(f)} for name, s, f in (l.split() for l in lines if l)}
    for size in sizes:
        figure[f"attention-{size}"] = program("attention", size, "--repeat", "5")
        figure[f"dit-{size}"] = program("dit", size, "--repeat", "0")
        figure[f"vae-{size}"] = program("vae", size, "--repeat", "0")
    figures.append(figure)
    (out / f"round-{i + 1}.json").write_text(json.dumps(figure, indent=1) + "\n")
    print(f"round {i + 1} of {rounds}", file=sys.stderr)

def rate(f, name): return f[name]["flop"] / f[name]["seconds"]
def median(of): return statistics.median(map(of, figures))
print(f"{'':24} {'seconds':>9} {'GFLOP/s':>9} {'peak GB':>8} {'share':>6}   of, goal")
for name in figures[0]:
    what, _, size = name.partition("-")
    line = f"{name:24} {median(lambda f: f[name]['seconds']):9.3f} {median(lambda f: rate(f, name) / 1e9):9.1f}"
    if what in ("dit", "attention", "vae"):
        yard = f"conv-{size}" if what == "vae" else f"matmul-{sizes[size][1]}"
        share = median((lambda f: f[yard]["seconds"] / f[name]["seconds"]) if what == "vae" else
                       (lambda f: rate(f, name) / rate(f, yard)))
        goal = {"dit": 80, "attention": 60, "vae": 70}[what]
        line += f" {median(lambda f: f[name]['bytes']) / 1e9:8.2f} {100 * share:5.0f}%   {yard}, {goal}%"
    print(line)
PY
