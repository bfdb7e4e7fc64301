#!/usr/bin/env python3
"""Wan2.1-1.3B on a CPU beside stable-diffusion.cpp: one pass of the transformer, and the decode of the VAE.

usage: bench/cpu/sdcpp.py BUILD_FOLDER SD_CLI [ROUNDS [SIZE]]

SD_CLI is its command line program, built with -DGGML_NATIVE=ON -DGGML_LLAMAFILE=ON for its fastest matrix products. It gets
f16 weights at random under the official names, 3 GB in a temporary folder (TMPDIR). Each round runs both programs at both
sizes, or at SIZE, one after the other on all cores; figures are medians over the rounds (5), ratios those of the rounds' own
ratios. A round takes about 2 minutes at 256x256 and 6 at 480x272 on 2 cores.
"""
import json
import math
import os
import pathlib
import random
import re
import statistics
import struct
import subprocess
import sys
import tempfile

SIZES = {"256x256": (256, 256, 5), "480x272": (480, 272, 9)}  # width, height, frames
MANIFESTS = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "manifests"


def write_weights(path, manifest):
    """Normal values with deviation 1/sqrt(fan-in), norms around 1, small biases; a block of them repeats."""
    shapes = json.loads((MANIFESTS / manifest).read_text())
    normal = [random.gauss(0, 1) for _ in range(1 << 17)]
    blocks = {}

    def values(name, shape):
        count = math.prod(shape)
        if name.endswith("bias"):
            mean, deviation = 0, 0.02
        elif len(shape) == 1 or name.endswith("gamma"):
            mean, deviation = 1, 0.1
        else:
            mean, deviation = 0, 1 / math.sqrt(count // shape[0])
        if (mean, deviation) not in blocks:
            blocks[mean, deviation] = struct.pack(f"<{len(normal)}e", *(mean + deviation * x for x in normal))
        block = blocks[mean, deviation]
        return (block * (2 * count // len(block) + 1))[:2 * count]

    header, offset = {}, 0
    for name, shape in shapes.items():
        size = 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes.items():
            file.write(values(name, shape))


def theirs(program, folder, width, height, frames):
    steps = 2
    log = subprocess.run([program, "-M", "vid_gen", "-v", "--diffusion-model", folder / "dit.safetensors", "--vae",
                          folder / "vae.safetensors", "-p", "a cat", "-W", str(width), "-H", str(height), "--video-frames",
                          str(frames), "--steps", str(steps), "--cfg-scale", "1", "-t", str(os.cpu_count()), "-o",
                          folder / "film.avi"], check=True, capture_output=True, text=True)
    text = log.stdout + log.stderr

    def number(pattern):
        found = re.search(pattern, text)
        if not found:
            sys.exit(f"no line like {pattern!r} in what {program} printed:\n{text[-2000:]}")
        return float(found[1])

    memory = number(r"wan_vae params backend buffer size =\s*([\d.]+) MB") + number(
        r"wan_vae compute buffer size: ([\d.]+) MB")
    return {"pass": number(r"sampling completed, taking ([\d.]+)s") / steps,
            "decode": number(r"decode_first_stage completed, taking ([\d.]+)s"), "decode GB": memory * 2**20 / 1e9}


def ours(program, folder, width, height, frames):
    figures = {}
    for name, what in (("pass", "dit"), ("decode", "vae")):
        out = folder / "run.json"
        process = subprocess.Popen([program, "bench", what, "--size", f"{width}x{height}", "--frames", str(frames),
                                    "--repeat", "0", "--json", out], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"t3video bench {what} failed")
        figures[name] = json.loads(out.read_text())["runs"][0]["seconds"]
        figures[name + " GB"] = usage.ru_maxrss * 1024 / 1e9
    return figures


def main():
    if not 3 <= len(sys.argv) <= 5 or (len(sys.argv) == 5 and sys.argv[4] not in SIZES):
        sys.exit(__doc__)
    t3video, sd = pathlib.Path(sys.argv[1]) / "bin" / "t3video", pathlib.Path(sys.argv[2]).resolve()
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    sizes = {size: film for size, film in SIZES.items() if len(sys.argv) < 5 or size == sys.argv[4]}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_weights(folder / "dit.safetensors", "wan2.1-t2v-1.3b.dit.official.json")
        write_weights(folder / "vae.safetensors", "wan2.1.vae.official.json")
        results = {size: [] for size in sizes}
        for i in range(rounds):
            for size, film in sizes.items():
                results[size].append((theirs(sd, folder, *film), ours(t3video, folder, *film)))
            print(f"round {i + 1} of {rounds}", file=sys.stderr)
    for size, pairs in results.items():
        for what, unit in (("pass", "s"), ("decode", "s"), ("decode GB", "")):
            a, b = (statistics.median(pair[i][what] for pair in pairs) for i in (0, 1))
            ratio = statistics.median(theirs[what] / ours[what] for theirs, ours in pairs)
            print(f"{size:8} {what:10} stable-diffusion.cpp {a:7.2f}{unit}  t3video {b:7.2f}{unit}  {ratio:5.2f}x")


if __name__ == "__main__":
    main()
