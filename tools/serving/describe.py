#!/usr/bin/env python3
"""schemathesis reads /openapi.json and asks what it allows and what it forbids: every answer must be one that is described there."""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from server import Client, Server, check, film

# Waits for a film, and lasts as long as a film: both are seen by ctest.
LASTING = ("createVideoSync", "getVideoEvents")
# What a schema allows need not fit into the machine, nor be a picture, a LoRA or a solver that there is: the answer is 400 then.
ASKING = ("createVideo", "remixVideo", "decodeVideo", "planVideo")


def settings():
    also = 'checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "409", "429"]'
    return "\n".join(f'[[operations]]\ninclude-operation-id = "{operation}"\n{also}\n' for operation in ASKING)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--program", type=Path, required=True, help="t3video")
    options.add_argument("--examples", type=int, default=100, help="requests of a kind for each route")
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        # A short queue: what it would accept as a film may take hours.
        with Server(options.program, Path(name) / "data", ["--queue", "20"]) as server:
            (Path(name) / "schemathesis.toml").write_text(settings())
            command = [str(Path(sys.executable).parent / "schemathesis"), "run", server.url + "openapi.json", "--checks", "all",
                       "--max-examples", str(options.examples), "--seed", str(options.seed), "--continue-on-failure",
                       "--request-timeout", "60", "--generation-database", "none", "--suppress-health-check", "all"]
            for operation in LASTING:
                command += ["--exclude-operation-id", operation]
            code = subprocess.run(command, cwd=name, check=False).returncode
            check("the server runs", server.alive() and Client(server.port).get("/healthz").status == 200)
            log = server.log.read_text()
            check("its log has no failure", " failed: " not in log, log[-1000:])
            client = Client(server.port)
            for one in client.films():
                client.delete(f"/v1/videos/{one['id']}")
            made = client.finished(client.post("/v1/videos", film(1)).json["id"])
            check("it makes films", made["status"] == "completed", made)
    return code


if __name__ == "__main__":
    sys.exit(main())
