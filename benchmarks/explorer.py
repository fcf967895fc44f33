"""How long the explorer's pages take in a browser, beside a bare Streamlit page and a bare pass.

On a shipped checkpoint, then on a network of 1536 channels and 20 blocks with random weights.
Wall seconds count until what is named stands on the page; CPU seconds are the server's and hold
where the machine is busy with other work. Ratios are to a Streamlit page of one sentence, opened in
the same browser, or to one pass of the network over one image.
"""

import io
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "explorer"))

from browsing import FLAGS, explore, find_chromium, free_port, serve, settle  # noqa: E402

from viz import load  # noqa: E402
from viz.images.sets import open_images  # noqa: E402
from viz.network.convmixer import ConvMixer  # noqa: E402
from viz.network.saving import save_checkpoint  # noqa: E402

SHIPPED = "imagenette-p7"
TICK = os.sysconf("SC_CLK_TCK")
PICTURE = ".frame img, [data-testid=stImage] img"
SHOWN = "[data-testid=stImage] img"
BESIDE = f".st-key-viz-beside {SHOWN}"


def server_of(port):
    """Return the process that serves the port: a child of this one."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if int(stat[1]) == os.getpid() and str(port).encode() in words.split(b"\0"):
                return entry
    raise RuntimeError("the server is not there")


def cpu(process):
    """Return the CPU seconds of a process so far."""
    stat = (process / "stat").read_text().rsplit(")", 1)[1].split()
    return (int(stat[11]) + int(stat[12])) / TICK


class Clock:
    """Prints how long what is done on a page takes, beside the seconds of something bare."""

    def __init__(self, page, url, process):
        self.page, self.url, self.process = page, url, process

    @contextmanager
    def timed(self, name, bare, limit=None):
        """Time what is done inside; then let the page come to rest."""
        before, start = cpu(self.process), time.perf_counter()
        yield
        self.wall = time.perf_counter() - start
        settle(self.page, timeout=600_000)
        used = cpu(self.process) - before
        ratio = "" if bare is None else f"{self.wall / bare:7.1f} times bare"
        wanted = "" if limit is None else f"   wanted: {limit:.1f} s"
        print(f"{name:46} {self.wall:7.2f} s wall {used:6.2f} s CPU {ratio}{wanted}", flush=True)

    def open(self, name, path, bare, limit=None, *, until=PICTURE):
        """Go to an address and wait for a picture."""
        with self.timed(name, bare, limit):
            self.page.goto(f"{self.url}/{path}")
            self.page.locator(until).first.wait_for()

    def step(self, name, bare, limit=None, *, heading="h3", picture=BESIDE):
        """Press Next and wait for another heading and its picture."""
        old = self.page.locator(heading).first.inner_text()
        shown = self.page.locator(picture).first
        source = shown.get_attribute("src")
        with self.timed(name, bare, limit):
            self.page.get_by_role("button", name="Next").click()
            self.page.wait_for_function(
                "([tag, text, css, src]) => document.querySelector(tag)?.innerText !== text"
                " && document.querySelector(css)?.src.endsWith(src) === false",
                arg=[heading, old, picture, source],
            )


@contextmanager
def served(words, port, folder, browser):
    """Serve and open a page; give its clock."""
    with serve(words, folder, port, folder / "log") as url:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(600_000)
        yield Clock(page, url, server_of(port))
        page.close()


def bare_page(browser, folder):
    """Return the seconds until a Streamlit page of one sentence stands, once all is warm."""
    script, port = folder / "bare.py", free_port()
    script.write_text("import streamlit as st\nst.title('Bare')\n")
    words = ["-m", "streamlit", "run", str(script), "--server.headless", "true",
             "--server.address", "127.0.0.1", "--server.port", str(port)]  # fmt: skip
    with served(words, port, folder, browser) as clock:
        for _ in range(2):
            with clock.timed("a Streamlit page of one sentence", None):
                clock.page.goto(clock.url)
                clock.page.locator("h1").wait_for()
        return clock.wall


def bare_pass(network):
    """Return the seconds of a forward pass over one image, the best of five."""
    inputs = open_images(None, network.preprocessing).all().inputs[:1]
    seconds = []
    with torch.no_grad():
        for _ in range(5):
            start = time.perf_counter()
            network.model(inputs)
            seconds.append(time.perf_counter() - start)
    print(f"{'a pass over one image':46} {min(seconds):7.3f} s wall")
    return min(seconds)


def photograph():
    pixels = np.random.default_rng(0).integers(0, 256, (400, 500, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return {"name": "mine.png", "mimeType": "image/png", "buffer": out.getvalue()}


def walk(clock, name, bare, one_pass):
    """Time the first screen, the grids, a step, and a photograph of one's own."""
    at = f"checkpoint={name}"
    clock.open("first screen", f"?{at}", bare)
    clock.open("first screen again", f"?{at}", bare)
    clock.open("grid of kernels", f"kernels?{at}", bare)
    for _ in range(2):
        clock.step("  the next kernel beside it: its picture", bare, 0.3)
    clock.open("a kernel's own page", f"kernel?{at}&block=3&channel=17", bare, 1.0)
    clock.step("  the next one: its picture", bare, 0.3, heading="h1",
               picture=f"[data-testid=stMain] {SHOWN}")  # fmt: skip
    clock.open("Try my image", f"try-image?{at}", bare)
    with clock.timed("  a photograph dropped: all answers", one_pass, 5.0):
        page = clock.page
        page.locator("[data-testid=stMain] input[type=file]").set_input_files(photograph())
        page.get_by_text("mine.png as the network sees it").wait_for()
        page.get_by_text("Any kernel on this photograph").wait_for()
        settle(page, timeout=600_000)


def main():
    """Print the table."""
    browser_path = find_chromium()
    if browser_path is None:
        sys.exit("Chromium is missing: apt-get install -y chromium")
    from playwright.sync_api import sync_playwright

    port = free_port()
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = Path(place)
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(FLAGS))
        bare = bare_page(browser, folder)
        torch.manual_seed(0)
        large = folder / "random.safetensors"
        save_checkpoint(ConvMixer(1536, 20, 9, 7, 1000), large)
        with served(explore([large], port), port, folder, browser) as clock:
            one_pass = bare_pass(load(SHIPPED))
            walk(clock, SHIPPED, bare, one_pass)
            with clock.timed("attributions by default", one_pass):
                clock.page.goto(f"{clock.url}/attribution?checkpoint={SHIPPED}")
                clock.page.get_by_role("button", name="Measure", exact=True).click()
                clock.page.locator(f"[data-testid=stMain] {SHOWN}").first.wait_for()
            print("1536 channels and 20 blocks:")
            walk(clock, large.name, bare, bare_pass(load(large)))
        browser.close()


if __name__ == "__main__":
    main()
