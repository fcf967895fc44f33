"""The command line: arguments to functions, no logic."""

from __future__ import annotations

import os

import click

from viz import __version__
from viz.cli import compare, files, report, sweep, views
from viz.cli.common import Group


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="viz")
def main() -> None:
    """See what a trained ConvMixer has learned.

    CKPT is a checkpoint file (.pth, .pt, .ckpt, .pth.tar, .bin, .safetensors), the name of a
    shipped one (imagenette-p7, imagenette-p14, cifar10-p2), or an official name (convmixer_1536_20,
    convmixer_768_32, convmixer_1024_20_ks9_p14).
    """
    # A notebook's own is for its kernel alone, and may not be installed here.
    os.environ["MPLBACKEND"] = "agg"


for _command in (
    *files.COMMANDS,
    *views.COMMANDS,
    *sweep.COMMANDS,
    *compare.COMMANDS,
    *report.COMMANDS,
):
    main.add_command(_command)
