#!/usr/bin/env python3
"""Writes tests/data/quantised.gguf, blocks of every type that is read, with tests/data/quantised.safetensors, the values
that PyPI's gguf decodes them to, and prints the checksums in tests/checkpoint/quantised_test.cpp.

    pip install gguf safetensors && tools/make_quantised_vectors.py
"""
import pathlib
import warnings

import gguf
import numpy as np
from safetensors.numpy import save_file

DATA = pathlib.Path(__file__).parent.parent / "tests" / "data"
# Where a block has its 16-bit floats.
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "IQ4_NL": [0], "Q2_K": [80, 82],
          "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_XS": [0]}


def random_blocks(count, size):
    """Bytes of std::mt19937(7)."""
    words = np.random.RandomState(7).randint(0, 1 << 32, size=count * size // 4, dtype=np.uint32)
    return words.view(np.uint8).reshape(count, size)


def checksum(values):
    """Of the bits of the values, whatever NaNs look like."""
    bits = np.where(np.isnan(values), np.float32(np.nan), values).view(np.uint32).reshape(-1).astype(np.uint64)
    weights = np.arange(bits.size, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1)
    return int((bits * weights).sum(dtype=np.uint64))


def every_scale(name, kind, size):
    """Random blocks that have all values of a 16-bit float, upwards in one place and downwards in the other."""
    blocks = random_blocks(1 << 16, size)
    for n, at in enumerate(HALVES[name]):
        scales = np.arange(1 << 16, dtype=np.uint16)
        blocks[:, at:at + 2] = (scales[::-1] if n else scales).copy().view(np.uint8).reshape(-1, 2)
    return checksum(gguf.quants.dequantize(blocks, kind))


def main():
    warnings.simplefilter("ignore")  # of products with infinities
    writer, values = gguf.GGUFWriter(DATA / "quantised.gguf", "wan"), {}
    weights = np.random.default_rng(3).normal(size=(2, 256)).astype(np.float32)
    for name, places in HALVES.items():
        kind = gguf.GGMLQuantizationType[name]
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        try:
            blocks = gguf.quants.quantize(weights[:, :2 * elements], kind).reshape(-1, size)
        except NotImplementedError:  # it only decodes this type
            blocks = random_blocks(2, size).copy()
            for at in places:
                blocks[:, at:at + 2] = np.array([[0.01], [-0.003]], np.float16).view(np.uint8)
        blocks = blocks.reshape(2, -1)
        writer.add_tensor(name, blocks, raw_dtype=kind)
        values[name] = gguf.quants.dequantize(blocks, kind)
        print(f"{{&k{name}, {{{', '.join(map(str, places))}}}, {every_scale(name, kind, size):#018x}}},")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(values, DATA / "quantised.safetensors")


main()
