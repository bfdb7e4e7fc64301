#!/bin/sh
# What the second film of a process takes, whose model is open and prepared: two 4K films of 81 frames with weights of the
# released sizes out of nothing and a small decoder, 8 steps without guidance. Shows when each line of the log came.
# usage: bench/gpu/second.sh FOLDER [OPTIONS...]    FOLDER holds t3video; options of t3video batch go to both films, such
# as --steps 50 --cfg 5 --cache easy:0.05; needs about 10 GB of disk under ${TMPDIR:-/tmp}
set -eu
t3video=$(realpath "${1:?usage: bench/gpu/second.sh FOLDER [OPTIONS...]}")/t3video
shift
work=${TMPDIR:-/tmp}/t3video-film
mkdir -p "$work"
[ -d "$work/wan2.1-1.3b" ] || "$t3video" bench model --device cuda --model wan2.1-1.3b --output "$work/wan2.1-1.3b"
rm -rf "$work/films"
python3 - "$work" <<'PY'
# A decoder of taew2_1's form and widths: blocks of three convolutions over a frame and the one before.
import json, struct, sys
import numpy as np
shapes = {}
def conv(name, out, width, kernel=3, bias=True):
    shapes[name + ".weight"] = [out, width, kernel, kernel]
    if bias:
        shapes[name + ".bias"] = [out]
conv("decoder.1", 256, 16)
for first, width, grown, after in ((3, 256, 256, 128), (9, 128, 256, 64), (15, 64, 128, 64)):
    for block in range(first, first + 3):
        conv(f"decoder.{block}.conv.0", width, 2 * width)
        conv(f"decoder.{block}.conv.2", width, width)
        conv(f"decoder.{block}.conv.4", width, width)
    conv(f"decoder.{first + 4}.conv", grown, width, 1, False)
    conv(f"decoder.{first + 5}", after, width, 3, False)
conv("decoder.22", 3, 64)
draw, header, data = np.random.default_rng(1), {}, b""
for name, shape in shapes.items():
    fan = np.prod(shape[1:]) if len(shape) > 1 else 1e4
    values = (draw.standard_normal(shape) / fan ** 0.5).astype(np.float16).tobytes()
    header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
    data += values
text = json.dumps(header).encode()
open(sys.argv[1] + "/taew2_1.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
prompts = ["A glacier calves into a calm bay.", "A lighthouse stands in a storm."]
json.dump([{"prompt_en": p, "seed": i} for i, p in enumerate(prompts)], open(sys.argv[1] + "/list.json", "w"))
PY
python3 - "$t3video" "$work" "$@" <<'PY'
import re, subprocess, sys, time
program, work, *further = sys.argv[1:]
words = [program, "batch", work + "/list.json", "--output", work + "/films", "--extension", ".y4m", "--device", "cuda",
         "--model", work + "/wan2.1-1.3b", "--decoder", work + "/taew2_1.safetensors", "--size", "3840x2160",
         "--frames", "81", "--shift", "5", "--solver", "euler", "--no-contact-sheet"]
for name, value in (("--steps", "8"), ("--cfg", "1")):
    if name not in further:
        words += [name, value]
begin = time.time()
process = subprocess.Popen(words + further, stderr=subprocess.PIPE)
ends, text = [], b""
while chunk := process.stderr.read1(65536):
    for part in re.split(rb"(?<=[\r\n])", chunk):
        text += part
        if text[-1:] in (b"\n", b"\r"):
            line = text.decode(errors="replace").strip()
            text = b""
            if line and not re.match(r"(denoise|decode|text)\b.*ETA", line):
                print(f"{time.time() - begin:8.2f} s  {line}")
            if "Wrote" in line:
                ends.append(time.time() - begin)
code = process.wait()
if len(ends) == 2:
    print(f"first film {ends[0]:.1f} s with opening, second {ends[1] - ends[0]:.1f} s")
sys.exit(code)
PY
