"""``python -m viz``: the same as the command ``viz``."""

from viz.cli import main

main(prog_name="viz")
