#!/usr/bin/env python3
"""A GGUF file with the names and shapes of Wan2.1-T2V-1.3B and random weights, for measuring how such files load and run.

usage: bench/random_gguf.py Q8_0|Q4_0|Q3_K OUTPUT.gguf
       t3video bench dit --input OUTPUT.gguf --size 272p --frames 9

Matrices are random blocks of the type, whose scales give values a standard deviation of 0.02; the rest is F32. Needs
numpy.
"""
import struct
import sys

import numpy as np

DIM, FFN, LAYERS, TEXT, FREQ = 1536, 8960, 30, 4096, 256
# type: number, elements and bytes of a block, where its f16 scale lies, standard deviation of values at scale 1
TYPES = {"Q8_0": (8, 32, 34, 0, 74), "Q4_0": (2, 32, 18, 0, 4.6), "Q3_K": (11, 256, 110, 108, 42.5)}


def shapes():
    yield "patch_embedding.weight", (DIM * 16, 1, 2, 2)  # folded: GGUF has four axes
    yield "patch_embedding.bias", (DIM,)
    for name, out, inner in [("text_embedding.0", DIM, TEXT), ("text_embedding.2", DIM, DIM),
                             ("time_embedding.0", DIM, FREQ), ("time_embedding.2", DIM, DIM),
                             ("time_projection.1", 6 * DIM, DIM), ("head.head", 64, DIM)]:
        yield name + ".weight", (out, inner)
        yield name + ".bias", (out,)
    yield "head.modulation", (1, 2, DIM)
    for layer in range(LAYERS):
        block = f"blocks.{layer}."
        for attention in ("self_attn", "cross_attn"):
            for part in "qkvo":
                yield f"{block}{attention}.{part}.weight", (DIM, DIM)
                yield f"{block}{attention}.{part}.bias", (DIM,)
            for part in "qk":
                yield f"{block}{attention}.norm_{part}.weight", (DIM,)
        yield block + "norm3.weight", (DIM,)
        yield block + "norm3.bias", (DIM,)
        yield block + "ffn.0.weight", (FFN, DIM)
        yield block + "ffn.0.bias", (FFN,)
        yield block + "ffn.2.weight", (DIM, FFN)
        yield block + "ffn.2.bias", (DIM,)
        yield block + "modulation", (1, 6, DIM)


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def main():
    kind, path = sys.argv[1], sys.argv[2]
    number, elements, block_bytes, scale_at, deviation = TYPES[kind]
    rng = np.random.default_rng(1)
    tensors, offset = [], 0
    for name, shape in shapes():
        count = int(np.prod(shape))
        blocks = len(shape) == 2 and shape[1] % elements == 0 and name != "head.head.weight"
        size = count // elements * block_bytes if blocks else count * 4
        tensors.append((name, shape, blocks, size, offset))
        offset += (size + 31) // 32 * 32
    with open(path, "wb") as f:
        f.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 1))
        f.write(text("general.architecture") + struct.pack("<I", 8) + text("wan"))
        for name, shape, blocks, _, at in tensors:
            f.write(text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *reversed(shape)))
            f.write(struct.pack("<IQ", number if blocks else 0, at))
        f.write(b"\0" * (-f.tell() % 32))
        for name, shape, blocks, size, _ in tensors:
            if blocks:
                data = rng.integers(0, 256, (size // block_bytes, block_bytes), dtype=np.uint8)
                data[:, scale_at:scale_at + 2] = np.array([0.02 / deviation], np.float16).view(np.uint8)
            else:
                data = rng.standard_normal(shape).astype(np.float32) * 0.02 + ("norm" in name and "weight" in name)
            f.write(np.ascontiguousarray(data, np.uint8 if blocks else np.float32).tobytes())
            f.write(b"\0" * (-size % 32))


if __name__ == "__main__":
    main()
