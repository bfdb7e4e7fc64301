#!/usr/bin/env python3
"""Kills a server of the demo model at random moments: every film that it accepted is there in the end, with the bytes of a run that
nobody disturbed. Then a full disk, a bound of the disk, and a second server on the same folder."""
import argparse
import collections
import contextlib
import hashlib
import http.client
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from server import Client, Server, check, film, wait

KINDS = 6  # of films; each is asked for again and again


def wanted(number):
    """Longer than the smallest film, so that kills meet films at all their stages."""
    return film(number % KINDS, num_inference_steps=4 + number % KINDS, num_frames=5 + 4 * (number % 2))


def digest(client, identifier):
    return hashlib.sha256(client.get(f"/v1/videos/{identifier}/content").body).hexdigest()


def undisturbed(program, folder):
    """The bytes of each kind of film, and the seconds that one takes."""
    with Server(program, folder / "calm") as server:
        client, begun = Client(server.port), time.monotonic()
        films = [client.post("/v1/videos", wanted(number)).json["id"] for number in range(KINDS)]
        check("an undisturbed run completes", all(client.finished(one)["status"] == "completed" for one in films))
        return [digest(client, one) for one in films], (time.monotonic() - begun) / KINDS


class Asker:
    """Asks for films one after the other until the server is gone."""

    def __init__(self):
        self.accepted, self.number = {}, 0  # id to kind

    def run(self, port, over, pause):
        try:
            client = Client(port, 10)
            while not over.is_set():
                self.number += 1
                reply = client.post("/v1/videos", wanted(self.number))
                if reply.status == 202:
                    self.accepted[reply.json["id"]] = self.number % KINDS
                over.wait(pause)
        except (OSError, ValueError, http.client.HTTPException):
            pass  # killed before its answer came: not accepted


def kill_again_and_again(program, folder, kills, seed):
    digests, seconds = undisturbed(program, folder)
    rng, asker, stages = random.Random(seed), Asker(), collections.Counter()
    server = Server(program, folder / "killed")
    for _ in range(kills):
        server.begin()
        moment = time.monotonic() + rng.uniform(0, 1 + 3 * seconds)
        over = threading.Event()
        asking = None
        while time.monotonic() < moment:
            if asking is None and server.answers_at():
                asking = threading.Thread(target=asker.run, args=(server.port, over, 2 * seconds))
                asking.start()
            time.sleep(0.005)
        server.kill()
        over.set()
        if asking:
            asking.join()
        stages["while it answered" if asking else "while it started"] += 1
    with server:
        client = Client(server.port)
        films = client.films()
        missing = asker.accepted.keys() - {one["id"] for one in films}
        check("every accepted film is in the list", not missing, missing)
        check("they are all completed", wait(lambda: all(one["status"] == "completed" for one in client.films()), 600, 0.5),
              [one for one in client.films() if one["status"] != "completed"][:3])
        others = {one: kind for one, kind in asker.accepted.items() if digest(client, one) != digests[kind]}
        check("each has the bytes of the undisturbed run", not others, others)
        unknown = len(films) - len(asker.accepted)
        print(f"  {kills} kills ({', '.join(f'{count} {when}' for when, count in stages.items())}), {len(asker.accepted)} films accepted, "
              f"{unknown} more whose answer was killed, all completed; a film takes {seconds:.2f} s undisturbed", flush=True)
        check("the server stops in peace", server.stop() == 0)


@contextlib.contextmanager
def small_disk(folder, mebibytes):
    """A file system in memory; needs root."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(file):
    """Takes up all that the disk has."""
    with open(file, "ab", buffering=0) as ballast:
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while ballast.write(bytes(size)) == size:
                    pass


def full_disk(program, folder):
    with small_disk(folder / "disk", 320) as disk, Server(program, disk / "data", log=folder / "disk.log") as server:
        client = Client(server.port)
        first = client.finished(client.post("/v1/videos", film(1)).json["id"])
        check("a film is made", first["status"] == "completed")
        long = client.post("/v1/videos", film(2, num_inference_steps=60)).json["id"]
        queued = client.post("/v1/videos", film(3)).json["id"]
        wait(lambda: client.film(long)["status"] == "in_progress")
        fill(disk / "ballast")
        refused = wait(lambda: (reply := client.post("/v1/videos", film(4))).status != 202 and reply)
        check("a full disk takes no film", refused.status == 507 and refused.json["error"]["code"] == "disk_full", refused.body)
        told = wait(lambda: client.film(queued)["reason"])
        check("a film that waits says why", told and "disk" in told, told)
        health = client.get("/healthz")
        check("so does its health", health.status == 503 and "disk" in health.json["trouble"], health.body)
        states = {client.film(one)["status"] for one in (long, queued)}
        check("no film failed for it", "failed" not in states, [client.film(one) for one in (long, queued)])
        check("films that are there can be fetched", client.get(f"/v1/videos/{first['id']}/content").status == 200)
        server.kill()
        server.begin()
        check("it starts on a full disk, or says in a line why not", wait(lambda: starts(server) is not None, 60) and starts(server))
        (disk / "ballast").unlink()
        if not server.alive():
            server.start()
        client = Client(server.port)
        check("with room again all are completed", all(client.finished(one)["status"] == "completed" for one in (long, queued)),
              [client.film(one) for one in (long, queued)])
        check("and the server is well", wait(lambda: client.get("/healthz").status == 200, 30))
        check("the server stops in peace", server.stop() == 0)


def starts(server):
    """Whether it answers, or ended with a line; nothing until one of both."""
    if server.alive():
        return server.answers_at() is not None or None
    return server.log.read_text()[server.begun_at:].strip().count("\n") == 0


def bound_of_disk(program, folder):
    with Server(program, folder / "bound", ["--disk", "1MiB"]) as server:
        client, films = Client(server.port), []
        while (reply := client.post("/v1/videos", film(len(films), num_frames=17))).status == 202 and len(films) < 200:
            films.append(reply.json["id"])
            client.finished(films[-1])
        check("a bound of the disk is kept", reply.status == 507 and "of 1 MiB" in reply.json["error"]["message"], (len(films), reply.body))
        for one in films:
            check("a film is removed", client.delete(f"/v1/videos/{one}").status == 200)
        check("then there is room again", wait(lambda: client.post("/v1/videos", film(0)).status == 202, 30))


def two_servers(program, folder):
    with Server(program, folder / "shared") as server:
        second = subprocess.run([str(program), "serve", "--data", str(server.data), "--port", "0"], capture_output=True, text=True, timeout=60, check=False)
        check("a second server on the folder says so in a line, and stops", second.returncode == 2 and "in use" in second.stderr
              and second.stderr.strip().count("\n") == 0, second.stderr)
        client = Client(server.port)
        check("the first one goes on", client.finished(client.post("/v1/videos", film(1)).json["id"])["status"] == "completed")
        busy = subprocess.run([str(program), "serve", "--data", str(folder / "other"), "--port", str(server.port)], capture_output=True, text=True, timeout=60, check=False)
        check("one at a port that is taken too", busy.returncode == 2 and str(server.port) in busy.stderr, busy.stderr)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--program", type=Path, required=True, help="t3video")
    options.add_argument("--kills", type=int, default=30)
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        kill_again_and_again(options.program, Path(name), options.kills, options.seed)
        two_servers(options.program, Path(name))
        bound_of_disk(options.program, Path(name))
        full_disk(options.program, Path(name))


if __name__ == "__main__":
    sys.exit(main())
