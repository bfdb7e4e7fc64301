#!/usr/bin/env python3
"""Uses the server's page as people do, in Debian's Chromium: makes films of the demo model, sees previews arrive, cancels one and
resumes it, plays it frame by frame, remixes, deletes; by mouse and by keyboard, wide and narrow, light and dark, with a key and
without. axe-core looks at every state. Pictures of the page go to --output.

    apt-get install chromium chromium-driver
    python3 -m venv venv && venv/bin/pip install -r tools/serving/requirements.txt
    venv/bin/python tools/serving/browser.py --program build/cpu-release/bin/t3video --output out
"""
import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

from selenium.webdriver.common.keys import Keys

from page import Page
from server import Server, check, checks_done

RED = "A red ball drifts left over green hills."
STAR = "A yellow star rises in a starry night sky."
FILM = 600  # seconds that a film may take on a busy machine
DUSK = "A green cube drifts left across a desert at sunset."
PINK = "A pink diamond rises through a misty forest."
MARKUP = 'A <b>blue</b> square & "waves" <img src=x onerror=document.title=1>'


def makes_a_film(page):
    page.open()
    page.axe("the empty page")
    check("an empty prompt is refused beside the field",
          page.click("submit") or page.wait(lambda: page.attribute("prompt", "aria-invalid") == "true"))
    page.write("prompt", RED)
    check("the plan tells time and memory", page.wait(lambda: "of memory" in page.text("plan")), page.text("plan"))
    page.write("steps", "abc", folded=True)
    check("a wrong field says so", page.wait(lambda: page.attribute("steps", "aria-invalid") == "true"))
    page.axe("a wrong field")
    page.write("steps", "")
    page.click("submit")
    check("previews arrive", page.wait(lambda: len(page.previews_seen()) >= 3, 120))
    check("the time that is left is told", page.wait(lambda: "left" in page.state(RED), 60), page.state(RED))
    page.axe("a film that is made")
    page.write("prompt", STAR)
    page.click("submit")
    check("the next one waits", page.wait(lambda: page.state(STAR).startswith("Waiting")), page.state(STAR))
    page.wait(lambda: page.state(RED).startswith("Finished"), FILM)
    check("a film is finished", page.state(RED).startswith("Finished"), page.state(RED))


def cancels_and_resumes(page):
    check("the next film runs", page.wait(lambda: "step" in page.state(STAR), 60), page.state(STAR))
    page.press(STAR, "Cancel")
    check("it is cancelled", page.wait(lambda: page.state(STAR) == "Cancelled", 60), page.state(STAR))
    check("the focus stays with it", page.wait(lambda: (page.focused("aria-label") or "").startswith("Resume")),
          page.focused("aria-label"))
    page.axe("a cancelled film")
    page.press(STAR, "Resume")
    check("it goes on and is finished", page.wait(lambda: page.state(STAR).startswith("Finished"), FILM), page.state(STAR))


def plays(page, output=None):
    page.press(RED, "Play")
    check("the film plays", page.wait(lambda: page.script("return video.currentTime > 0 && !video.paused")))
    page.axe("the player")
    page.click("play")
    page.keys(Keys.HOME)
    first = page.wait(lambda: page.frame() == (1, 17) and page.pixels())
    check("Home goes to the first frame", first, page.frame())
    seen = {first}
    for number in range(2, 18):
        page.keys(Keys.ARROW_RIGHT)
        check(f"frame {number} is shown", page.wait(lambda: page.frame() == (number, 17)), page.frame())
        page.wait(lambda: page.pixels() not in seen, 3)
        seen.add(page.pixels())
    check("each of the 17 frames is another picture", len(seen) == 17, len(seen))
    page.keys(Keys.ARROW_RIGHT)
    check("behind the last frame comes the first", page.wait(lambda: page.frame() == (1, 17)), page.frame())
    for _ in range(8):
        page.keys(Keys.ARROW_RIGHT)
    page.wait(lambda: page.frame() == (9, 17))
    if output:
        page.picture(output / "serve-player.png")
    page.keys(Keys.ESCAPE)
    check("Escape ends the player", page.wait(lambda: not page.script("return player.open")))
    check("and gives the focus back", page.focused("aria-label").startswith("Play"), page.focused("aria-label"))


def uses_again(page):
    page.press(RED, "Use again")
    page.wait(lambda: page.value("prompt") == RED)
    seed = page.value("seed")
    check("the request is in the form", page.value("prompt") == RED and seed.isdigit(), seed)
    check("the form has the focus", page.focused("id") == "prompt", page.focused("id"))
    page.write("steps", "4", folded=True)
    page.write("prompt", MARKUP)
    page.browser.refresh()
    check("what was typed is there after a reload", page.wait(lambda: page.value("prompt") == MARKUP and page.value("steps") == "4"))
    page.click("submit")
    check("a prompt is no markup", page.wait(lambda: page.state(MARKUP)) and not page.script("return document.querySelector('h3 b, h3 img')"))
    check("it is finished", page.wait(lambda: page.state(MARKUP).startswith("Finished"), FILM), page.state(MARKUP))
    check("with the seed of the form", f"seed {seed}" in page.facts(MARKUP), page.facts(MARKUP))
    page.press(MARKUP, "Remix")
    page.axe("the remix")
    page.write("remix-prompt", "A remix of it.")
    page.keys(Keys.ENTER, held=Keys.CONTROL)
    check("a remix is finished", page.wait(lambda: page.state("A remix of it.").startswith("Finished"), FILM))
    check("with the same seed", f"seed {seed}" in page.facts("A remix of it."), page.facts("A remix of it."))
    page.press(MARKUP, "Delete")
    page.axe("a question")
    page.keys(Keys.ENTER)
    check("Enter keeps it", page.wait(lambda: not page.script("return confirm_.open")) and page.state(MARKUP))
    page.press(MARKUP, "Delete")
    page.click("confirm-yes")
    check("it is deleted", page.wait(lambda: not page.state(MARKUP)))


def begins_with_a_video(page, film):
    page.write("input-file", str(film))
    check("a video is taken", page.wait(lambda: page.text("input-name") == film.name))
    check("the plan knows it", page.wait(lambda: "of memory" in page.text("plan")), page.text("plan"))
    page.axe("an input")
    page.write("prompt", "The same in red.")
    page.write("strength", "0.5")
    page.write("steps", "4", folded=True)
    page.click("submit")
    check("a film is made of it", page.wait(lambda: page.state("The same in red.").startswith("Finished"), FILM),
          page.state("The same in red.") or page.text("film-form"))
    page.click("input-remove")
    page.press("The same in red.", "Use again")
    check("its request names the video", page.wait(lambda: page.text("input-name") == "The video of that film"), page.text("input-name"))
    check("and its strength", page.value("strength") == "0.5", page.value("strength"))
    page.click("reset")


def by_keyboard(page):
    page.open()
    page.keys(Keys.TAB)
    check("the first stop leads over the form", "skip" in (page.focused("class") or ""), page.focused("class"))
    for _ in range(40):
        page.keys(Keys.TAB)
        if page.focused("id") == "prompt":
            break
    page.keys("Typed and sent by keys.")
    names = []
    for _ in range(60):
        page.keys(Keys.TAB)
        names.append(page.focused("id"))
        if names[-1] == "submit":
            break
    check("every field is a stop", {"input-file", "model", "size", "seconds", "seed"} <= set(names) and names[-1] == "submit", names)
    check("what has the focus is seen", page.script("const r = document.activeElement.getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight"))
    page.keys(Keys.ENTER)
    check("Enter sends", page.wait(lambda: page.state("Typed and sent by keys.")))
    page.press("Typed and sent by keys.", "Cancel")
    check("and it is cancelled", page.wait(lambda: page.state("Typed and sent by keys.") == "Cancelled", 60))
    page.press("Typed and sent by keys.", "Delete")
    page.click("confirm-yes")
    check("and deleted", page.wait(lambda: not page.state("Typed and sent by keys.")))


def looks(page, width, height, dark, output=None):
    name = f"{width} pixels, {'dark' if dark else 'light'}"
    page.shape(width, height, dark)
    page.open()
    page.wait(lambda: page.state(RED))
    check(f"{name}: nothing is wider than the screen", page.script("return document.documentElement.scrollWidth <= innerWidth && innerWidth") == width)
    page.axe(name)
    page.click_in("more", "summary")
    page.axe(f"{name}, all settings")
    page.click_in("more", "summary")
    if output:  # with a film that is being made
        page.write("prompt", DUSK)
        page.click("submit")
        page.write("prompt", PINK)
        page.click("submit")
        page.wait(lambda: page.step(DUSK) >= 14, FILM)
        page.wait(lambda: page.state(PINK))
        page.script("document.activeElement.blur()")
        page.script("document.querySelector(innerWidth < 500 ? '#queue-heading' : 'body').scrollIntoView()")
        page.picture(output)
        for prompt in (PINK, DUSK):
            page.press(prompt, "Cancel")
            page.wait(lambda: page.state(prompt) == "Cancelled", 60)
            page.press(prompt, "Delete")
            page.click("confirm-yes")
            page.wait(lambda: not page.state(prompt))
    page.press(RED, "Play")
    page.wait(lambda: page.script("return video.currentTime > 0"))
    page.axe(f"{name}, the player")
    page.keys(Keys.ESCAPE)


def with_a_key(program, folder, output):
    keys = folder / "keys"
    keys.write_text(f"guest {hashlib.sha256(b'open sesame').hexdigest()}\n")
    with Server(program, folder / "data-keys", ["--keys", str(keys)]) as server, Page(server.url) as page:
        page.open()
        check("a key is asked for", page.wait(lambda: page.script("return key.open")))
        page.axe("the key")
        page.keys("wrong" + Keys.ENTER)
        check("a wrong one is refused", page.wait(lambda: "does not know" in page.text("key-error")), page.text("key-error"))
        page.keys("open sesame" + Keys.ENTER)
        check("the right one opens the page", page.wait(lambda: page.script("return !key.open && document.querySelectorAll('#model option').length > 0")))
        page.write("prompt", RED)
        page.write("steps", "6", folded=True)
        page.click("submit")
        check("previews come with the key", page.wait(lambda: any(src.startswith("blob:") for src in page.previews_seen()), 120))
        page.wait(lambda: page.state(RED).startswith("Finished"), FILM)
        page.press(RED, "Play")
        check("the film is fetched with it, and plays", page.wait(lambda: page.script("return video.src.startsWith('blob:') && video.currentTime > 0")))
        page.keys(Keys.ESCAPE)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--program", type=Path, required=True, help="t3video")
    options.add_argument("--output", type=Path, required=True, help="folder for pictures of the page")
    options = options.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Server(options.program, folder / "data", []) as server, Page(server.url) as page:
            page.shape(1280, 820)
            makes_a_film(page)
            cancels_and_resumes(page)
            plays(page, options.output)
            uses_again(page)
            begins_with_a_video(page, server.film())
            by_keyboard(page)
            looks(page, 1280, 820, False, options.output / "serve-page.png")
            looks(page, 1280, 820, True, options.output / "serve-dark.png")
            looks(page, 390, 844, False, options.output / "serve-phone.png")
            looks(page, 390, 844, True)
            looks(page, 360, 740, True)
            page.shape(1280, 820, calm=True)
            page.open()
            page.press(RED, "Play")
            check("where less motion is wished for, no film plays by itself",
                  page.wait(lambda: page.frame() == (1, 17)) and page.script("return video.paused"))
            page.no_complaints()
        with_a_key(options.program, folder, options.output)
    print(f"{checks_done()} checks passed")


if __name__ == "__main__":
    sys.exit(main())
