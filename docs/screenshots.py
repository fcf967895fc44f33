"""Takes a picture of every page of the explorer, in headless Chromium, into docs/screenshots.

Run by `make screenshots`. With --narrow or --dark, and --out, it shows other screens and themes.
"""

import argparse
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "explorer"))

from browsing import FLAGS, explore, find_chromium, free_port, serve, settle  # noqa: E402
from playwright.sync_api import expect  # noqa: E402

from viz.explorer.app import PAGES  # noqa: E402

CHECKPOINT = "imagenette-p7"
SHOWN = {
    "kernels": "show=block&block=3&order=name",
    "kernel": "block=5&channel=17",
    "patch_filter": "channel=12",
}
"""Settings of the pages that have any; the others show what they show first."""
TALLEST = 2600
LARGEST = 150_000


def palette(shot, width):
    """Return a PNG of at most 150 kB, in as many colours as that allows."""
    image = Image.open(io.BytesIO(shot)).convert("RGB")
    if image.width > width:
        image = image.resize((width, round(image.height * width / image.width)), Image.LANCZOS)
    for colours in (256, 128, 64):
        out = io.BytesIO()
        # Of the methods that Pillow brings along, the one that keeps colours of few pixels.
        few = image.quantize(
            colours, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE
        )
        few.save(out, "PNG", optimize=True)
        if out.tell() < LARGEST:
            return out.getvalue()
    return palette(shot, round(0.85 * width))


def picture(page, address, title, tallest):
    """Open a page, let it measure what it asks about, and return its picture."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeout

    page.goto(address)
    settle(page, timeout=300_000)
    for _ in range(3):
        start = page.get_by_test_id("stMain").get_by_role("button", name="Measure", exact=True)
        try:
            # A page may settle before its button comes.
            start.first.wait_for(timeout=3000)
        except PlaywrightTimeout:
            break
        left = start.count() - 1
        start.first.click()
        # The script may be slow to start: only when the button is gone does it measure.
        expect(start).to_have_count(left, timeout=60_000)
        settle(page, timeout=300_000)
    size = page.viewport_size
    height = page.evaluate(
        "() => Math.max(...['stMain', 'stSidebarContent'].map("
        "(id) => document.querySelector(`[data-testid=${id}]`)?.scrollHeight ?? 0))"
    )
    page.set_viewport_size({"width": size["width"], "height": min(height, tallest)})
    page.wait_for_timeout(700)
    settle(page, timeout=60_000)
    shot = page.screenshot()
    page.set_viewport_size(size)
    return shot


def main():
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--checkpoint", default=CHECKPOINT)
    parser.add_argument("--narrow", action="store_true", help="390 pixels wide, as a phone is")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--tallest", type=int, default=TALLEST)
    parser.add_argument("--only", nargs="*", help="pages, by their file's name")
    given = parser.parse_args()
    browser_path = find_chromium()
    if browser_path is None:
        sys.exit("Chromium is missing: apt-get install -y chromium")
    from playwright.sync_api import sync_playwright

    given.out.mkdir(parents=True, exist_ok=True)
    pages = [(name, title) for rows in PAGES.values() for name, title, _ in rows]
    width = 390 if given.narrow else 1280
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        log = Path(folder) / "log"
        with serve(explore([given.checkpoint], port), Path(folder), port, log) as url:
            browser = playwright.chromium.launch(executable_path=browser_path, args=list(FLAGS))
            context = browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme="dark" if given.dark else "light",
            )
            page = context.new_page()
            for number, (name, title) in enumerate(pages):
                if given.only and name not in given.only:
                    continue
                path = name.replace("_", "-") if number else ""
                query = f"checkpoint={given.checkpoint}"
                if name in SHOWN:
                    query += f"&{SHOWN[name]}"
                shot = picture(page, f"{url}/{path}?{query}", title, given.tallest)
                file = given.out / f"{name.replace('_', '-')}.png"
                file.write_bytes(palette(shot, 1000 if width > 1000 else width))
                print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB", flush=True)  # noqa: T201
            browser.close()


if __name__ == "__main__":
    main()
