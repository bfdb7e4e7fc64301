"""A server of the demo model and a client of it, for what looks at the server from outside."""
import http.client
import json
import random
import re
import subprocess
import time
from pathlib import Path

SMALL = {"size": "96x64", "num_frames": 5, "num_inference_steps": 2}  # the smallest film that is one
_done = 0


def check(what, truth, found=None):
    """Ends the run where it is false."""
    global _done
    if not truth:
        raise SystemExit(f"FAILED: {what}" + (f"; found {found!r}" if found is not None else ""))
    _done += 1
    print(f"ok: {what}", flush=True)


def checks_done():
    return _done


def wait(truth, seconds=300, pause=0.1):
    """What is true in the end, or the last that was not."""
    end = time.monotonic() + seconds
    while not (value := truth()) and time.monotonic() < end:
        time.sleep(pause)
    return value


class Server:
    def __init__(self, program, data, arguments=(), log=None):
        self.program, self.data, self.arguments = Path(program), Path(data), [str(word) for word in arguments]
        self.log = log or self.data.parent / f"{self.data.name}.log"
        self.process, self.port, self.url = None, None, None

    def start(self, seconds=120):
        """At a free port, which it prints."""
        self.begin()
        if not wait(self.answers_at, seconds, 0.02):
            raise SystemExit(f"FAILED: the server does not start: {self.log.read_text()[-2000:]}")
        return self

    def begin(self):
        with open(self.log, "a") as log:
            self.begun_at = log.tell()
            self.process = subprocess.Popen([str(self.program), "serve", "--data", str(self.data), "--port", "0", *self.arguments],
                                            stdout=log, stderr=subprocess.STDOUT)

    def answers_at(self):
        """Its address once it has one; nothing until then, and for a server that ended."""
        with open(self.log) as log:
            log.seek(self.begun_at)
            found = re.search(r"served at (http://127\.0\.0\.1:(\d+)/)", log.read())
        if found:
            self.url, self.port = found[1], int(found[2])
        elif self.process.poll() is not None:
            raise SystemExit(f"FAILED: the server ended: {self.log.read_text()[-2000:]}")
        return self.url if found else None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=120):
        self.process.terminate()
        return self.process.wait(seconds)

    def alive(self):
        return self.process.poll() is None

    def memory(self):
        """Resident, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def film(self):
        """A film that was made, as a file."""
        return next(self.data.glob("films/*/film.mp4"))

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.alive():
            self.stop()


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """One connection, which stays until it was idle for a while. Not for several threads."""

    def __init__(self, port, seconds=60):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
        self.asked = 0

    def ask(self, method, path, fields=None, headers=None):
        body = None if fields is None else json.dumps(fields)
        headers = {**({} if fields is None else {"Content-Type": "application/json"}), **(headers or {})}
        if time.monotonic() - self.asked > 30:  # the server lets idle ones go
            self.connection.close()
        self.asked = time.monotonic()
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        except BaseException:
            self.connection.close()
            raise

    def get(self, path, headers=None):
        return self.ask("GET", path, headers=headers)

    def post(self, path, fields=None):
        return self.ask("POST", path, fields)

    def delete(self, path):
        return self.ask("DELETE", path)

    def film(self, identifier):
        return self.get(f"/v1/videos/{identifier}").json

    def films(self):
        """All of them, oldest first."""
        films, after = [], ""
        while True:
            page = self.get(f"/v1/videos?order=asc&limit=100{after}").json
            films += page["data"]
            if not page["has_more"]:
                return films
            after = f"&after={page['last_id']}"

    def finished(self, identifier, seconds=300):
        """The film once it is over, or as it is then."""
        wait(lambda: self.film(identifier)["status"] in ("completed", "failed"), seconds)
        return self.film(identifier)


def film(number, **further):
    """Words of a request; the same number asks for the same film."""
    shapes = ["red ball", "blue square", "yellow star", "green triangle"]
    ways = ["bounces over a green hill", "drifts left", "rises in a starry night sky"]
    choice = random.Random(number)
    return {"prompt": f"A {choice.choice(shapes)} {choice.choice(ways)}.", "seed": number, **SMALL, **further}
