"""The explorer in a real browser: what a user sees, clicks, uploads and takes home."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from browsing import (
    PATIENCE,
    at_address,
    becomes,
    explore,
    free_port,
    lies,
    press,
    serve,
    settle,
)
from PIL import Image
from playwright.sync_api import expect

from viz.plot.style import SIGNED
from viz.views.weights.result import DepthwiseKernels

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
PATHS = (
    "", "patch-filters", "kernels", "patch-filter", "kernel", "kernel-names", "feature-maps",
)  # fmt: skip


@pytest.fixture(scope="module")
def url(tmp_path_factory, small_file, grey_file):
    """The explorer, started by its command far from the clone's configuration."""
    folder = tmp_path_factory.mktemp("elsewhere")
    port = free_port()
    with serve(explore([small_file, grey_file], port), folder, port, folder / "log") as address:
        yield address


def tile_centre(page, group, tile, columns, side):
    """Return where a tile lies, from the frame's size alone: tiles are one weight apart."""
    frame = page.locator(".frame").nth(group)
    frame.scroll_into_view_if_needed()
    box = lies(frame)
    zoom = box["width"] / (columns * (side + 1) - 1)
    row, column = divmod(tile, columns)
    return (
        box["x"] + (column * (side + 1) + side / 2) * zoom,
        box["y"] + (row * (side + 1) + side / 2) * zoom,
        zoom,
    )


def upload(page, name, content):
    page.locator("input[type=file]").first.set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )


def test_first_page(visit):
    page = visit(title="small.safetensors")
    page.get_by_text("Its kernels, block by block").wait_for()
    becomes(page, page.locator(".frame").count, 4)
    expect(page.locator(".frame img").last).to_have_attribute(
        "alt", re.compile("^All 16 patch-emb")
    )


def test_a_click_opens_the_kernel(visit):
    page = visit("kernels?order=index&scale=tile", title="Depthwise kernels")
    x, y, _ = tile_centre(page, 2, 6, 4, 5)
    page.mouse.move(x, y)
    expect(page.locator(".what")).to_have_text(re.compile("^block 2, kernel 6(:|$)"))
    page.mouse.click(x, y)
    settle(page, "Block 2, kernel 6")
    at_address(page, "/kernel?", "block=2", "channel=6")
    page.go_back()
    settle(page, "Depthwise kernels")
    at_address(page, "order=index")
    # The grid is as it was left.
    chosen = page.locator("[data-testid=stSelectbox] input")
    values = "boxes => boxes.map((box) => box.value)"
    becomes(page, lambda: "its own for each" in chosen.evaluate_all(values), True)


def test_a_click_opens_the_filter_and_keys_walk_on(visit):
    page = visit("patch-filters?order=index", title="Patch filters")
    columns = round((16 * 1.5) ** 0.5)
    x, y, _ = tile_centre(page, 0, 7, columns, 4)
    page.mouse.click(x, y)
    settle(page, "Patch filter 7")
    page.get_by_role("button", name="Next").wait_for()
    page.keyboard.press("ArrowRight")
    settle(page, "Patch filter 8")
    for wanted in ("Patch filter 7", "Patch filter 6"):
        page.keyboard.press("ArrowLeft")
        settle(page, wanted)
    at_address(page, "channel=6")


def test_the_keyboard_opens_a_kernel(visit):
    page = visit("kernels?order=index", title="Depthwise kernels")
    page.locator(".field").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    # The first arrow points at kernel 0; the fourth row is the block's last.
    expect(page.locator(".what")).to_have_text(re.compile("^block 1, kernel 1(:|$)"))
    page.keyboard.press("Enter")
    settle(page, "Block 1, kernel 1")


@pytest.mark.parametrize("ratio", [1, 2])
def test_weights_are_crisp(visit, small, ratio):
    """Every weight is a square of whole screen pixels in its own colour."""
    page = visit("kernels?order=index", title="Depthwise kernels", device_scale_factor=ratio)
    x, y, zoom = tile_centre(page, 1, 9, 4, 5)
    assert zoom * ratio == pytest.approx(round(zoom * ratio))
    kernels = small.model.depthwise_kernels(1).numpy()
    limit = np.quantile(np.abs(kernels), 0.995)
    wanted = np.asarray(SIGNED(0.5 + 0.5 * kernels[9] / limit))[..., :3] * 255
    whole = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(float)
    side = round(zoom * ratio)
    left, top = (round((at - 2.5 * zoom) * ratio) for at in (x, y))

    def squares(dx, dy):
        rows, columns = (slice(at, at + 5 * side) for at in (top + dy, left + dx))
        return whole[rows, columns].reshape(5, side, 5, side, 3)

    # The text above may end between two pixels of the screen; the picture begins on one of them.
    near = [squares(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
    blocks = min(near, key=lambda found: np.ptp(found, axis=(1, 3)).max())
    assert np.ptp(blocks, axis=(1, 3)).max() == 0
    assert np.abs(blocks[:, 0, :, 0] - wanted).max() <= 4


def test_enlarging(visit):
    page = visit("kernels", title="Depthwise kernels")
    frame = page.locator(".frame").first
    before = lies(frame)["width"]
    press(page.get_by_role("button", name="Larger"))
    becomes(page, lambda: frame.bounding_box()["width"] > before, True)
    press(page.get_by_role("button", name="Fit the width"))
    becomes(page, lambda: frame.bounding_box()["width"], before)


def test_a_copied_link_shows_the_same(visit):
    first = visit("kernels", title="Depthwise kernels")
    # Typed: a list opened by a click may be closed by what the page does just then.
    first.get_by_label("Colour scale").fill("one for all")
    expect(first.get_by_role("option")).to_have_text(["one for all"])
    first.get_by_label("Colour scale").press("Enter")
    first.wait_for_url("**/kernels?*scale=figure*")
    address = first.url.split("/", 3)[3]
    second = visit(address, title="Depthwise kernels")
    becomes(second, lambda: second.url, first.url)
    expect(second.locator(".key .text")).to_contain_text("One colour scale for all")


def test_uploads(visit, grey_file, small_file, tmp_path):
    """Good ones are offered, broken and hostile ones are answered until removed."""
    page = visit(title="small.safetensors")
    told = page.get_by_test_id("stAlert")
    upload(page, "mine.safetensors", grey_file.read_bytes())
    settle(page, "mine.safetensors")
    page.wait_for_url("**checkpoint=upload.*mine.safetensors*")
    upload(page, "broken.pt", b"no weights at all")
    told.get_by_text("broken.pt: ").wait_for()
    mark = tmp_path / "executed"
    hostile = b"cposix\nsystem\n(S'touch " + str(mark).encode() + b"'\ntR."
    upload(page, "hostile.pth", hostile)
    told.get_by_text("hostile.pth: ").wait_for()
    upload(page, "![x](http:⁄⁄example.com⁄x.png).pt", b"no weights at all")
    told.get_by_text("![x]").wait_for()
    settle(page, "mine.safetensors")
    # None of them closed the good one, and another good one can come.
    assert told.count() == 3
    assert told.locator("img").count() == 0
    upload(page, "yours.safetensors", small_file.read_bytes())
    settle(page, "yours.safetensors")
    # It is removed with its x; the other is still offered.
    press(page.locator("summary", has_text="Open files of your own"))
    press(page.get_by_test_id("stFileChip").filter(has_text="yours").get_by_role("button"))
    settle(page, "small.safetensors")
    chosen = page.get_by_test_id("stSidebar").get_by_label("Checkpoint")
    chosen.fill("mine")
    expect(page.get_by_role("option")).to_have_text(["mine.safetensors (uploaded)"])
    chosen.press("Enter")
    settle(page, "mine.safetensors")
    press(page.get_by_role("link", name="Depthwise kernels"))
    settle(page, "Depthwise kernels")
    assert not mark.exists()


def test_two_people_at_once(visit):
    one = visit("kernel?checkpoint=small.safetensors&block=1&channel=3", title="Block 1, kernel 3")
    two = visit("kernel?checkpoint=grey.safetensors&block=0&channel=9", title="Block 0, kernel 9")
    one.keyboard.press("ArrowRight")
    one.wait_for_url(lambda address: "channel=3" not in address)
    settle(one)
    settle(two)
    expect(two.locator("h1")).to_have_text("Block 0, kernel 9")
    at_address(two, "checkpoint=grey.safetensors&block=0&channel=9")
    one.get_by_text("ConvMixer-16/3").wait_for()
    two.get_by_text("ConvMixer-12/2").wait_for()


def test_what_is_taken_home(visit, tmp_path, small_file):
    """Downloads open, and are what the command draws."""
    from click.testing import CliRunner

    from viz.cli import main

    page = visit("kernels?order=norm&scale=tile", title="Depthwise kernels")
    press(page.get_by_test_id("stMain").get_by_role("button", name="Download").first)
    got = {}
    for label in ("PNG", "SVG", "PDF", "Arrays (NPZ)", "Table (CSV)"):
        with page.expect_download() as download:
            press(page.get_by_role("button", name=label, exact=True))
        name = download.value.suggested_filename
        download.value.save_as(tmp_path / name)
        got[label] = tmp_path / name
    assert {p.name for p in got.values()} == {
        f"small-kernels.{suffix}" for suffix in ("png", "svg", "pdf", "npz", "csv")
    }
    assert got["SVG"].read_text().startswith("<?xml")
    assert got["PDF"].read_bytes().startswith(b"%PDF-")
    result = DepthwiseKernels.load(got["Arrays (NPZ)"])
    assert (result.order, len(result.kernels)) == ("norm", 48)
    assert len(got["Table (CSV)"].read_text().splitlines()) == 49
    words = ["kernels", str(small_file), "-o", str(tmp_path / "command.png"), "--all"]
    done = CliRunner().invoke(main, [*words, "--order", "norm", "--scale", "tile"])
    assert done.exit_code == 0
    assert (tmp_path / "command.png").read_bytes() == got["PNG"].read_bytes()


@pytest.mark.parametrize("path", PATHS)
def test_narrow_screens(visit, path):
    """At 400 pixels nothing is wider than the window, and what matters is there."""
    page = visit(path, viewport={"width": 400, "height": 800}, color_scheme="dark")
    page.locator(".frame, [data-testid=stImage] img").first.wait_for()
    find = (
        "() => [...document.querySelectorAll('[data-testid=stMain] *')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && e.checkVisibility())"
        # What is wider than the frame of a table or of a wide figure is scrolled inside it.
        ".filter((e) => !e.closest('.dvn-scroller, [class*=st-key-viz-wide]'))"
        ".map((e) => e.tagName + '.' + e.className)"
    )
    becomes(page, lambda: page.evaluate(find), [])


def test_served_on_this_machine_only(url):
    """The flags hold far from the clone's configuration: one address, no foreign Host."""
    port = int(url.rsplit(":", 1)[1])
    rows = (
        Path("/proc/net/tcp").read_text().splitlines()
        + Path("/proc/net/tcp6").read_text().splitlines()
    )
    fields = [row.split() for row in rows[1:]]
    listening = {f[1] for f in fields if len(f) > 3 and f[3] == "0A"}
    assert {a for a in listening if a.endswith(f":{port:04X}")} == {f"0100007F:{port:04X}"}
    assert handshake(port, f"127.0.0.1:{port}") == 101
    assert handshake(port, f"localhost:{port}") == 101
    assert handshake(port, "evil.example") == 403
    assert handshake(port, f"127.0.0.1:{port}", origin="http://127.0.0.1:1") in (101, 403)


def handshake(port, host, origin=None):
    """Ask for the socket over which the page talks; return the status."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    headers = {
        "Host": host,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    if origin:
        headers["Origin"] = origin
    connection.putrequest("GET", "/_stcore/stream", skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_streamlit_run_is_as_safe(tmp_path):
    """`streamlit run app.py` from anywhere takes the options that lie beside it."""
    port = free_port()
    words = ["-m", "streamlit", "run", str(ROOT / "app.py"), "--server.headless", "true"]
    with serve([*words, "--server.port", str(port)], tmp_path, port, tmp_path / "log"):
        assert handshake(port, f"127.0.0.1:{port}") == 101
        assert handshake(port, "evil.example") == 403
        rows = Path("/proc/net/tcp").read_text().split()
        assert f"0100007F:{port:04X}" in rows
        assert f"00000000:{port:04X}" not in rows


def test_a_partner_opens_its_kernel_by_the_keyboard(visit):
    page = visit("kernel?block=1&channel=3", title="Block 1, kernel 3")
    page.get_by_text("Partners: what it listens to").click()
    field = page.locator(".mosaic .field").first
    field.wait_for(state="attached")
    field.focus()
    # These arrows go through the partners: the page itself does not go on to the next kernel.
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)
    assert "channel=3" in page.url
    page.keyboard.press("End")
    said = re.compile(r"^block 0, kernel (\d+)(: .*)?$")
    expect(field).to_have_attribute("title", said)
    partner = said.match(field.get_attribute("title"))[1]
    page.keyboard.press("Enter")
    settle(page, f"Block 0, kernel {partner}")
    page.go_back()
    settle(page, "Block 1, kernel 3")
