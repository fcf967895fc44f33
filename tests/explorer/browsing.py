"""A real browser and a real server, for the end-to-end tests and the screenshots."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

FLAGS = (
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
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
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


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
            for _ in range(300):
                if server.poll() is not None:
                    raise RuntimeError(f"the server stopped: {log.read_text()}")
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health"):
                        break
                except (urllib.error.URLError, ConnectionError):
                    time.sleep(0.1)
            else:
                raise RuntimeError(f"the server does not answer: {log.read_text()}")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)


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


def settle(page, title=None, timeout=30000):
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
