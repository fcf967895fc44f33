"""How long the explorer's pages take in a browser, and how much memory its server takes.

Two networks of 1536 channels and 20 blocks with random weights, then a shipped checkpoint. Wall
seconds count until pictures stand on the page; CPU seconds are the server's. A new window first
loads Streamlit's own program, about a second of the browser's work. What is measured
elsewhere (every page of What was learned and On images) takes as long as its command.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "explorer"))

from browsing import FLAGS, explore, find_chromium, free_port, serve, settle  # noqa: E402

from viz.network.convmixer import ConvMixer  # noqa: E402
from viz.network.saving import save_checkpoint  # noqa: E402

SHIPPED = ("", "patch-filters", "kernels", "patch-filter", "kernel")
TICK = os.sysconf("SC_CLK_TCK")


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


def memory(process, what):
    """Return VmRSS or VmHWM in MB."""
    for line in (process / "status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    raise RuntimeError(what)


class Clock:
    """Opens addresses in a browser and prints how long they took."""

    def __init__(self, page, url, process):
        self.page, self.url, self.process = page, url, process

    def open(self, name, path, limit=None, *, whole=False):
        """Go to an address; wait for its first picture, or for all of it."""
        before, start = cpu(self.process), time.perf_counter()
        self.page.goto(f"{self.url}/{path}")
        self.page.locator(".frame img, [data-testid=stImage] img").first.wait_for()
        first = time.perf_counter() - start
        if whole:
            settle(self.page, timeout=600_000)
        wall = time.perf_counter() - start
        used = cpu(self.process) - before
        settle(self.page, timeout=600_000)
        shown = wall if whole else first
        self._say(name, "all of it" if whole else "first picture", shown, used, limit)

    def press(self, name, button, limit=None):
        """Press a button of the page; wait for another heading and for all of its page."""
        heading = self.page.locator("h1").first
        old = heading.inner_text()
        before, start = cpu(self.process), time.perf_counter()
        self.page.get_by_role("button", name=button).click()
        self.page.wait_for_function(
            "(old) => ![old, undefined].includes(document.querySelector('h1')?.innerText)", arg=old
        )
        settle(self.page, timeout=600_000)
        wall, used = time.perf_counter() - start, cpu(self.process) - before
        self._say(name, "all of it", wall, used, limit)

    def _say(self, name, what, wall, used, limit):
        wanted = "" if limit is None else f"   wanted: {limit:.1f} s"
        print(f"{name:52} {what:14} {wall:6.2f} s wall {used:6.2f} s CPU{wanted}", flush=True)


def large(folder):
    """Write two networks with random weights."""
    files = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        network = ConvMixer(1536, 20, 9, 7, 1000)
        files.append(save_checkpoint(network, Path(folder) / f"random-{seed}.safetensors"))
    return files


def main():
    """Print the table."""
    browser_path = find_chromium()
    if browser_path is None:
        sys.exit("Chromium is missing: apt-get install -y chromium")
    from playwright.sync_api import sync_playwright

    port = free_port()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        files = large(folder)
        with serve(explore(files, port), Path(folder), port, Path(folder) / "log") as url:
            browser = playwright.chromium.launch(executable_path=browser_path, args=list(FLAGS))
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(600_000)
            clock = Clock(page, url, server_of(port))
            print(f"server alone: {memory(clock.process, 'VmRSS'):.0f} MB")
            for number, file in enumerate(files):
                at = f"checkpoint={file.name}"
                clock.open(f"1536/20 no. {number}: overview, file read", f"?{at}")
                clock.open("  atlas", f"depthwise?{at}", 3.0)
                block = f"depthwise?{at}&show=block&block=3"
                clock.open("  one block, every kernel", f"{block}&order=norm", 1.5)
                clock.open("  the same by similarity", block)
                kernel = f"kernel?{at}&block=5&channel=17&order=norm"
                clock.open("  a kernel", kernel)
                clock.press("  the next one, by its button", "Next")
                clock.press("  back to the first, which is cached", "Previous", 1.0)
                clock.open("  the same in a new window, Streamlit itself too", kernel, whole=True)
                print(f"  memory: {memory(clock.process, 'VmRSS'):.0f} MB")
            print(f"most memory so far: {memory(clock.process, 'VmHWM'):.0f} MB   wanted: 2000 MB")
            for path in SHIPPED:
                at = f"{path}?checkpoint=imagenette-p7"
                name = f"imagenette-p7: {path or 'overview'}"
                clock.open(name, at, 2.0)
                clock.open(f"{name} again", at, 2.0, whole=True)
            browser.close()


if __name__ == "__main__":
    main()
