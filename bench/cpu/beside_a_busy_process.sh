#!/bin/sh
# The demo film alone and beside one process that keeps a core busy, with threads that spin as libgomp's do without settings
# (OMP_WAIT_POLICY and GOMP_SPINCOUNT unset, as the program was before it started itself again), with the program's own
# setting, and passive. Settings take turns, round by round, as a machine's speed drifts; prints each round and medians.
# The machine must have nothing else to do.
# usage: bench/cpu/beside_a_busy_process.sh PROGRAM    ROUNDS (5) comes from the environment
set -eu
program=$(realpath "${1:?usage: bench/cpu/beside_a_busy_process.sh PROGRAM}")
exec python3 - "$program" "${ROUNDS:-5}" <<'PY'
import os, pathlib, statistics, subprocess, sys, tempfile, time
program, rounds = sys.argv[1], int(sys.argv[2])
chosen = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")
# KMP_LIBRARY is LLVM's variable: libgomp does not know it, but the program sees a choice and leaves libgomp alone.
settings = {"spinning": {"KMP_LIBRARY": "throughput"}, "default": {}, "passive": {"OMP_WAIT_POLICY": "passive"}}
clean = {name: value for name, value in os.environ.items() if name not in chosen}

def film(setting):  # seconds of the whole program
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        subprocess.run([program, "generate", "-p", "A red ball drifts left over green hills.", "--quiet", "-o",
                        pathlib.Path(folder) / "ball.mp4"], check=True, env=clean | setting)
        return time.monotonic() - start

def beside(setting):
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        return film(setting)
    finally:
        busy.kill()
        busy.wait()

film({})  # measures rates, fills the system's cache
times = {(name, how): [] for name in settings for how in ("alone", "busy")}
for i in range(rounds):
    for name, setting in settings.items():
        times[name, "alone"].append(film(setting))
        times[name, "busy"].append(beside(setting))
    last = "  ".join(f"{name} {times[name, 'alone'][-1]:.2f} / {times[name, 'busy'][-1]:.2f}" for name in settings)
    print(f"round {i + 1} of {rounds}, seconds alone / busy:  {last}", flush=True)
median = {key: statistics.median(values) for key, values in times.items()}
print(f"{'setting':10} {'alone':>8} {'busy':>8} {'busy/alone':>11} {'alone/spinning alone':>21}")
for name in settings:
    alone, busy = median[name, "alone"], median[name, "busy"]
    print(f"{name:10} {alone:8.2f} {busy:8.2f} {busy / alone:11.2f} {alone / median['spinning', 'alone']:21.3f}")
PY
