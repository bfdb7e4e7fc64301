#!/usr/bin/env python3
"""Many clients at once ask for films of the demo model and look after them, while others send slowly, too much, or listen: counts
what was lost, times status answers, watches the server's memory. Everything stays on this machine and ends by itself."""
import argparse
import collections
import multiprocessing
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from server import Client, Server, check, film, wait

LARGEST_UPLOAD = 8 << 20  # bytes, so that bodies that are too large need not be very large
OVER = ("completed", "failed")


class Tally:
    """What all clients saw."""

    def __init__(self):
        self.lock = threading.Lock()
        self.answers = collections.Counter()  # by what was asked and what came
        self.lost = collections.Counter()
        self.times = collections.defaultdict(list)
        self.accepted, self.removed, self.waiting = set(), set(), 0

    def answer(self, what, status, seconds=None):
        with self.lock:
            self.answers[what, status] += 1
            if seconds is not None:
                self.times[what].append(seconds)

    def lose(self, what, why):
        with self.lock:
            self.lost[f"{what}: {why}"] += 1

    def one_more(self, most):
        """Whether one more film may wait."""
        with self.lock:
            if self.waiting >= most:
                return False
            self.waiting += 1
            return True

    def one_less(self):
        with self.lock:
            self.waiting -= 1


def ask(client, tally, what, expected, method, path, fields=None):
    """The answer; nothing for one that was lost."""
    begun = time.monotonic()
    try:
        reply = client.ask(method, path, fields)
    except (OSError, ValueError) as error:
        return tally.lose(what, repr(error))
    except Exception as error:  # whatever http.client makes of an answer that is none
        return tally.lose(what, repr(error))
    tally.answer(what, reply.status, time.monotonic() - begun)
    if reply.status not in expected:
        return tally.lose(what, f"{reply.status} {reply.body[:200]!r}")
    return reply


def behave(number, port, tally, depth, pause, over):
    """One client: up to four films of its own, most of them watched to their end, some cancelled, some removed."""
    rng, client, own = random.Random(number), Client(port), []
    while not over.is_set():
        if len(own) < 4 and tally.one_more(depth):
            reply = ask(client, tally, "create", (202, 429), "POST", "/v1/videos", film(rng.randrange(1000)))
            if reply and reply.status == 202:
                own.append(reply.json["id"])
                with tally.lock:
                    tally.accepted.add(own[-1])
            else:
                tally.one_less()
        if own:
            look_after(client, tally, rng, own)
        over.wait(rng.uniform(0, 2 * pause))
    client.connection.close()


def look_after(client, tally, rng, own):
    identifier = rng.choice(own)
    path = f"/v1/videos/{identifier}"
    reply = ask(client, tally, "status", (200,), "GET", path)
    if not reply:
        return
    if reply.json["status"] not in OVER:
        if rng.random() < 0.01:
            ask(client, tally, "cancel", (200, 202, 409), "POST", path + "/cancel", {})
        return
    own.remove(identifier)
    tally.one_less()
    if reply.json["status"] == "completed":
        content = ask(client, tally, "content", (200, 503), "GET", path + "/content")
        if content and content.status == 200 and content.body[4:8] != b"ftyp":
            tally.lose("content", "no film")
    if rng.random() < 0.3 and ask(client, tally, "delete", (200,), "DELETE", path):
        with tally.lock:
            tally.removed.add(identifier)


def probe(port, seconds, pipe):
    """Status answers as one client meets them that does nothing else, in a process of its own."""
    client, times, end = Client(port), [], time.monotonic() + seconds
    while time.monotonic() < end:
        films = client.get("/v1/videos?limit=1&order=desc").json["data"]
        if films:
            begun = time.monotonic()
            reply = client.get(f"/v1/videos/{films[0]['id']}")
            if reply.status == 200:  # others remove films
                times.append(time.monotonic() - begun)
        time.sleep(0.05)
    pipe.send(times)


def listen(port, tally, over):
    """Reads a film's events to their end."""
    client = Client(port)
    while not over.is_set():
        films = client.get("/v1/videos?limit=1&order=desc").json["data"]
        if films:
            reply = ask(client, tally, "events", (200, 404, 503), "GET", f"/v1/videos/{films[0]['id']}/events")
            if reply and reply.status == 200 and b"event: done" not in reply.body and b"event: error" not in reply.body and not over.is_set():
                tally.lose("events", repr(reply.body[-200:]))
        over.wait(1)


def talk(port, head, pieces, over):
    """What the server says to a request that goes on and on; nothing for a connection that it ended without a word."""
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.setblocking(True)
        try:
            connection.sendall(head)
            for piece, pause in pieces:
                if over.is_set():
                    return "over"
                connection.settimeout(pause or 0.001)
                try:
                    return connection.recv(100)[9:12].decode()
                except TimeoutError:
                    connection.settimeout(60)
                connection.sendall(piece)
            return connection.recv(100)[9:12].decode()
        except OSError:
            return ""


def dawdle(port, tally, over, head, expected, pieces, what):
    while not over.is_set():
        said = talk(port, head, pieces(), over)
        if said != "over":
            tally.answer(what, said or "ended")
            if said not in expected:
                tally.lose(what, said)
        over.wait(1)


def beside(port, tally, over):
    """Those who send a byte a second, in the head or in the body, and those who send too much."""
    post = b"POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Type: %b\r\n%b\r\n\r\n"
    form = b"multipart/form-data; boundary=b"
    part = b'--b\r\nContent-Disposition: form-data; name="input_reference"; filename="a.png"\r\n\r\n'
    bytewise = lambda: ((b"a", 1) for _ in range(200))
    large = lambda: ((piece, 0) for piece in [part] + [b"x" * (1 << 20)] * 64)
    chunks = lambda: ((b"100000\r\n" + b"x" * (1 << 20) + b"\r\n", 0) for _ in range(64))
    length = b"Content-Length: %d"
    kinds = [(100, "slow head", b"GET /healthz HTTP/1.1\r\nHost: local", ("408",), bytewise),
             (40, "slow body", post % (b"application/json", length % 100_000), ("408", "503"), bytewise),
             (2, "announced too large", post % (form, length % (1 << 40)), ("413", "503"), large),  # 503: the slow bodies have all places
             # The answer may be lost under what is still sent: then the connection just ends.
             (2, "too large", post % (form, length % (30 << 20)), ("413", "503", ""), large),
             (2, "endless", post % (b"application/json", b"Transfer-Encoding: chunked"), ("413", "503", ""), chunks)]
    return [threading.Thread(target=dawdle, args=(port, tally, over, head, expected, pieces, what))
            for count, what, head, expected, pieces in kinds for _ in range(count)]


def watch(server, memory, over):
    begun = time.monotonic()
    while not over.is_set():
        memory.append((time.monotonic() - begun, server.memory()))
        over.wait(1)


def milliseconds(times):
    ordered = sorted(times)
    return f"median {1000 * statistics.median(ordered):.1f} ms, 99th percentile {1000 * ordered[int(0.99 * (len(ordered) - 1))]:.1f} ms of {len(ordered)}"


def end_films(client, tally, seconds):
    """Lets films be made for a while, and cancels what still waits then."""
    waiting = lambda: [one["id"] for one in client.films() if one["status"] not in OVER]
    wait(lambda: not waiting(), seconds, 1)
    left = waiting()
    for identifier in left:
        ask(client, tally, "cancel", (200, 202, 409), "POST", f"/v1/videos/{identifier}/cancel", {})
    check("every film is over in the end", wait(lambda: not waiting(), 120, 1))
    return len(left)


def report(tally, memory, probed, made, cancelled, failed, left, seconds):
    for (what, status), count in sorted(tally.answers.items(), key=str):
        print(f"  {what}: {count} x {status}")
    for what in ("status", "create", "content"):
        if tally.times[what]:
            print(f"  {what}, as the clients met it: {milliseconds(tally.times[what])}")
    print(f"  status, as a client alone in its process met it: {milliseconds(probed)}")
    print(f"  films: {len(tally.accepted)} accepted, {made} completed, {cancelled} cancelled (of them {left} at the end), "
          f"{len(tally.removed)} removed, {failed} failed")
    tenth = max(1, len(memory) // 10)
    print("  memory, MiB: " + ", ".join(f"{at:.0f} s {size:.0f}" for at, size in memory[::tenth]))
    for why, count in tally.lost.items():
        print(f"  LOST {count} x {why}")
    sys.stdout.flush()


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--program", type=Path, required=True, help="t3video")
    options.add_argument("--seconds", type=float, default=300)
    options.add_argument("--clients", type=int, default=200)
    options.add_argument("--depth", type=int, default=500, help="films that wait at most")
    options.add_argument("--pause", type=float, default=1, help="seconds between requests of a client")
    options.add_argument("--drain", type=float, default=60, help="seconds in which waiting films may be made before they are cancelled")
    options = options.parse_args()
    tally, memory, over = Tally(), [], threading.Event()
    with tempfile.TemporaryDirectory() as name:
        with Server(options.program, Path(name) / "data", ["--largest-upload", str(LARGEST_UPLOAD)]) as server:
            mine, his = multiprocessing.Pipe()
            watcher = multiprocessing.Process(target=probe, args=(server.port, options.seconds, his))
            watcher.start()
            ended = threading.Event()
            threads = [threading.Thread(target=behave, args=(number, server.port, tally, options.depth, options.pause, over))
                       for number in range(options.clients)]
            threads += [threading.Thread(target=listen, args=(server.port, tally, over)) for _ in range(20)]
            threads += beside(server.port, tally, over)
            memories = threading.Thread(target=watch, args=(server, memory, ended))
            for thread in [memories, *threads]:
                thread.start()
            client, deepest, end = Client(server.port), 0, time.monotonic() + options.seconds
            while time.monotonic() < end:
                deepest = max(deepest, sum(int(line.split()[-1]) for line in client.get("/metrics").body.decode().splitlines()
                                           if line.startswith(('t3video_films{state="queued"}', 't3video_films{state="running"}'))))
                time.sleep(1)
            over.set()
            left = end_films(client, tally, options.drain)
            for thread in threads:
                thread.join(120)
            probed = mine.recv()
            watcher.join()
            films = {one["id"]: one for one in client.films()}
            ended.set()
            memories.join()
            made = sum(one["status"] == "completed" for one in films.values())
            cancelled = sum((one["error"] or {}).get("code") == "cancelled" for one in films.values())
            failed = len(films) - made - cancelled
            report(tally, memory, probed, made, cancelled, failed, left, options.seconds)
            print(f"  deepest queue: {deepest}")
            check("no request was lost", not tally.lost, dict(tally.lost))
            missing = tally.accepted - tally.removed - films.keys()
            check("every accepted film is there", not missing, missing)
            check("none failed", failed == 0, [one for one in films.values() if one["status"] == "failed"][:2])
            check("the server stops in peace", server.stop() == 0)
    median = statistics.median(probed)
    check("the median status answer comes within 50 ms", median < 0.05, median)
    half = [size for at, size in memory if at > memory[-1][0] / 4]
    check("memory is flat behind the first quarter", max(half[len(half) // 2:]) < 1.1 * max(half[:len(half) // 2]) + 16, half[:: max(1, len(half) // 20)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
