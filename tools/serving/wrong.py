"""Wrong requests to a server of films, made up from a seed, each with the answers that are right for it."""
import base64
import json
import random
import re
from dataclasses import dataclass

from server import SMALL

RED = {"prompt": "A red ball.", **SMALL}
LONG_TEXT = "a" * 40_000
NO_ID = "video_" + 32 * "0"
NOT_A_PICTURE = base64.b64encode(b"not a picture").decode()

# Values that a field cannot have in JSON.
WRONG_VALUES = {
    "prompt": [None, 5, True, [], {}, "", " \t\n", "a\u0000b", "a\u0007b", "\x7f", LONG_TEXT],
    "model": ["none", 5, "", "../demo", "/etc", ["demo"]],
    "negative_prompt": [5, ["a"], "a\u0000", LONG_TEXT],
    "size": ["96", "0x64", "-96x64", "96x64x3", "99999999x64", "axb", 96, "96×64", "", " ", "1e2x64", [96, 64], {"w": 1}],
    "width": [0, -1, 10**9, "96", 1.5, True, [], 10**30],
    "height": [0, -64, 10**9, "a", 2.5, False],
    "seconds": ["-1", "nan", "inf", 10**9, [], "4 seconds", "", -0.5, True],
    "num_frames": [0, -4, 10**6, 1.5, "x", True, [], {}, 10**30],
    "fps": [0, -1, "a", 10**9, "1/0", "24/", [], True, ""],
    "num_inference_steps": [0, -1, 1001, 2.5, "2", True, [], 10**30],
    "guidance_scale": ["a", "3", [], True, {}],
    "guidance_scale_2": [3, "a", []],
    "flow_shift": ["a", [], True, -1],
    "seed": [-2, 1.5, 2**64, "x", "7", [], True],
    "lora": ["none", 5, [5], [None], {"name": 5}, {"name": "a", "weight": "b"}, {"weight": 1}, ["../../etc/passwd"], "a:b:c", {"name": "a", "b": 1}],
    "input_reference": ["http://localhost/a.png", "file:///etc/passwd", "/etc/passwd", {"image_url": "https://localhost/a.png"},
                        {"file_id": "../queue.sqlite"}, {"file_id": 64 * "0" + ".png"}, {"file_id": 5}, 5, [], {}, "data:,", "",
                        "data:image/png;base64,@@@@", "data:image/png;base64,", "data:image/png;base64," + NOT_A_PICTURE,
                        {"image_url": "data:image/png;base64," + NOT_A_PICTURE}, {"image_url": {"url": 5}}, {"other": "a"}],
    "container": ["avi", 5, "../mp4", [], "mp4/../../a"],
    "extra_params": [[], "a", 5, {"output": "/tmp/a.mp4"}, {"job": "/tmp/a.job"}, {"colour": 1}, {"fps": "nan"}, {"cfg": "inf"}, {"shift": "nan"}, {"steps": 5}, {"prompt": "another"},
                     {"solver": "none"}, {"strength": 2}, {"codec": "none"}, {"bits": 3}, {"crf": -5}, {"cache": "nothing"},
                     {"image": "/etc/passwd"}, {"video": "/etc"}, {"layout": "/etc/passwd"}, {"model": "/etc"}, {"overwrite": True},
                     {"attention": "some"}, {"noise": "tpu"}, {"solver": {}}, {"guidance_interval": "1:0"}, {"": 1}],
}


@dataclass
class Case:
    what: str
    request: bytes
    right: tuple  # statuses
    body: bytes = None  # that a right answer has
    method: str = "GET"


def head(method, target, headers=(), body=b"", length=True):
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *headers]
    if length and (body or method == "POST"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def post(target, body, kind="application/json", headers=()):
    return head("POST", target, [f"Content-Type: {kind}", *headers] if kind else headers, body)


def part(name, value, filename=None, disposition="form-data"):
    file = f'; filename="{filename}"' if filename else ""
    return f'Content-Disposition: {disposition}; name="{name}"{file}\r\n\r\n'.encode() + value


def form(parts, boundary=b"b"):
    return b"".join(b"--" + boundary + b"\r\n" + one + b"\r\n" for one in parts) + b"--" + boundary + b"--\r\n"


class Wrong:
    """`done`, `running`, `queued`: ids of films in these states; `film`: the bytes of the first."""

    def __init__(self, seed, done, running, queued, film):
        self.rng = random.Random(seed)
        self.done, self.running, self.queued, self.film = done, running, queued, film
        self.kinds = [self.fields, self.fields, self.json_text, self.form_fields, self.form_text, self.framing, self.framing,
                      self.addresses, self.ranges, self.queries, self.states, self.sites]

    def case(self):
        case = self.rng.choice(self.kinds)()
        case.method = case.request.split(b" ", 1)[0].decode("latin-1")
        return case

    def word(self, most=12):
        return "".join(self.rng.choice("abcdefghijklmnopqrstuvwxyz_-0123456789") for _ in range(self.rng.randint(1, most)))

    def noise(self, most=40):
        return bytes(self.rng.randrange(256) for _ in range(self.rng.randint(1, most)))

    def address(self):
        return self.rng.choice(["/v1/videos", "/v1/videos", "/v1/videos/sync", f"/v1/videos/{self.done}/remix", "/v1/plan"])

    def fields(self):
        name = self.rng.choice(list(WRONG_VALUES))
        address = self.address()
        body = dict(RED)
        if self.rng.random() < 0.15:
            name, value = "x" + self.word(), self.rng.choice([1, "a", None, [], {}])
        else:
            value = self.rng.choice(WRONG_VALUES[name])
        body[name] = value
        right = (400,)
        if name == "prompt" and value is None and address == "/v1/plan":
            right = (200,)  # a plan needs none
        return Case(f"{name}: {str(value)[:60]!r} to {address}", post(address, json.dumps(body).encode()), right)

    def json_text(self):
        whole = json.dumps(RED).encode()
        cut = self.rng.randrange(len(whole))
        body, right = self.rng.choice([
            (whole[:cut], (400,)), (whole + b"}", (400,)), (b"[" * 5000, (400,)), (b'{"a":' * 5000, (400,)), (b"", (400,)),
            (b"[]", (400,)), (b"null", (400,)), (b"7", (400,)), (b'"text"', (400,)), (b"\x00" + whole, (400,)),
            (whole.replace(b'"size"', b'"prompt"'), (400,)), (whole[:-1] + b', "seed": NaN}', (400,)), (whole[:-1] + b', "seed": 1e999}', (400,)),
            (whole[:-1] + b', "negative_prompt": "\\ud800"}', (400,)), (whole[:-1] + b', "negative_prompt": "\xff"}', (400,)),
            (whole[:cut] + self.noise() + whole[cut:], (400, 202)), (self.noise(400), (400,)), (b" " * (17 << 20), (413,)),
        ] if self.rng.random() < 0.98 else [(b'{"prompt": "' + b"a" * (17 << 20) + b'"}', (413,))])
        if len(body) > 1 << 20 and self.rng.random() < 0.9:  # few of these
            body, right = b"{" + whole, (400,)
        kind = "application/json"
        if self.rng.random() < 0.2:
            kind, right = self.rng.choice(["text/plain", "", "application/xml", "application/x-www-form-urlencoded", "multipart/mixed; boundary=b", "json"]), (415, 413)
        coded = ["Content-Encoding: gzip"] if self.rng.random() < 0.03 else []
        return Case(f"body {body[:40]!r} as {kind!r}", post("/v1/videos", body, kind, coded), (415, 413) if coded else right)

    def form_fields(self):
        name = self.rng.choice([name for name in WRONG_VALUES if name not in ("extra_params", "input_reference", "lora", "prompt")])
        # In a form every value is a text.
        value = self.rng.choice(["x", "", "-", "\x07", "1 2", "0x10", LONG_TEXT, "../a", "[1", "nan"])
        right = (400,)
        if name in ("negative_prompt",) and value not in ("\x07", LONG_TEXT):
            right = (202,)
        fields = {**{key: str(text) for key, text in RED.items()}, name: value}
        body = form([part(key, text.encode()) for key, text in fields.items()])
        return Case(f"form's {name}: {value[:40]!r}", post("/v1/videos", body, "multipart/form-data; boundary=b"), right)

    def form_text(self):
        parts = [part(key, str(text).encode()) for key, text in RED.items()]
        whole = form(parts)
        picture = part("input_reference", self.noise(300), "a.png")
        kind, body = self.rng.choice([
            ("boundary=b", whole[:self.rng.randrange(len(whole) - 4)]), ("", whole), ("boundary=", whole), ("boundary=" + 71 * "b", whole),
            ("boundary=c", whole), ("boundary=b", form([*parts, picture])), ("boundary=b", form([*parts, picture, picture])),
            ("boundary=b", form([*parts, part("prompt", b"a", "a.txt")])), ("boundary=b", form([*parts, part(self.word(), b"a")])),
            ("boundary=b", form([*parts, part("size", b"64x64")])), ("boundary=b", form([*parts, b"no colon\r\n\r\na"])),
            ("boundary=b", form([*parts, b"\r\n\r\na"])), ("boundary=b", form([*parts, part("", b"a")])),
            ("boundary=b", form([*parts, part("seed", b"1", disposition="attachment")])), ("boundary=b", form([part("seed", b"1")] * 101)),
            ("boundary=b", form([*parts, b"X: " + b"a" * 9000 + b"\r\n\r\na"])), ("boundary=b", form([*parts, part("seed", b"\xff\xfe")])),
            ("boundary=b", b""), ("boundary=b", self.noise(500)), ("boundary=b", form([*parts, part("extra_params", b"{")])),
            ("boundary=b", form([*parts, part("extra_params[steps", b"5")])), ("boundary=b", form([*parts, part("extra_params[colour]", b"5")])),
            ("boundary=b", form([*parts, part("size[a]", b"5")])), ("boundary=b", form([*parts, part("lora[]", b"none"), part("lora[]", b"a")])),
            ("boundary=b", form([*parts, part("input_reference", b"", "a.png")])),
        ])
        return Case(f"form {kind!r} {body[-60:]!r}", post("/v1/videos", body, f"multipart/form-data; {kind}"), (400,))

    def framing(self):
        rng = self.rng
        get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
        create = "POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        text, right = rng.choice([
            ("GET /healthz\r\n\r\n", 400), ("GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400), ("GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
            ("GET /healthz http/1.1\r\nHost: localhost\r\n\r\n", 400), ("G T /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
            ("GET healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400), ("(GET) / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
            (f"{33 * 'A'} / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400), ("GET /\x80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
            (f"GET /{'a' * rng.randint(4100, 9000)} HTTP/1.1\r\nHost: localhost\r\n\r\n", 414), (get + 101 * "A: b\r\n" + "\r\n", 431),
            (get + f"A: {'b' * rng.randint(17_000, 30_000)}\r\n\r\n", 431), ("GET /healthz HTTP/1.1\r\n\r\n", 400), (get + "Host: localhost\r\n\r\n", 400),
            (get + "no colon\r\n\r\n", 400), (get + "A : b\r\n\r\n", 400), (get + "A: b\r\n c\r\n\r\n", 400), (get + "A: b\x01\r\n\r\n", 400),
            (get + "A: b\x00c\r\n\r\n", 400), (get + ": b\r\n\r\n", 400), (get.replace("\r\n", "\n") + "\n", 400), (get + "Expect: tea\r\n\r\n", 417),
            *((create + f"Content-Length: {value}\r\n\r\n", 400) for value in ("-1", "abc", "1e3", "", "1, 1", "+5", "0x10")),
            (create + f"Content-Length: {'9' * 30}\r\n\r\n", 413), (create + f"Content-Length: {rng.randint(1 << 25, 1 << 62)}\r\n\r\n", 413),
            (create + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400), (create + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400),
            (create + "Transfer-Encoding: gzip\r\n\r\n", 501), (create + "Transfer-Encoding: chunked, chunked\r\n\r\n", 501),
            *((create + "Transfer-Encoding: chunked\r\n\r\n" + chunks, 400) for chunks in ("zz\r\n{}\r\n0\r\n\r\n", "2\r\n[]\r\n0\r\n\r\n")),
            (create.replace("1.1", "1.0") + "Transfer-Encoding: chunked\r\n\r\n", 400), (f"{rng.choice(['BREW', 'PUT', 'PATCH', 'TRACE', 'DELETE'])} /v1/videos HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
            ("POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405), (f"PUT /v1/videos/{self.done} HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
            (create + "\r\n", 400),
        ])
        if rng.random() < 0.1:
            return Case("noise", self.noise(300).replace(b"\n", b"") + b"\r\n\r\n", (400, 414, 431, 505))
        return Case(f"{text[:60]!r}...{text[-40:]!r}", text.encode("latin-1"), (right,))

    def addresses(self):
        rng = self.rng
        identifier = rng.choice([NO_ID, "video_", self.word(60), self.done[:-1], self.done + "0", self.done.upper(), "..%2f..%2fqueue.sqlite", "%2e%2e", "a" * 65,
                                 "%00", self.done + "%00", "%c3%a9", "%ff", "a%2fb", "'%20or%201=1--", "%25", "*", "~", "video_" + 32 * "g", "sync2", ".."])
        method, action = rng.choice([("GET", ""), ("DELETE", ""), ("GET", "/content"), ("GET", "/preview"), ("GET", "/events"), ("POST", "/cancel"),
                                     ("POST", "/resume"), ("POST", "/remix"), ("POST", "/decode"), ("GET", "/request"), ("HEAD", "/content")])
        target, right = f"/v1/videos/{identifier}{action}", (404,)
        if rng.random() < 0.3:
            target, right = rng.choice([("/v2/videos", 404), ("/v1/videos/", 404), ("//v1/videos", 404), ("/v1/../v1/videos", 404), ("/etc/passwd", 404),
                                        ("/../../etc/passwd", 404), ("/%2e%2e/%2e%2e/etc/passwd", 404), ("/films/", 404), ("/queue.sqlite", 404), ("/index.html/", 404),
                                        ("/v1/videos/%", 400), ("/v1/videos/%zz", 400), ("/v1/videos/%2", 400), ("/v1", 404), ("/V1/videos", 404)])
            right = (right,)
        body = b'{"prompt": "a"}' if action == "/remix" else b"{}" if method == "POST" else b""
        return Case(f"{method} {target}", head(method, target, ["Content-Type: application/json"], body), right)

    def ranges(self):
        rng, size = self.rng, len(self.film)
        number = lambda: rng.choice(["", "0", "1", str(size - 1), str(size), str(size + 1), str(rng.randrange(size)), "-1", "9" * 30, "a", " 1", "+1", "1.5"])
        value = rng.choice(["bytes=", "bytes=", "bytes=", "bytes=", "bytes", "Bytes=", "byte=", "", "bytes ="]) + number() + rng.choice(["-", "-", "-", "--", "", ":"]) + number()
        if rng.random() < 0.1:
            value += f",{number()}-{number()}"
        first, last = 0, size - 1
        found = re.fullmatch(r"bytes=\s*(\d*)-(\d*)\s*", value)
        status = 200
        if found and (found[1] or found[2]) and not (found[1] and found[2] and int(found[2]) < int(found[1])):
            if found[1]:
                first, last = int(found[1]), min(int(found[2] or size), size - 1)
            else:
                first = size - min(int(found[2]), size)
            status = 206 if first < size else 416
        body = self.film[first:last + 1] if status == 206 else self.film if status == 200 else None
        return Case(f"range {value!r}", head("GET", f"/v1/videos/{self.done}/content", [f"Range: {value}"]), (status,), body)

    def queries(self):
        rng = self.rng
        query = rng.choice(["limit=0", "limit=101", "limit=abc", "limit=-1", "limit=1e1", "limit=", "limit", "limit=%2020", "limit=99999999999999999999", "order=up", "order=DESC", "order=",
                            "after=%00", "after=%ff", "limit=2&limit=2", "order=asc&order=desc", "limit=%", "a%zz=1",
                            f"{self.word()}_=1", "limit=5&%6cimit=5", "limit[]=5"])
        target = rng.choice([f"/v1/videos?{query}", f"/v1/videos/{self.done}/content?variant={rng.choice(['film', '', 'VIDEO', '..%2fjob', '%ff'])}",
                             f"/v1/videos/{self.done}?a=1", "/v1/models?limit=1", "/metrics?a", f"/v1/videos/{self.done}/content?variant=video&variant=video"])
        if rng.random() < 0.1:
            return Case("after", head("GET", f"/v1/videos?after={rng.choice([NO_ID, 'x'])}"), (404,))
        return Case(target, head("GET", target), (400,))

    def states(self):
        rng = self.rng
        action, identifier, body, right = rng.choice([
            ("cancel", self.done, b"{}", 409), ("cancel", self.done, b"", 409), ("resume", self.done, b"", 409), ("resume", self.queued, b"", 409), ("resume", self.running, b"{}", 409),
            ("cancel", self.running, b'{"a": 1}', 400), ("cancel", self.queued, b"[]", 400), ("cancel", self.queued, b"{", 400), ("cancel", self.running, b" " * 5000, 413),
            ("decode", self.running, b'{"container": "mkv"}', 409), ("decode", self.queued, b'{"container": "mkv"}', 409), ("decode", self.done, b'{"container": "avi"}', 400),
            ("decode", self.done, b'{"prompt": "a"}', 400), ("decode", self.done, b'{"codec": "none"}', 400), ("decode", self.done, b'{"crf": 900}', 400), ("decode", self.done, b'{"steps": 5}', 400),
            ("decode", self.done, b"7", 400), ("remix", self.done, b"{}", 400), ("remix", self.queued, b'{"prompt": ""}', 400), ("remix", self.done, b'{"seed": 5}', 400)])
        if rng.random() < 0.3:
            target = rng.choice([f"/v1/videos/{self.queued}/content", f"/v1/videos/{self.running}/content?variant=thumbnail", f"/v1/videos/{self.queued}/preview", f"/v1/videos/{self.queued}/content?variant=spritesheet"])
            return Case(target, head("GET", target), (409,))
        return Case(f"{action} {body[:30]!r}", post(f"/v1/videos/{identifier}/{action}", body), (right,))

    def sites(self):
        host = self.rng.choice(["films.example.org", "", "localhost.example.org", "10.0.0.1", "[::2]", "128.0.0.1", "a@localhost", ":80"])
        origin = self.rng.choice(["https://example.org", "null", "http://localhost.example.org", "file://", "http://127.0.0.1.example.org"])
        if self.rng.random() < 0.5:
            return Case(f"Host: {host}", f"GET /v1/videos HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), (403,))
        return Case(f"Origin: {origin}", post("/v1/videos", json.dumps(RED).encode(), headers=[f"Origin: {origin}"]), (403,))
