#!/usr/bin/env python3
"""The public openai package, as it comes from PyPI, makes films of the demo model: creates, polls, lists, downloads, remixes and
deletes them, with and without an access key, and meets the errors it has classes for."""
import argparse
import asyncio
import hashlib
import sys
import tempfile
import warnings
from pathlib import Path

import openai

from server import Server, check, checks_done

warnings.filterwarnings("ignore", category=DeprecationWarning)  # the package expects the hosted service to end
SHORT = {"num_frames": 5, "num_inference_steps": 2}
BALL = "A red ball bounces over a green hill."


def raised(kind, act):
    try:
        act()
    except kind as error:
        return error
    except openai.OpenAIError as error:
        raise SystemExit(f"FAILED: expected {kind.__name__}; found {error!r}") from error
    return None


def makes_a_film(client, folder):
    video = client.videos.create(prompt=BALL, size="96x64", seconds="1", extra_body={"num_inference_steps": 2, "seed": 7})
    check("a film is created", video.object == "video" and video.status in ("queued", "in_progress") and video.progress == 0, video)
    check("seconds are a text and frames follow from them", video.seconds == "1.125" and video.num_frames == 9, video)
    seen = client.videos.with_raw_response.retrieve(video.id)
    check("unfinished films say when to ask again", seen.parse().status == "completed" or int(seen.headers["openai-poll-after-ms"]) >= 500, seen.headers)
    video = client.videos.poll(video.id)
    check("it is completed", video.status == "completed" and video.progress == 100 and video.error is None, video)
    check("with its times", video.completed_at >= video.created_at and video.expires_at is None, video)
    film = client.videos.download_content(video.id)
    film.write_to_file(folder / "film.mp4")
    check("it is downloaded", (folder / "film.mp4").read_bytes()[4:8] == b"ftyp")
    for variant in ("thumbnail", "spritesheet"):
        check(f"so is its {variant}", client.videos.download_content(video.id, variant=variant).read().startswith(b"\x89PNG"))
    with client.videos.with_streaming_response.download_content(video.id) as stream:
        check("and piece by piece", b"".join(stream.iter_bytes(1000)) == (folder / "film.mp4").read_bytes())
    return video


def makes_others_of_it(client, folder, video):
    remix = client.videos.remix(video.id, prompt="A blue square drifts left.")
    check("a remix knows where it comes from", remix.remixed_from_video_id == video.id and remix.seed == 7, remix)
    waited = client.videos.create_and_poll(prompt=BALL, size="96x64", extra_body={**SHORT, "seed": 7, "extra_params": {"solver": "euler"}})
    check("create_and_poll waits", waited.status == "completed" and waited.request["extra_params"] == {"solver": "euler"}, waited)
    with open(folder / "film.mp4", "rb") as file:
        other = client.videos.create_and_poll(prompt="The same in blue.", input_reference=file, size="96x64",
                                              extra_body={**SHORT, "extra_params": {"strength": 0.5}})
    check("a file is an input", other.status == "completed", other)
    check("the remix is completed too", client.videos.poll(remix.id).status == "completed")
    return [other, waited, remix, video]  # newest first, but for the two in the middle


def lists_and_deletes(client, films):
    page = client.videos.list(limit=2)
    check("a page has as many films as were asked for", len(page.data) == 2 and page.has_more)
    listed = [film.id for film in client.videos.list(limit=2)]
    check("pages follow one another", sorted(listed) == sorted(film.id for film in films) and listed[-1] == films[-1].id, listed)
    check("the other way round too", [film.id for film in client.videos.list(limit=3, order="asc")] == listed[::-1])
    gone = client.videos.delete(films[0].id)
    check("a film is deleted", gone.deleted and gone.object == "video.deleted" and gone.id == films[0].id, gone)
    check("and gone", raised(openai.NotFoundError, lambda: client.videos.retrieve(films[0].id)))
    models = client.models.list()
    check("models are listed", [model.id for model in models], models)


def meets_errors(client):
    error = raised(openai.BadRequestError, lambda: client.videos.create(prompt=BALL, size="96by64"))
    check("a wrong field is named", error.param == "size" and error.code == "invalid_value", error)
    error = raised(openai.BadRequestError, lambda: client.videos.create(prompt=BALL, extra_body={"colour": "red"}))
    check("an unknown one too", error.param == "colour" and error.code == "unknown_field", error)
    error = raised(openai.BadRequestError, lambda: client.videos.create(prompt=BALL, extra_body={"lora": ["none", "neither"]}))
    check("LoRAs that are not there are named", error.param == "lora" and "no such LoRA" in error.message, error)
    error = raised(openai.BadRequestError, lambda: client.videos.create(prompt=BALL, input_reference=("a.png", b"no picture")))
    check("a file that is none is refused", error.param == "input_reference", error)
    long = client.videos.create(prompt=BALL, size="96x64", extra_body={"num_frames": 5, "num_inference_steps": 1000})
    check("content that is not there yet", raised(openai.ConflictError, lambda: client.videos.download_content(long.id)))
    client.post(f"/videos/{long.id}/cancel", cast_to=object)
    failed = client.videos.poll(long.id)
    check("a film that was cancelled has failed", failed.status == "failed" and failed.error.code == "cancelled", failed)
    client.videos.delete(long.id)


async def asks_several_at_once(url):
    async with openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client:
        films = await asyncio.gather(*(client.videos.create_and_poll(prompt=BALL, size="96x64", extra_body={**SHORT, "seed": seed})
                                       for seed in range(4)))
        check("four at once", all(film.status == "completed" for film in films), films)


def with_a_key(program, folder):
    keys = folder / "keys"
    keys.write_text(f"guest {hashlib.sha256(b'open sesame').hexdigest()} films=1\n")
    with Server(program, folder / "data-keys", ["--keys", keys]) as server:
        stranger = openai.OpenAI(base_url=server.url + "v1", api_key="wrong", max_retries=0)
        check("a wrong key", raised(openai.AuthenticationError, lambda: stranger.videos.list()))
        guest = openai.OpenAI(base_url=server.url + "v1", api_key="open sesame", max_retries=0)
        long = guest.videos.create(prompt=BALL, size="96x64", extra_body={"num_frames": 5, "num_inference_steps": 1000})
        error = raised(openai.RateLimitError, lambda: guest.videos.create(prompt=BALL, size="96x64", extra_body=SHORT))
        check("more films than the key may have", error and int(error.response.headers["retry-after"]) > 0, error)
        check("a film that is made is deleted", guest.videos.delete(long.id).deleted)
        film = guest.videos.create_and_poll(prompt=BALL, size="96x64", extra_body=SHORT)
        check("the right key makes a film", film.status == "completed", film)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--program", type=Path, required=True, help="t3video")
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Server(options.program, folder / "data") as server:
            client = openai.OpenAI(base_url=server.url + "v1", api_key="any", max_retries=0)
            video = makes_a_film(client, folder)
            films = makes_others_of_it(client, folder, video)
            lists_and_deletes(client, films)
            meets_errors(client)
            asyncio.run(asks_several_at_once(server.url + "v1"))
            check("the server stops in peace", server.stop() == 0)
        with_a_key(options.program, folder)
    print(f"{checks_done()} checks passed, openai {openai.__version__}")


if __name__ == "__main__":
    sys.exit(main())
