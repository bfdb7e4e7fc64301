#!/usr/bin/env python3
"""Writes the inputs from which the fuzzers start: corpus/TARGET/valid-*, and some wrong ones. Needs only Python."""
import json
import pathlib
import struct
import zipfile
import zlib

CORPUS = pathlib.Path(__file__).parent / "corpus"
LORAS = pathlib.Path(__file__).parents[1] / "data/lora"


def write(target, name, content, valid=True):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / (f"valid-{name}" if valid else name)).write_bytes(content)


def ramp(count):
    """Bytes that tell elements apart."""
    return bytes(i * 37 % 256 for i in range(count))


# Safetensors.

SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1}


def elements(shape):
    count = 1
    for extent in shape:
        count *= extent
    return count


def safetensors(tensors, metadata={}):
    """tensors: {name: (type, shape)} or {name: (type, shape, bytes)}."""
    header, data = ({"__metadata__": metadata} if metadata != {} else {}), b""
    for name, (dtype, shape, *content) in tensors.items():
        values = content[0] if content else ramp(elements(shape) * SIZES[dtype])
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def safetensors_seeds():
    write("safetensors", "types", safetensors({f"x.{t}": (t, [2, 3]) for t in SIZES}, {"format": "pt", "step": "3"}))
    write("safetensors", "others", safetensors({"a": ("F32", [2]), "b": ("U16", [2], ramp(4)), "c": ("F4", [3], ramp(2)),
                                                "d": ("C64", [], ramp(8)), "scale": ("F8_E8M0", [0, 2], b"")}))
    write("safetensors", "null-metadata", safetensors({"a": ("F32", [2])}, None))
    write("safetensors", "shapes", safetensors({"scalar": ("F32", []), "none": ("F16", [0, 5]), "five": ("BF16", [1, 2, 1, 2, 3])}))
    write("safetensors", "scaled", safetensors({
        "model.diffusion_model.patch_embedding.weight": ("F16", [2, 1, 1, 2, 2]),
        "model.diffusion_model.a.weight": ("F8_E4M3", [4, 6]),
        "model.diffusion_model.a.scale_weight": ("F32", [], floats(0.5)),
        "model.diffusion_model.b.weight": ("F8_E4M3", [2, 3]),
        "model.diffusion_model.b.weight_scale": ("F32", [2, 1], floats(1, 2)),
        "model.diffusion_model.scaled_fp8": ("F8_E4M3", [2]),
        "first_stage_model.decoder.conv1.weight": ("F32", [1, 1, 1, 1, 1]),
        "text_encoders.umt5xxl.transformer.shared.weight": ("BF16", [4, 2]),
    }))
    notes = {"format_version": "1.0", "layers": {"model.d": {"format": "float8_e5m2", "full_precision_matrix_mult": True}}}
    write("safetensors", "scales", safetensors({
        "net.patch_embedding.weight": ("F64", [2, 1, 1, 2, 2]),
        "net.a.weight": ("I8", [4, 6]),
        "net.a.scale_weight": ("BF16", [4, 2, 1]),
        "net.b.int8_weight": ("I8", [130, 2]),
        "net.b.scale": ("F32", [2, 1], floats(1, 2)),
        "net.c.weight._data": ("I8", [2, 3]),
        "net.c.weight._scale": ("F32", [2, 1], floats(1, 2)),
        "net.d.weight": ("F8_E5M2", [2, 3]),
        "net.d.weight_scale": ("F32", [1, 3], floats(1, 2, 3)),
        "net.d.pre_quant_scale": ("F32", [3], floats(1, 2, 3)),
        "net.d.comfy_quant": ("U8", [21], b'{"format": "int8" }  '),
    }, {"_quantization_metadata": json.dumps(notes)}))
    for dialect in ("conv_mid", "differences_by_name", "dora_columns", "dora_lokr", "loha_kernel", "lokr_both",
                    "lokr_kernel", "patterns", "types", "unknown_flat"):
        write("safetensors", f"lora-{dialect}", (LORAS / f"{dialect}.safetensors").read_bytes())
    lora = {f"diffusion_model.blocks.0.q.lora_{part}.weight": ("F32", shape) for part, shape in (("A", [2, 4]), ("B", [3, 2]))}
    lora["diffusion_model.blocks.0.q.alpha"] = ("F32", [], floats(2))
    lora |= {f"diffusion_model.blocks.0.norm3.diff{part}": ("F16", [4]) for part in ("", "_b", "_m")}
    write("safetensors", "lora", safetensors(lora))
    peft = {f"base_model.model.v.lora_{part}.default.weight": ("BF16", shape) for part, shape in (("A", [1, 4]), ("B", [3, 1]))}
    settings = json.dumps({"transformer.r": 1, "transformer.lora_alpha": 4, "use_rslora": True, "rank_pattern": {}})
    write("safetensors", "peft", safetensors(peft, {"lora_adapter_metadata": settings}))
    write("safetensors", "kohya", safetensors({"lora_unet_blocks_0_q.lora_down.weight": ("F16", [1, 2]),
                                               "lora_unet_blocks_0_q.lora_up.weight": ("F16", [2, 1]),
                                               "lora_unet_blocks_0_q.alpha": ("F16", [1], b"\0\x3c")}))


# Pickles and torch's archives.

def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def integer(value):
    if 0 <= value < 256:
        return b"K" + bytes([value])
    return b"J" + struct.pack("<i", value) if abs(value) < 1 << 31 else b"\x8a\x08" + struct.pack("<q", value)


def pickled_tensor(kind, key, count, shape, strides, offset=0):
    storage = b"(" + text("storage") + b"ctorch\n" + kind.encode() + b"\n" + text(key) + text("cpu") + integer(count) + b"tQ"
    numbers = [b"(" + b"".join(integer(x) for x in list_) + b"t" for list_ in (shape, strides)]
    return (b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + integer(offset) + b"".join(numbers) +
            b"\x89ccollections\nOrderedDict\n)RtR")


def state_dict(tensors):
    return b"ccollections\nOrderedDict\n)R(" + b"".join(text(n) + t for n, t in tensors.items()) + b"u"


def pth(entries):
    """Laid out by torch's rule: data begins at multiples of 64."""
    class Sink:
        def __init__(self):
            self.data = bytearray()

        def write(self, some):
            self.data += some
            return len(some)

        def flush(self):
            pass

    sink = Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in entries.items():
            entry = zipfile.ZipInfo(name)
            padding = -(len(sink.data) + 30 + len(name) + 4) % 64
            entry.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
            archive.writestr(entry, content)
    return bytes(sink.data)


def pth_seeds():
    plain = {"a.weight": pickled_tensor("FloatStorage", "0", 12, [3, 4], [4, 1]),
             "a.bias": pickled_tensor("BFloat16Storage", "1", 4, [4], [1])}
    strided = {"t": pickled_tensor("HalfStorage", "0", 24, [4, 3], [1, 4], 5),
               "repeated": pickled_tensor("FloatStorage", "0", 12, [2, 3], [0, 1]),
               "scalar": pickled_tensor("LongStorage", "1", 1, [], []),
               "none": pickled_tensor("ByteStorage", "1", 8, [0, 3], [3, 1])}
    nested = (b"\x80\x02}q\x00(" + text("epoch") + integer(7) + text("lr") + b"G" + struct.pack(">d", 0.5) +
              text("betas") + b"](G" + struct.pack(">d", 0.9) + b"Ne" + text("model_state") + state_dict(plain) + b"u.")
    parameter = (b"\x80\x02" + b"ccollections\nOrderedDict\nq\x01)Rq\x02(" + text("w") + b"q\x03" +
                 b"ctorch._utils\n_rebuild_parameter\n(" + pickled_tensor("DoubleStorage", "0", 3, [3], [1]) +
                 b"\x88h\x01)RtR" + b"u}" + text("_metadata") + b"h\x02sb.")
    new = (b"\x80\x04" + b"}\x94(\x8c\x01w\x94" + pickled_tensor("IntStorage", "0", 2, [2], [1]) + b"\x94u.")
    pickles = {"plain": b"\x80\x02" + state_dict(plain) + b".", "strided": b"\x80\x02" + state_dict(strided) + b".",
               "nested": nested, "parameter": parameter, "protocol4": new}
    for name, pickle in pickles.items():
        write("pickle", name, pickle)
        write("pth", name, pth({"archive/data.pkl": pickle, "archive/byteorder": b"little",
                                "archive/data/0": ramp(48), "archive/data/1": ramp(8), "archive/version": b"3\n"}))


    old_pth_seeds(plain)
    modern_pickle_seeds(plain)


def global_of(module, name):
    """As protocol 4 and later import."""
    return b"\x8c" + bytes([len(module)]) + module.encode() + b"\x8c" + bytes([len(name)]) + name.encode() + b"\x93"


def old_pth_seeds(plain):
    """The format before torch 1.6: pickles, then storages. The last tensor is on a view of a storage, as Python 2 wrote it."""
    view = (b"ctorch._utils\n_rebuild_tensor\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x0c(U\x011K\x02K\x06ttQ" +
            b"K\x01K\x02K\x02\x86K\x02K\x01\x86tR")
    python2 = b"ccollections\nOrderedDict\n(](](U\x01w" + view + b"ee" + b"tR"
    little = b"\x80\x02}(" + text("protocol_version") + integer(1001) + text("little_endian") + b"\x88" + text("type_sizes") + b"}u."
    magic = b"\x8a\x0a" + bytes.fromhex("6cfc9c46f9206aa85019") + b"."
    for name, object_, keys in (("old", state_dict(plain), {"0": (12, ramp(48)), "1": (4, ramp(8))}),
                                ("old-python2", python2, {"0": (12, ramp(48))})):
        pickles = [magic, integer(1001) + b".", little[2:], object_ + b".",
                   b"](" + b"".join(text(key) for key in keys) + b"e."]
        storages = b"".join(struct.pack("<q", count) + content for count, content in keys.values())
        write("pth", name, b"".join(b"\x80\x02" + p for p in pickles) + storages)
        write("pickle", name, b"\x80\x02" + object_ + b".")


def modern_pickle_seeds(plain):
    """Opcodes of protocols 4 and 5, types of elements apart from storages, attributes, and what else is in checkpoints."""
    storage = (b"(" + text("storage") + global_of("torch.storage", "UntypedStorage") + text("0") + text("cpu") + integer(12) + b"tQ")
    third = [global_of("torch._utils", "_rebuild_tensor_v3") + b"(" + storage + b"K\x00K\x0c\x85K\x01\x85\x89N" +
             global_of("torch", kind) + b"tR" for kind in ("float8_e4m3fn", "float8_e5m2")]
    attributes = (global_of("torch._tensor", "_rebuild_from_type_v2") + b"(" + global_of("torch._utils", "_rebuild_parameter_with_state") +
                  global_of("torch.nn.parameter", "Parameter") + b"(" + pickled_tensor("FloatStorage", "0", 12, [3], [1]) + b"\x88N}t}tR")
    array = (global_of("numpy._core.multiarray", "_reconstruct") + global_of("numpy", "ndarray") + b"K\x00\x85C\x01b\x87R(" +
             b"K\x01K\x01\x85" + global_of("numpy", "dtype") + b"\x8c\x02f4\x89\x88\x87R\x89C\x04abcdtb")
    others = {"set": b"\x8f(K\x01K\x02\x90", "frozen": b"(K\x01\x91", "bytes": b"B\2\0\0\0ab", "array": array,
              "bytearray": b"\x96" + struct.pack("<Q", 2) + b"ab", "long": b"\x8b" + struct.pack("<I", 11) + ramp(11),
              "text": b"\x8d" + struct.pack("<Q", 1) + b"x", "int": b"I01\nL-12L\n\x860", "dup": b"K\x01200",
              "device": global_of("torch", "device") + text("cpu") + b"\x85R", "extents": global_of("torch", "Size") + b"K\x02\x85\x85R",
              "counter": global_of("collections", "Counter") + b"}" + text("a") + b"K\x01s\x85R"}
    del others["int"], others["dup"]  # they leave nothing on the stack
    dict_ = b"}(" + b"".join(text(n) + v for n, v in (others | {"e4m3": third[0], "e5m2": third[1], "p": attributes}).items()) + b"u"
    ema = (b"}(" + text("generator") + state_dict(plain) + text("critic") + state_dict(plain) + text("generator_ema") + b"}" +
           text("model") + dict_ + b"su.")
    for protocol in (4, 5):
        pickle = b"\x80" + bytes([protocol]) + b"\x95" + struct.pack("<Q", len(ema)) + b"I01\n0L-12L\n0F0.5\n0K\x0120" + b"0" + ema
        write("pickle", f"modern{protocol}", pickle)
        write("pth", f"modern{protocol}", pth({"a/data.pkl": pickle, "a/data/0": ramp(48), "a/data/1": ramp(8)}))


# GGUF.

def gguf_text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def gguf(tensors, metadata=(), version=3, alignment=32):
    """tensors: {name: (type, extents from the innermost on, bytes)}; metadata: (key, type, value's bytes)."""
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    for key, kind, value in metadata:
        out += gguf_text(key) + struct.pack("<I", kind) + value
    data = b""
    for name, (kind, extents, content) in tensors.items():
        out += gguf_text(name) + struct.pack(f"<I{len(extents)}QIQ", len(extents), *extents, kind, len(data))
        data += content + b"\0" * (-len(content) % alignment)
    return out + b"\0" * (-len(out) % alignment) + data


def gguf_seeds():
    plain = {kind: (number, [3, 2], ramp(6 * size)) for kind, number, size in
             (("f32", 0, 4), ("f16", 1, 2), ("i8", 24, 1), ("i16", 25, 2), ("i32", 26, 4), ("i64", 27, 8), ("f64", 28, 8),
              ("bf16", 30, 2))}
    write("gguf", "plain", gguf(plain, [("general.architecture", 8, gguf_text("wan")), ("split.count", 2, b"\1\0")]))
    blocks = {kind: (number, [elements_, 2], ramp(2 * size)) for kind, number, elements_, size in
              (("q8_0", 8, 32, 34), ("q4_k", 12, 256, 144), ("q5_k", 13, 256, 176), ("q6_k", 14, 256, 210))}
    classic = {kind: (number, [elements_, 2], ramp(2 * size)) for kind, number, elements_, size in
               (("q4_0", 2, 32, 18), ("q4_1", 3, 32, 20), ("q5_0", 6, 32, 22), ("q5_1", 7, 32, 24), ("iq4_nl", 20, 32, 18),
                ("q2_k", 10, 256, 84), ("q3_k", 11, 256, 110), ("iq4_xs", 23, 256, 136))}
    write("gguf", "classic-blocks", gguf(classic))
    shape = struct.pack("<IQ5i", 5, 5, 2, 4, 1, 2, 4)
    write("gguf", "blocks", gguf(blocks | {"patch": (8, [64], ramp(68))}, [("comfy.gguf.orig_shape.patch", 9, shape)]))
    words = struct.pack("<IQ", 8, 2) + gguf_text("a") + gguf_text("bc")
    write("gguf", "version2", gguf({"x": (0, [], floats(1)), "none": (0, [0], b"")},
                                   [("general.alignment", 4, struct.pack("<I", 8)), ("tokenizer.tokens", 9, words),
                                    ("scores", 9, struct.pack("<IQ", 6, 2) + floats(1, 2)), ("flag", 7, b"\1")], 2, 8))
    # A matrix large enough to stay encoded, whose rows are half blocks.
    write("gguf", "rows-split-blocks", gguf({"x": (8, [32, 160], ramp(34 * 160))},
                                            [("comfy.gguf.orig_shape.x", 9, struct.pack("<IQ2i", 5, 2, 320, 16))]), False)


# JSON.

def json_seeds():
    command = ["generate", "--prompt", "A red ball.", "-o", "film.mp4"]
    seeds = {
        "layout": {"grid": [5, 16, 28], "window_counts": [[5, 1, 1], [1, 4, 7]]},
        "shifted-layout": {"grid": [5, 16, 28], "window_counts": [[5, 1, 1], [1, 4, 7]], "shift": [[0, 3, 0], [1, 2, 1]],
                           "schedule": [1, 0, 1]},
        "batch": [{"prompt_en": "A red ball drifts left."}, {"prompt_en": "A star.", "seed": 3, "id": [1, None]}],
        "record": {"t3video": "0.1.0", "device": "cpu", "dtype": "f32",
                   "options": {"prompt": "A star.", "size": "448x256", "cfg": 5.5, "lora": ["/a:0.5", "/b:1"], "x": True},
                   "format": {"kind": "video", "codec": "h264", "bits": 8, "crf": 18}},
        "request": {"t3video": "0.1.0", "prompt": "A star.", "width": 448, "height": 256, "frames": 17, "steps": 8, "cfg": 1.5},
        "command": command,
        "decoded": {"output": "film.mp4", "command": command, "frames": 9, "of": 17},
        "config": {"num_heads": 12, "eps": 1e-6, "num_attention_heads": 6},
        "generation": {"width": 448, "height": 256, "frames": 17, "fps": 8, "steps": 20, "cfg": 4.5, "shift": 3,
                       "solver": "euler", "negative_prompt": "blur"},
        "scheduler": {"_class_name": "UniPCMultistepScheduler", "flow_shift": 3.0, "shift": 1},
    }
    for name, value in seeds.items():
        write("json", name, json.dumps(value).encode())
    # The file that it names is not there.
    index = {"weight_map": {"a": "model-1.safetensors"}, "metadata": {"total_size": 4}}
    write("safetensors", "index", json.dumps(index).encode(), False)
    write("json", "numbers-beyond-64-bits", json.dumps(seeds["request"] | {"width": 1e300}).encode(), False)
    write("json", "frames-beyond-64-bits", json.dumps(seeds["decoded"] | {"of": -1e300}).encode(), False)
    write("json", "solver-of-two-lines", json.dumps({"solver": "a\nb"}).encode(), False)
    write("json", "deep", b'{"x": ' + b"[" * 1000 + b"]" * 1000 + b"}", False)


# Pictures.


def chunk(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, bits, color, rows, extra=b"", interlaced=0):
    """rows: with the number of a filter in front of each."""
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND")


def tiff(*tags, order=">"):
    """tags: (number, value), of 16 bits each."""
    entries = b"".join(struct.pack(order + "HHIHH", tag, 3, 1, value, 0) for tag, value in tags)
    return (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "IH", 8, len(tags)) + entries + bytes(4)


def segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def box(kind, data, version=None):
    full = b"" if version is None else bytes([version, 0, 0, 0])
    return struct.pack(">I", len(full + data) + 8) + kind + full + data


def heif(kind):
    """Of one picture, which is turned and mirrored."""
    item = box(b"infe", struct.pack(">HH", 1, 0) + kind + b"\0", 2)
    properties = box(b"ispe", struct.pack(">II", 64, 48), 0) + box(b"irot", b"\1") + box(b"imir", b"\1")
    uses = box(b"ipma", struct.pack(">IHB", 1, 1, 3) + b"\x81\x82\x83", 0)
    return box(b"ftyp", b"heic" + bytes(4) + b"mif1heic") + box(
        b"meta", box(b"pitm", b"\0\1", 0) + box(b"iinf", b"\0\1" + item, 0) + box(b"iprp", box(b"ipco", properties) + uses), 0)


def picture_seeds():
    turned = chunk(b"eXIf", tiff((274, 6)))
    write("picture", "rgb", png(2, 2, 8, 2, bytes([0, *range(6), 4, *range(6)])))
    write("picture", "turned", png(2, 1, 8, 0, bytes([0, 7, 8]), turned + chunk(b"pHYs", struct.pack(">IIB", 100, 200, 1))))
    palette = chunk(b"PLTE", bytes([1, 2, 3, 40, 50, 60])) + chunk(b"tRNS", b"\0")
    write("picture", "interlaced", png(3, 2, 1, 3, bytes([0, 128, 0, 0, 0, 128, 0, 64]), palette, 1))
    write("picture", "interlaced-16", png(1, 5, 16, 6, b"".join(bytes([1]) + ramp(8) for _ in range(5)), b"", 1))
    write("picture", "interlaced-huge", png(32768, 32768, 1, 0, bytes(9), b"", 1), False)
    exif = segment(0xE1, b"Exif\0\0" + tiff((256, 2), (274, 8), order="<"))
    jfif = segment(0xE0, b"JFIF\0\1\1\0" + struct.pack(">HHH", 4, 3, 0))
    jpeg = b"\xFF\xD8" + jfif + exif + segment(0xDA, b"x") + b"ab\xFF\0\xFF\xD0c\xFF\xD9"
    write("picture", "jpeg", jpeg)
    write("picture", "jpeg-and-video", jpeg + box(b"ftyp", b"mp42" + bytes(4)))
    write("picture", "jpeg-ends-early", jpeg[:-2], False)
    webp = b"VP8X" + struct.pack("<I", 10) + b"\x08" + bytes(9) + b"EXIF" + struct.pack("<I", 26) + tiff((274, 3))
    write("picture", "webp", b"RIFF" + struct.pack("<I", len(webp) + 4) + b"WEBP" + webp)
    write("picture", "webp-animated", b"RIFF\0\0\0\0WEBP" + webp.replace(b"\x08", b"\x02", 1), False)
    write("picture", "tiff", tiff((274, 5), (338, 1), order="<"))
    write("picture", "heif", heif(b"hvc1"))
    write("picture", "heif-tiles", heif(b"grid"), False)


def data_list_seeds():
    """Lists of the clips a.mp4 and p.png, which the target puts beside them."""
    write("data_list", "records", b'\xef\xbb\xbf[{"data_file": "a.mp4", "prompt_en": "A."},\n {"image": "p.png", "cap": ["B", "C"], "fps": 3}]')
    write("data_list", "lines", b'{"video": "a.mp4", "prompt": "A."}\n\n{"video": "x.mp4", "prompt": "\\n"}\n{\n')
    write("data_list", "mapping", b'{"a.mp4": "A.", "p.png": []}')
    write("data_list", "table", b'video,prompt\r\na.mp4,"A, ""b""\r\nc"\r\np.png,\r\n')
    write("data_list", "semicolons", b'file_name;text\na.mp4;A\n')
    write("data_list", "musubi", b"""[general]
resolution = [960, 544]
caption_extension = ".txt"
enable_bucket = true
[[datasets]]
video_directory = "."
target_frames = [1, 24, 45]
frame_extraction = "slide"
frame_stride = 10
source_fps = 30.0
num_repeats = 2
[[datasets]]
image_jsonl_file = "none.jsonl"
""")
    write("data_list", "diffusion-pipe", b"""resolutions = [512, [1280, 720]]
min_ar = 0.5
num_ar_buckets = 3
frame_buckets = [1, 33]
ar_buckets = [[448, 576]]
[[directory]]
path = "."
""")
    write("data_list", "long-key", b"[[datasets]]\n" + b"a." * 2000 + b"a = 1\n", False)
    write("data_list", "beyond-ascii", b'[[datasets]]\nvideo_directory=4If"A:\xc4\xbf\n', False)
    write("data_list", "no-name-in-header", b"[[ `datasets]]\n", False)
    write("data_list", "deep", b"[[[[" * 1000, False)
    write("data_list", "huge-number", b"[[datasets]]\nvideo_directory = '.'\nframe_stride = 9223372036854775808\n", False)
    write("data_list", "open-quote", b'video,prompt\na.mp4,"A\n', False)



safetensors_seeds()
picture_seeds()
pth_seeds()
gguf_seeds()
json_seeds()
data_list_seeds()
