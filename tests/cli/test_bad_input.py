"""Bad input to any command is one sentence and exit code 2, and nothing is written."""

import shlex

import pytest
from click.testing import CliRunner
from photographs import noise

from viz.cli import main

# Words of the command, and what is said. FILE is a network of 16 channels, 3 blocks, patches of 4
# and classes ant, bee, cat, dog; IMAGES holds two pictures and a broken one, EMPTY nothing.
REFUSED = """
--bogus | no such option '--bogus' (viz --help tells more).
repot | no such command 'repot'; did you mean 'report'? (viz --help tells more).
info -o | no such option '-o' (viz info --help tells more).
kernels a.pth -o | option '-o' requires an argument (viz kernels --help tells more).
kernels FILE --ordr x | did you mean '--order'? (viz kernels --help tells more).
info missing.pth | missing.pth
info FILE --activation swiglu | activation must be one of
info FILE --mean 1,2 | one per input channel
info FILE --std 0 | positive
info FILE --image-size 2 | at least one patch
patch-filters FILE -o a.jpg | .png, .svg or .pdf
patch-filters FILE -o no/a.png | does not exist
patch-filters FILE -o there.png | exists
kernels FILE -o a.png --blocks 9 | blocks are 0 to 2
kernels FILE -o a.png --blocks 0-2,5-10000000 | holds a number above 999999; check its digits
kernels FILE -o a.png --figure names | not among its figures: kernels, kernels-by-name, kernels-
kernels FILE -o folder --figure kernels-by-name | needs -o with a .png, .svg or .pdf file
kernels FILE --seed -1 | invalid value for '--seed'
early-late FILE --early 0-1 --late 1-2 | block 1 is in both groups
early-late FILE --late 7 | late group names block 7
early-late FILE --early 2-0 | names no block
attribution FILE IMAGES --method lrp | residual additions
attribution FILE IMAGES --method guided-backprop | plain gradient
attribution FILE IMAGES --method saliency --method deeplift | not add up
attribution FILE IMAGES --method salience | did you mean saliency
attribution FILE IMAGES --method xyz | grad-cam.
attribution FILE IMAGES --target dgo | did you mean 'dog'
attribution FILE IMAGES --target 9 | classes are 0 to 3
attribution FILE IMAGES --device nowhere | not a device
evidence FILE IMAGES --target bee --against 1 | class 1 found against itself
feature-maps FILE nowhere | nowhere: no such file or folder
feature-maps FILE EMPTY | found no image file here
feature-maps FILE IMAGES/broken.jpg | broken.jpg: not an image
feature-maps FILE --block 9 | no block 9: blocks are 0 to 2
feature-maps FILE --channels 99 | no channel 99: they are 0 to 15
feature-maps FILE --filters 16 | no patch filter 16
feature-maps FILE --name squiggle | 'squiggle' is not a name of kernels; they are identity, shift,
feature-maps FILE --name edge --channels 1 | either --channels or
receptive-field FILE --unit 3 | a row and a column
receptive-field FILE --unit 8,0 | a row of 0 to 7
receptive-field FILE --channels 99 | channel 99 found
receptive-field FILE --memory 1 --image-size 400 | MB of working memory
receptive-field FILE --memory nan | expected a positive number
receptive-field FILE --image-size 100000 | at most 8000
sweep FILE -o a.npz | give a folder of images
sweep FILE IMAGES -o a.txt | '--output': a.txt: a file that ends in .npz
sweep FILE IMAGES -o nowhere/a.npz | does not exist; make it first
sweep FILE IMAGES -o a.npz --without topp | 'topp' found, some of sparsity,top,classes
selectivity FILE IMAGES --sweep missing.npz | no such file
top-patches FILE IMAGES --name edge --by-name | one of --channels, --name and --by-name
top-patches FILE IMAGES --name edge --stage pointwise | leave --stage out
top-patches FILE IMAGES --stage 'patch embedding' --block 0 | leave --block out
kernels FILE -o a.png --font 'Nowhere Sans' | no font 'Nowhere Sans' on this machine
report FILE -o new --formats svg,jpg | '--formats': 'svg,jpg' found, some of svg,pdf,png
report FILE -o there.png | is a file
report --from EMPTY --seed 0 --no-ema --resume | --resume, --seed, --no-ema cannot change it
report --from EMPTY --formats svg --paper a4 --force | no manifest.json in it
train nowhere -o a.pth | .safetensors
train nowhere -o new.safetensors --start missing.pth | missing.pth
train IMAGES -o new.safetensors --device cuda:99 | is not a device
"""
ROWS = [line.split(" | ") for line in REFUSED.strip().splitlines()]
# Before anything is described or measured.
UNREADABLE = "none of 2 images can be read; the first: a.jpg"
ROWS += [(f"{name} FILE UNREADABLE --json", UNREADABLE) for name, command in main.commands.items()
         if {"checkpoint", "images"} <= {each.name for each in command.params}
         and name not in ("sweep", "preferred-inputs", "compare")]  # fmt: skip
ROWS += [("sweep FILE UNREADABLE -o a.npz", UNREADABLE),
         ("report FILE -o folder --only substitution --images UNREADABLE", UNREADABLE),
         ("compare FILE FILE --images UNREADABLE --json", UNREADABLE)]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), ROWS)
def test_one_sentence_and_exit_code_2(words, said, small_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("viz.views.kernels.measure.describe", None)
    monkeypatch.setattr("viz.views.patch_filters.measure.describe", None)
    for name in ("empty", "unreadable"):
        (tmp_path / name).mkdir()
    for name in ("a.jpg", "b.png"):
        (tmp_path / "unreadable" / name).write_text("no image")
    noise(tmp_path / "images", "0.png", "1.png", size=(40, 50))
    (tmp_path / "images" / "broken.jpg").write_text("no image")
    (tmp_path / "there.png").write_bytes(b"mine")
    places = {"FILE": shlex.quote(str(small_file)), "IMAGES": "images", "EMPTY": "empty",
              "UNREADABLE": "unreadable"}  # fmt: skip
    for place, path in places.items():
        words = words.replace(place, path)
    done = CliRunner().invoke(main, shlex.split(words), prog_name="viz")
    assert done.exit_code == 2, done.output
    last = done.stderr.splitlines()[-1]
    assert last.startswith("viz: ") and said in last
    assert "Traceback" not in done.output and done.stdout == ""
    assert isinstance(done.exception, SystemExit)
    assert {path.name for path in tmp_path.iterdir()} == {
        "images",
        "empty",
        "unreadable",
        "there.png",
    }
    assert (tmp_path / "there.png").read_bytes() == b"mine"
