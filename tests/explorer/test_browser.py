"""The explorer in a real browser: what a user sees, clicks, uploads and takes home."""

import hashlib
import http.client
import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from browsing import PATIENCE, at_address, becomes, explore, free_port, lies, press, serve, settle
from PIL import Image
from playwright.sync_api import expect
from visiting import picture

from viz.core.network import Preprocessing
from viz.network.convmixer import ConvMixer
from viz.network.saving import save_checkpoint
from viz.plot.style import SIGNED
from viz.views.weights.result import DepthwiseKernels

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
NARROW = ("", "patch-filters", "kernels", "patch-filter", "kernel", "compare", "feature-maps",
          "kernel-names")  # fmt: skip


@pytest.fixture(scope="module")
def url(tmp_path_factory, small_file, grey_file):
    """The explorer, started by its command far from the clone's configuration."""
    # A network on which attributions take long enough to be stopped.
    torch.manual_seed(2)
    large = tmp_path_factory.mktemp("large") / "large.safetensors"
    network = ConvMixer(64, 6, 7, 7, 4).eval()
    save_checkpoint(network, large, preprocessing=Preprocessing(224, known="the file"))
    images = tmp_path_factory.mktemp("pictures") / "pictures"
    images.mkdir()
    for number in range(3):
        (images / f"picture {number}.png").write_bytes(picture(number))
    folder, port = tmp_path_factory.mktemp("elsewhere"), free_port()
    words = [*explore([small_file, grey_file, large], port), "--images", str(images)]
    with serve(words, folder, port, folder / "log") as address:
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


def opens(page, name):
    """Wait until the kernel or filter of this name is open beside its grid."""
    page.locator("h3", has_text=re.compile(f"^{name}$")).wait_for()
    settle(page)


def test_a_tile_is_a_link_to_its_page(visit):
    """It is one step back from there, as from any page of the menu."""
    page = visit("?checkpoint=small.safetensors", title="small.safetensors")
    page.get_by_text("Its kernels, block by block").wait_for()
    becomes(page, page.locator(".frame").count, 4)
    x, y, _ = tile_centre(page, 1, 6, 4, 5)
    page.mouse.move(x, y)
    said = re.compile(r"^block 1, kernel (\d+)")
    field = page.locator(".field").first
    expect(field).to_have_attribute("title", said)
    kernel = f"Block 1, kernel {said.match(field.get_attribute('title'))[1]}"
    page.mouse.click(x, y)
    settle(page, kernel)
    at_address(page, "/kernel?", "block=1", "channel=")
    titles = ["small.safetensors", kernel]
    for title in ("Receptive fields", "Patch filters"):
        press(page.get_by_test_id("stPageLink").get_by_role("link", name=title, exact=True))
        settle(page, title)
        titles.append(title)
    for title in titles[-2::-1]:
        page.go_back()
        settle(page, title)


def test_a_kernel_opens_beside_its_grid(visit):
    """By mouse, by steps and by keys; the address holds it, and back shows what was before."""
    page = visit("kernels?order=index&scale=tile&show=all", title="Depthwise kernels")
    opens(page, "Block 0, kernel 0")
    x, y, _ = tile_centre(page, 2, 6, 4, 5)
    page.mouse.move(x, y)
    expect(page.locator(".what")).to_have_text(re.compile("^block 2, kernel 6(:|$)"))
    page.mouse.click(x, y)
    opens(page, "Block 2, kernel 6")
    at_address(page, "/kernels?", "open=2.6", "scale=tile")
    # In the grid arrows go from tile to tile; outside they are the buttons.
    page.locator("h1").click()
    page.keyboard.press("ArrowRight")
    opens(page, "Block 2, kernel 7")
    expect(page.locator("h1")).to_have_text("Depthwise kernels")
    at_address(page, "open=2.7")
    other = visit(page.url.split("/", 3)[3], title="Depthwise kernels")
    opens(other, "Block 2, kernel 7")
    at_address(other, "order=index", "scale=tile")
    page.go_back()
    opens(page, "Block 2, kernel 6")
    page.locator(".field").first.focus()
    for key in ("Home", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    # The fourth row is the block's last.
    expect(page.locator(".what")).to_have_text(re.compile("^block 1, kernel 1(:|$)"))
    page.keyboard.press("Enter")
    opens(page, "Block 1, kernel 1")
    page.get_by_text("Names below the tiles").click()
    becomes(page, page.locator(".name").count, 48)


def test_weights_are_crisp(visit, small):
    """Every weight is a square of whole screen pixels in its own colour, at any size."""
    ratio = 2
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
    frame = page.locator(".frame").first
    before = lies(frame)["width"]
    press(page.get_by_role("button", name="Larger"))
    becomes(page, lambda: frame.bounding_box()["width"] > before, True)
    press(page.get_by_role("button", name="Fit the width"))
    becomes(page, lambda: frame.bounding_box()["width"], before)


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


def test_narrow_screens_in_the_dark(visit):
    """At 390 pixels nothing is wider than the window; figures are dark; the menu makes room."""
    page = visit(title="small.safetensors", viewport={"width": 390, "height": 844},
                 color_scheme="dark")  # fmt: skip
    find = (
        "() => [...document.querySelectorAll('[data-testid=stMain] *')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && e.checkVisibility())"
        # What is wider than the frame of a table or of a wide figure is scrolled inside it.
        ".filter((e) => !e.closest('.dvn-scroller, [class*=st-key-viz-wide]'))"
        ".map((e) => e.tagName + '.' + e.className)"
    )
    for path in NARROW:
        page.goto(f"{page.url.split('/', 3)[0]}//{page.url.split('/', 3)[2]}/{path}")
        settle(page)
        page.locator(".frame, [data-testid=stImage] img").first.wait_for()
        becomes(page, lambda: page.evaluate(find), [])
    shown = page.locator("[class*=st-key-viz-wide] img, [class*=st-key-viz-slim] img").first
    drawn = page.request.get(shown.evaluate("(image) => image.src")).body()
    assert np.asarray(Image.open(io.BytesIO(drawn)).convert("RGB"))[0, 0].max() < 40
    page.get_by_test_id("stExpandSidebarButton").click()
    link = page.get_by_role("link", name="Depthwise kernels")
    expect(link).to_be_in_viewport()
    lies(link)
    link.click()
    settle(page, "Depthwise kernels")
    page.get_by_test_id("stExpandSidebarButton").wait_for()
    becomes(page, lambda: page.locator("h1").bounding_box()["x"] >= 0, True)


def served_on_this_machine_only(port):
    """Whether one address is listened at, and only requests that name this machine are answered."""
    rows = [row.split() for name in ("tcp", "tcp6")
            for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]  # fmt: skip
    listening = {row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")}
    hosts = (f"127.0.0.1:{port}", f"localhost:{port}", "evil.example")
    assert listening == {f"0100007F:{port:04X}"}
    assert [handshake(port, host) for host in hosts] == [101, 101, 403]


def test_the_flags_hold_far_from_the_clones_configuration(url):
    port = int(url.rsplit(":", 1)[1])
    served_on_this_machine_only(port)


def test_streamlit_run_is_as_safe(tmp_path):
    """`streamlit run app.py` from anywhere takes the options that lie beside it."""
    port = free_port()
    words = ["-m", "streamlit", "run", str(ROOT / "app.py"), "--server.headless", "true"]
    with serve([*words, "--server.port", str(port)], tmp_path, port, tmp_path / "log"):
        served_on_this_machine_only(port)


def handshake(port, host):
    """Ask for the socket over which the page talks; return the status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    headers = {
        "Host": host,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    connection.request("GET", "/_stcore/stream", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_long_work_is_asked_for_told_and_stopped(visit):
    page = visit("attribution?checkpoint=large.safetensors", title="Attributions and trust")
    press(page.get_by_role("button", name="Measure"))
    bar = page.get_by_text("Measuring attribution: step")
    bar.wait_for()
    press(page.get_by_test_id("stMain").get_by_role("button", name="Stop"))
    page.get_by_text("Stopped; nothing of it is kept.").wait_for()
    settle(page)
    becomes(page, bar.count, 0)
    press(page.get_by_role("button", name="Measure"))
    bar.wait_for()
    # Leaving the page ends the work, too.
    press(page.get_by_role("link", name="Overview"))
    settle(page, "large.safetensors")


def test_images_are_dropped_and_used(visit):
    """Dropped on the sidebar they are shown; a bad one is answered; elsewhere they are missed."""
    page = visit("feature-maps?checkpoint=small.safetensors", title="Feature maps")
    page.get_by_text("Images: the folder pictures").wait_for()
    press(page.locator("summary", has_text="Images of your own"))
    content = picture(11)
    page.get_by_test_id("stFileUploaderDropzone").nth(1).dispatch_event(
        "drop", {"dataTransfer": transfer(page, "mine.png", content)}
    )
    page.get_by_text("Images: 1 uploaded image (mine.png)").wait_for()
    whole = hashlib.sha256(repr(("mine.png", hashlib.sha256(content).hexdigest())).encode())
    page.wait_for_url(f"**images=upload.{whole.hexdigest()[:8]}*")
    settle(page)
    other = visit(page.url.split("/", 3)[3], title="Feature maps")
    other.get_by_test_id("stAlert").get_by_text("This link shows uploaded images").wait_for()
    pages = {"Evidence": "evidence", "Feature maps": "feature-maps",
             "Receptive fields": "receptive-field"}  # fmt: skip
    for title, address in pages.items():
        press(page.get_by_test_id("stPageLink").get_by_role("link", name=title, exact=True))
        page.wait_for_url(f"**/{address}?*")
        page.get_by_text("Images: 1 uploaded image (mine.png)").wait_for()
    other.get_by_text("Images: the folder pictures").wait_for()


def transfer(page, name, content):
    """Make what a drag from the desktop carries."""
    return page.evaluate_handle(
        """([name, bytes]) => {
            const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
            return carried;
        }""",
        [name, list(content)],
    )
