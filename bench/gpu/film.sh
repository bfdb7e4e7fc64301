#!/bin/sh
# A whole 4K film with weights of the released sizes out of nothing: 81 frames of 3840x2160, 8 steps without guidance. Shows
# the memory of the card in use at most, as nvidia-smi has it, beside the plan's, and fails where it is more.
# usage: bench/gpu/film.sh FOLDER [MODEL] [OPTIONS...]   FOLDER holds t3video; MODEL: wan2.1-1.3b (default) or wan2.2-5b;
# needs about 50 GB of disk for model and frames under ${TMPDIR:-/tmp}
set -eu
t3video=$(realpath "${1:?usage: bench/gpu/film.sh FOLDER [MODEL] [OPTIONS...]}")/t3video
model=${2:-wan2.1-1.3b}
[ $# -ge 2 ] && shift 2 || shift 1
work=${TMPDIR:-/tmp}/t3video-film
mkdir -p "$work"
if [ ! -d "$work/$model" ]; then
    "$t3video" bench model --device cuda --model "$model" --output "$work/$model"
    file=$work/$model/transformer/diffusion_pytorch_model.safetensors
    "$t3video" bench load --device cuda --repeat 2 --input "$file"
fi
rm -rf "$work/film.job" "$work/film.y4m"

smi="nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits"
before=$($smi | head -n 1)
$smi -lms 100 >"$work/smi" & sampler=$!
trap 'kill $sampler 2>/dev/null || true' EXIT
status=0
"$t3video" generate --device cuda --model "$work/$model" --size 3840x2160 --frames 81 --steps 8 --cfg 1 --shift 5 \
    --solver euler --prompt "A glacier calves into a calm bay." --output "$work/film.y4m" "$@" 2>"$work/log" || status=$?
kill $sampler
cat "$work/log"
[ $status -eq 0 ] || exit $status
python3 - "$work" "$before" <<'PY'
import re, sys
work, before = sys.argv[1], float(sys.argv[2])
used = max(float(line) for line in open(f"{work}/smi") if line.strip()) - before  # MiB
number, unit = re.findall(r"Plan +all .*?, +([\d.]+) (MiB|GiB) of", open(f"{work}/log").read())[-1]
planned = float(number) * (1024 if unit == "GiB" else 1)
print(f"card's memory in use at most {used / 1024:.1f} GiB, planned {planned / 1024:.1f} GiB")
sys.exit(used > planned)
PY
