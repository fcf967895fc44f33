"""`viz attribution`: figures, folder, numbers, refusals."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from viz.cli import main
from viz.views import view
from viz.views.attribution.result import Trust

FAST = ["--quick", "--steps", "4", "--samples", "2"]


def run(*arguments):
    return CliRunner().invoke(main, ["attribution", *map(str, arguments)])


@pytest.fixture
def photo(tmp_path, rng):
    path = tmp_path / "noise.png"
    Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(path)
    return path


@pytest.mark.usefixtures("drawn_once")
def test_a_folder_holds_everything(small_file, tmp_path):
    out = tmp_path / "out"
    done = run(small_file, "-o", out, "--target", "dog", "--method", "saliency", "--method",
               "grad-cam", "--block", "1", *FAST)  # fmt: skip
    assert done.exit_code == 0, done.output
    names = {p.name for p in out.iterdir()}
    assert {"attribution.npz", "attribution.csv", "attribution.json", "attribution.svg",
            "attribution-trust.pdf", "attribution-randomisation.png",
            "attribution-pixels.png"} <= names  # fmt: skip
    result = Trust.load(out / "attribution.npz")
    assert result.names == ("china.jpg", "flower.jpg")
    assert result.target_name == ("dog", "dog") and result.grad_cam_block == 1
    table = pd.read_csv(out / "attribution.csv")
    np.testing.assert_allclose(table["insertion_auc"], result.insertion_auc.ravel())
    assert view("attribution").load(out / "attribution.npz") == result


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--method", "lrp"], "residual additions"),
        (["--method", "guided-backprop"], "plain gradient"),
        (["--method", "saliency", "--method", "deeplift"], "not add up"),
        (["--method", "salience"], "did you mean saliency"),
        (["--target", "dgo"], "did you mean 'dog'"),
        (["--target", "9"], "classes are 0 to 3"),
        (["--block", "3"], "blocks are 0 to 2"),
        (["--device", "nowhere"], "not a device"),
        (["--method", "xyz"], "grad-cam."),
        (["--target", "²"], "there is no class"),
        (["--target", "--5"], "there is no class"),
        (["--seed", "-1"], "'--seed'"),
        (["--seed", str(10**20)], "'--seed'"),
    ],
)
def test_what_is_wrong_is_refused_with_its_reason(arguments, words, small_file, photo):
    done = run(small_file, photo, "--json", *FAST, *arguments)
    assert done.exit_code == 2
    assert words in done.stderr and "Traceback" not in done.stderr
    assert not done.stdout
