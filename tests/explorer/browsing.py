"""A real browser and a real server, for the end-to-end tests and the screenshots."""

import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

FLAGS = (
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
# How long whatever must come may take, in seconds: machines are slow, and busy with other tests.
PATIENCE = 900
# Below a page's own address Streamlit first looks for the server, then where it is.
PROBE = re.compile(r"/[a-z-]+/_stcore/(health|host-config)$")
# A picture still on its way when its page is left is gone from the server by then; whether those of
# a page do come is what `settle` waits for.
LEFT = re.compile(r"/media/[0-9a-f]+\.png\b")


def find_chromium():
    """Return the browser's path, or None."""
    names = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@contextmanager
def launched():
    """Run a browser; without one the tests are skipped here and fail where everything is built."""
    import pytest

    path = find_chromium()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing: apt-get install -y chromium")
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=list(FLAGS), timeout=PATIENCE * 1000
        )
        yield browser
        browser.close()


def free_port():
    """Return a port below those that connections are given by chance, so that none takes it."""
    while True:
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as free:
            try:
                free.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def serve(words, folder, port, log):
    """Run a server until the block ends; wait until it answers."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "HOME": str(folder)}
    env = {name: value for name, value in env.items() if not name.startswith("STREAMLIT_")}
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, *words], cwd=folder, env=env, stdout=output, stderr=output
        )
        try:
            end = time.monotonic() + PATIENCE
            while not answers(f"http://127.0.0.1:{port}/_stcore/health"):
                if server.poll() is not None:
                    raise RuntimeError(f"the server stopped: {log.read_text()}")
                if time.monotonic() > end:
                    raise RuntimeError(f"the server does not answer: {log.read_text()}")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            try:
                server.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE):
            return True
    except OSError:
        return False


def explore(files, port):
    """Return the command that opens the explorer on some files."""
    command = ["-c", "from viz.cli import main; main()", "explore", *map(str, files)]
    return [*command, "--port", str(port), "--no-browser"]


class Watch:
    """Remembers what a page asked of the network, and what it complained of."""

    def __init__(self, page):
        self.page, self.foreign, self.complaints = page, [], []
        page.on("request", self._request)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _request(self, request):
        if not re.match(r"(data|blob|about):|(http|ws)://127\.0\.0\.1[:/]", request.url):
            self.foreign.append(request.url)

    def _console(self, message):
        where = message.location.get("url", "")
        said = f"{message.text} {where}"
        if message.type == "error" and not PROBE.search(where) and not LEFT.search(said):
            self.complaints.append(said)


@contextmanager
def visiting(browser, url):
    """Open pages, each with a session of its own; nothing leaves the machine, nothing complains.

    Windows are used again, one kind after the other: each new one reads all scripts anew.
    """
    idle = {}

    @contextmanager
    def visits():
        open_now = []

        def opened(path="", *, title=None, **options):
            options = {
                "viewport": {"width": 1280, "height": 1000}, "color_scheme": "light", **options
            }  # fmt: skip
            free = idle.setdefault(repr(sorted(options.items())), [])
            if not free:
                context = browser.new_context(**options)
                context.set_default_timeout(PATIENCE * 1000)
                free.append(Watch(context.new_page()))
            open_now.append((free, free.pop()))
            page = open_now[-1][1].page
            page.set_viewport_size(options["viewport"])
            page.goto(f"{url}/{path}")
            settle(page, title)
            return page

        yield opened
        for free, watch in open_now:
            watch.page.goto("about:blank")
            assert (watch.foreign, watch.complaints) == ([], [])
            free.append(watch)

    yield visits
    for free in idle.values():
        for watch in free:
            watch.page.context.close()


def becomes(page, read, wanted):
    """Assert that what is read of a page is what is wanted, soon."""
    end = time.monotonic() + PATIENCE
    while (found := read()) != wanted and time.monotonic() < end:
        page.wait_for_timeout(50)
    assert found == wanted


def lies(locator):
    """Return the box of what is on a page, once it does not move any more."""
    last, box = None, locator.bounding_box()
    end = time.monotonic() + PATIENCE
    while last != box and time.monotonic() < end:
        locator.page.wait_for_timeout(150)
        last, box = box, locator.bounding_box()
    return box


def press(locator):
    """Press a button, a link or a heading that folds, wherever it is moving.

    By its key: a click that begins on what just then moves ends beside it, and is lost. A mouse
    could do it, too.
    """
    locator.click(trial=True)
    locator.press("Enter")


def at_address(page, *parts):
    """Wait until the address of a page holds all of these."""
    page.wait_for_url(lambda url: all(part in url for part in parts))


def settle(page, title=None, timeout=PATIENCE * 1000):
    """Wait until the page has a heading (this one) and the script has run to its end."""
    heading = page.locator("h1").first
    heading.wait_for(timeout=timeout)
    if title is not None:
        page.locator("h1", has_text=re.compile(f"^{re.escape(title)}$")).wait_for(timeout=timeout)
    page.wait_for_function(
        "() => document.querySelector('[data-testid=stApp]')"
        ".getAttribute('data-test-script-state') === 'notRunning'"
        # Every picture is there: see `LEFT`.
        " && [...document.images].every((i) => i.complete && i.naturalWidth > 0)",
        timeout=timeout,
    )
