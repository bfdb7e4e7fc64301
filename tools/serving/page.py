"""The server's page in a browser, for browser.py."""
import base64
import io
import re
import shutil
import time
from pathlib import Path

import axe_core_python
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from server import check

AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()


class Page:
    def __init__(self, url):
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--force-color-profile=srgb"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        # Named, or Selenium would ask other hosts for one.
        self.browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
        self.url = url
        self.shape(1280, 820)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.browser.quit()

    def shape(self, width, height, dark=False, calm=False):
        phone = width < 500
        command = self.browser.execute_cdp_cmd
        command("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone})
        command("Emulation.setTouchEmulationEnabled", {"enabled": phone})
        command("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"}]})

    def open(self):
        self.browser.get(self.url)
        self.wait(lambda: self.script("return document.querySelectorAll('#model option').length > 0 || key.open"))

    def script(self, text, *arguments):
        names = "const [video, player, key, confirm_] = ['video', 'player', 'key', 'confirm'].map((id) => document.getElementById(id));"
        return self.browser.execute_script(names + text, *arguments)

    def wait(self, truth, seconds=15):
        """What is true in the end, or the last that was not."""
        end = time.monotonic() + seconds
        while True:
            value = truth()
            if value or time.monotonic() > end:
                return value
            time.sleep(0.1)

    # Elements by their id.
    def find(self, name):
        return self.browser.find_element(By.ID, name)

    def text(self, name):
        return self.find(name).text

    def value(self, name):
        return self.find(name).get_attribute("value")

    def attribute(self, name, attribute):
        return self.find(name).get_attribute(attribute)

    def click(self, name):
        self.find(name).click()

    def click_in(self, name, tag):
        self.find(name).find_element(By.TAG_NAME, tag).click()

    def write(self, name, text, folded=False):
        if folded and not self.script("return document.getElementById('more').open"):
            self.click_in("more", "summary")
        field = self.find(name)
        if field.get_attribute("type") != "file":
            field.send_keys(Keys.CONTROL + "a" + Keys.NULL + Keys.DELETE)
        field.send_keys(text)

    def keys(self, keys, held=None):
        """To whatever has the focus."""
        actions = ActionChains(self.browser)
        if held:
            actions.key_down(held).send_keys(keys).key_up(held).perform()
        else:
            actions.send_keys(keys).perform()

    def focused(self, attribute):
        return self.browser.switch_to.active_element.get_attribute(attribute)

    # Films by their prompts.
    def _of_film(self, prompt, what):
        return self.script("const card = [...document.querySelectorAll('.card')].find((c) => c.querySelector('h3').textContent === arguments[0]);"
                           f"return card ? {what} : ''", prompt)

    def state(self, prompt):
        return self._of_film(prompt, "card.querySelector('.state').textContent")

    def step(self, prompt):
        found = re.search(r"step (\d+) of", self.state(prompt))
        return int(found[1]) if found else -1

    def facts(self, prompt):
        return self._of_film(prompt, "card.querySelector('.facts').textContent")

    def press(self, prompt, word):
        button = self._of_film(prompt, f"[...card.querySelectorAll('button')].find((b) => b.textContent === '{word}' && !b.hidden)")
        check(f"“{word}” is offered", button)
        button.click()

    def previews_seen(self):
        """Addresses of all pictures that were shown in the queue since this was first asked."""
        return self.script("""
            window.seen ??= new Set();
            for (const image of document.querySelectorAll('#queue img')) if (image.naturalWidth > 0) window.seen.add(image.src);
            return [...window.seen]""")

    # The player.
    def frame(self):
        found = re.fullmatch(r"(\d+) / (\d+)", self.text("frame-number"))
        return found and (int(found[1]), int(found[2]))

    def pixels(self):
        """Of the frame that is shown, as a text."""
        return self.script("""
            if (video.seeking || video.readyState < 2) return '';
            const canvas = document.createElement('canvas');
            [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
            canvas.getContext('2d').drawImage(video, 0, 0);
            return canvas.toDataURL()""")

    def axe(self, what):
        found = self.browser.execute_async_script(AXE + """;
            const done = arguments[arguments.length - 1];
            axe.run(document, {resultTypes: ['violations']}).then((r) => done(r.violations), (e) => done([{id: String(e), nodes: []}]))""")
        check(f"axe: {what}", not found, [(v["id"], [n["target"] for n in v["nodes"]]) for v in found])

    def no_complaints(self):
        """Of the browser: refused scripts and styles, errors of scripts. A wrong field's 400 is none."""
        found = [entry["message"] for entry in self.browser.get_log("browser") if "status of 400" not in entry["message"]]
        check("the browser has no complaint", not found, found)

    def picture(self, path):
        """What is seen, as a PNG of 256 colours."""
        shot = self.browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        image = Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
        image.quantize(256, Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE).save(path, optimize=True)
