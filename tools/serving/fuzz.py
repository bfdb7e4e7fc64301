#!/usr/bin/env python3
"""Asks a server of the demo model for what is wrong, thousands of times: each answer must be one that is right for that request,
say so in the form of an error, and tell no path; afterwards the server has the films it had, and makes others."""
import argparse
import collections
import http.client
import json
import socket
import sys
import tempfile
import time
from pathlib import Path

from server import Client, Server, check, film, wait
from wrong import Wrong


class Talker:
    """Sends bytes as they are; a connection stays while the server lets it."""

    def __init__(self, port):
        self.port, self.socket = port, None

    def ask(self, case):
        for fresh in (False, True):
            if fresh or self.socket is None:
                self.socket = socket.create_connection(("127.0.0.1", self.port), 60)
                fresh = True
            try:
                return self.talk(case)
            except (OSError, http.client.HTTPException):
                self.close()
                if fresh:
                    raise
        return None

    def talk(self, case):
        try:
            self.socket.sendall(case.request)
        except OSError:
            pass  # it may have answered already
        answer = http.client.HTTPResponse(self.socket, method=case.method)
        answer.begin()
        body = answer.read()
        if answer.will_close:
            self.close()
        return answer.status, answer.getheader("Content-Type", ""), body

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None


def complaint(case, answer, paths):
    """What is wrong with an answer; nothing where it is right."""
    status, kind, body = answer
    if status not in case.right:
        return f"{status} in place of {case.right}: {body[:200]!r}"
    if case.body is not None and body != case.body:
        return f"{len(body)} bytes in place of {len(case.body)}"
    if any(path.encode() in body for path in paths):
        return f"a path: {body[:300]!r}"
    if status < 400 or case.method == "HEAD":
        return None
    try:
        error = json.loads(body)["error"]
        good = isinstance(error["code"], str) and error["code"] and isinstance(error["message"], str) and error["message"] and "param" in error
    except (ValueError, KeyError, TypeError):
        good = False
    return None if good and kind == "application/json" else f"no error in JSON: {kind} {body[:200]!r}"


def prepare(client):
    """A film that is completed, one that is made for the rest of the run, and one that waits for it."""
    done = client.finished(client.post("/v1/videos", film(7)).json["id"])["id"]
    running = client.post("/v1/videos", film(8, num_inference_steps=1000, num_frames=97, size="448x256")).json["id"]
    wait(lambda: client.film(running)["status"] == "in_progress")
    queued = client.post("/v1/videos", film(9)).json["id"]
    return done, running, queued


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--program", type=Path, required=True, help="t3video")
    options.add_argument("--requests", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    wrong_answers, statuses = collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory() as name:
        with Server(options.program, Path(name) / "data") as server:
            client = Client(server.port)
            done, running, queued = prepare(client)
            whole = client.get(f"/v1/videos/{done}/content").body
            wrong, talker = Wrong(options.seed, done, running, queued, whole), Talker(server.port)
            before, begun = server.memory(), time.monotonic()
            for number in range(options.requests):
                case = wrong.case()
                try:
                    answer = talker.ask(case)
                except (OSError, http.client.HTTPException) as error:
                    check("the server runs", server.alive(), server.log.read_text()[-3000:])
                    answer = (0, "", repr(error).encode())
                statuses[answer[0]] += 1
                if found := complaint(case, answer, (name, str(Path(__file__).resolve().parents[2]))):
                    wrong_answers[case.what] += 1
                    print(f"  request {number}, {case.what}: {found}", flush=True)
                if answer[0] == 202:  # noise may be right by chance
                    client.delete(f"/v1/videos/{json.loads(answer[2])['id']}")
            print(f"  {options.requests} requests, seed {options.seed}, {time.monotonic() - begun:.0f} s; memory {before:.0f} MiB before, {server.memory():.0f} behind")
            print("  statuses: " + ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items())))
            check("every answer is right", not wrong_answers, dict(wrong_answers.most_common(20)))
            check("no answer is a failure of the server", not any(status >= 500 and status not in (501, 505) for status in statuses))
            check("its log has no failure", " failed: " not in server.log.read_text())
            check("films are those that were there", [one["id"] for one in client.films()] == [done, running, queued])
            check("a film is what it was", client.get(f"/v1/videos/{done}/content").body == whole)
            client.delete(f"/v1/videos/{running}")
            check("films go on", client.finished(queued)["status"] == "completed")
            check("the server stops in peace", server.stop() == 0)


if __name__ == "__main__":
    sys.exit(main())
