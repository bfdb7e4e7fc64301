#!/bin/sh
# Two builds on one card, in turns, so that a card's drift meets both alike: the median of each and of the ratios, pair by
# pair. Further: the denoising of a 5B-shaped film whose weights do not fit and cross to the card in every step.
# usage: bench/gpu/pairs.sh BEFORE AFTER [PAIRS] [PIECE...]    folders that hold t3video; 7 pairs; PIECE: dit-1.3b, dit-5b,
# vae-2.1, vae-2.2 (17 frames of 4K), streamed
set -eu
before=$(realpath "${1:?usage: bench/gpu/pairs.sh BEFORE AFTER [PAIRS] [PIECE...]}")
after=$(realpath "${2:?usage: bench/gpu/pairs.sh BEFORE AFTER [PAIRS] [PIECE...]}")
pairs=${3:-7}
[ $# -ge 3 ] && shift 3 || shift 2
[ $# -gt 0 ] || set -- dit-1.3b dit-5b vae-2.1 vae-2.2 streamed
exec python3 - "$before" "$after" "$pairs" "$@" <<'PY'
import json, pathlib, statistics, subprocess, sys, tempfile
before, after, pairs, pieces = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
one = ["--repeat", "1"]
commands = {"dit-1.3b": ["dit", "--model", "wan2.1-1.3b", *one], "dit-5b": ["dit", "--model", "wan2.2-5b", *one],
            "vae-2.1": ["vae", "--model", "wan2.1-1.3b", "--frames", "17", *one],
            "vae-2.2": ["vae", "--model", "wan2.2-5b", "--frames", "17", *one],
            "streamed": ["pipeline", "--model", "wan2.2-5b", "--size", "256", "--frames", "5", "--steps", "10",
                         "--memory", "7GiB"]}

def seconds(folder, piece):
    with tempfile.TemporaryDirectory() as work:
        figures = pathlib.Path(work) / "figures.json"
        run = subprocess.run([f"{folder}/t3video", "bench", *commands[piece], "--device", "cuda", "--json", figures],
                             capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(f"{folder}/t3video bench {piece}: {run.stderr.strip()}")
        found = json.loads(figures.read_text())
    if piece != "streamed":
        return found["runs"][0]["seconds"]
    stage = next(stage for stage in found["stages"] if stage["name"] == "denoise")
    if not stage["streamed"]:
        sys.exit("streamed: the weights fit the card's part: nothing crosses")
    return stage["seconds"]

print(f"{'piece':10} {'pairs':>5} {'before s':>10} {'after s':>10} {'after/before':>13} {'least':>7} {'most':>7}")
for piece in pieces:
    times = [(seconds(before, piece), seconds(after, piece)) for _ in range(pairs)]
    ratios = [b / a for a, b in times]
    middle = [statistics.median(column) for column in zip(*times)]
    print(f"{piece:10} {pairs:5} {middle[0]:10.4f} {middle[1]:10.4f} {statistics.median(ratios):13.4f} {min(ratios):7.4f} "
          f"{max(ratios):7.4f}", flush=True)
PY
