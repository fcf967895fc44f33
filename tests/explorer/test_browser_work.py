"""Long work and images in a real browser: stopping, leaving, dropping pictures, going back."""

import hashlib

import pytest
import torch
from browsing import (
    becomes,
    explore,
    free_port,
    lies,
    press,
    serve,
    settle,
)
from playwright.sync_api import expect
from visiting import picture

from viz.core.network import Preprocessing
from viz.network.convmixer import ConvMixer
from viz.network.saving import save_checkpoint

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def large_file(tmp_path_factory):
    """A network on which attributions take long enough to be stopped."""
    torch.manual_seed(2)
    path = tmp_path_factory.mktemp("large") / "large.safetensors"
    network = ConvMixer(64, 6, 7, 7, 4).eval()
    return save_checkpoint(network, path, preprocessing=Preprocessing(224, known="the file"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("pictures")
    for number in range(3):
        (found / f"picture {number}.png").write_bytes(picture(number))
    return found


@pytest.fixture(scope="module")
def url(tmp_path_factory, small_file, large_file, folder):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    port = free_port()
    words = [*explore([small_file, large_file], port), "--images", str(folder)]
    with serve(words, elsewhere, port, elsewhere / "log") as address:
        yield address


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


def test_one_step_back_leaves_a_page(visit):
    page = visit("?checkpoint=small.safetensors", title="small.safetensors")
    for name, title in (
        ("Depthwise kernels", "Depthwise kernels"),
        ("Receptive fields", "Receptive fields"),
        ("Patch filters", "Patch filters"),
    ):
        press(page.get_by_role("link", name=name, exact=True))
        settle(page, title)
    for title in ("Receptive fields", "Depthwise kernels", "small.safetensors"):
        page.go_back()
        settle(page, title)


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


def test_the_menu_makes_room_on_a_narrow_screen(visit, chromium):
    page = visit("?checkpoint=small.safetensors", title="small.safetensors")
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    settle(page, "small.safetensors")
    page.get_by_test_id("stExpandSidebarButton").click()
    link = page.get_by_role("link", name="Depthwise kernels")
    expect(link).to_be_in_viewport()
    lies(link)
    link.click()
    settle(page, "Depthwise kernels")
    page.get_by_test_id("stExpandSidebarButton").wait_for()
    becomes(page, lambda: page.locator("h1").bounding_box()["x"] >= 0, True)
