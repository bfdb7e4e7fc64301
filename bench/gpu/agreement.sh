#!/bin/sh
# The bundled model's film from the CPU and from the GPU: PSNR over all pixels of all frames,
# and how far one pixel lies apart at most.
# usage: bench/gpu/agreement.sh FOLDER    holding t3video
set -eu
t3video=$(realpath "${1:?usage: bench/gpu/agreement.sh FOLDER}")/t3video
work=$(mktemp -d)
film() { "$t3video" generate --quiet --no-contact-sheet -p "A red ball drifts left over green hills." "$@"; }
film --output "$work/cpu.y4m"
film --device cuda --dtype f32 --output "$work/f32.y4m"
film --device cuda --dtype bf16 --output "$work/bf16.y4m"
film --device cuda --dtype bf16 --output "$work/again.y4m"
cmp "$work/bf16.y4m" "$work/again.y4m" && echo "two runs in bf16: same bytes"
python3 - "$work" <<'PY'
import math, sys
def planes(name):
    return open(f"{sys.argv[1]}/{name}.y4m", "rb").read().split(b"\n", 1)[1]
cpu = planes("cpu")
for name in ("f32", "bf16"):
    gpu = planes(name)
    assert len(cpu) == len(gpu)
    error = sum((a - b) ** 2 for a, b in zip(cpu, gpu)) / len(cpu)
    psnr = 10 * math.log10(255 ** 2 / error) if error else math.inf
    apart = max(abs(a - b) for a, b in zip(cpu, gpu))
    print(f"CPU against CUDA {name}: {psnr:.1f} dB, a pixel at most {apart} of 255 apart")
PY
rm -rf "$work"
