"""The commands about whole folders: `viz sweep`, and the top patches of its file."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from viz.cli.common import (
    force_option,
    json_option,
    say,
    seed_option,
)
from viz.cli.images import looking, open_with_images

if TYPE_CHECKING:
    from viz.sweep.engines import Engine
    from viz.sweep.shards import Outcome

_PARTS = ("sparsity", "top", "histogram", "classes", "covariance")


class Progress:
    """Tells images per second and time left: on one line of a terminal, else every 10 seconds."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.kept = total, 0, 0
        self.begun = self.told = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def step(self, images: int) -> None:
        """Count images and say how far it is, not too often."""
        self.done += images
        now = time.monotonic()
        if now - self.told >= (0.2 if self.terminal else 10):
            self.told = now
            self._say(now)

    def finished(self, outcome: Outcome) -> None:
        """Count what was finished before; name what failed."""
        if outcome.kept:
            self.kept += outcome.images
        if outcome.failed:
            self._line(f"viz: note: {outcome.failed}.")

    def _say(self, now: float) -> None:
        rate = self.done / max(now - self.begun, 1e-9)
        left = (self.total - self.kept - self.done) / rate if rate else 0.0
        text = (
            f"viz: {self.kept + self.done} of {self.total} images, {rate:.1f} images/s, "
            f"{_duration(left)} left"
        )
        if self.terminal:
            click.echo(f"\r{text:<78}", err=True, nl=False)
        else:
            say(text)

    def _line(self, text: str) -> None:
        click.echo(f"\r{text:<78}" if self.terminal else text, err=True)

    def close(self) -> None:
        """Say how long it took."""
        took = time.monotonic() - self.begun
        rate = self.done / max(took, 1e-9)
        if self.kept:
            self._line(f"viz: {self.kept} images were counted before")
        self._line(f"viz: {self.done} images in {_duration(took)}, {rate:.1f} images/s")


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _parts(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str] | None:
    """Read names of parts with commas between them; the moments are always there."""
    if value is None:
        return None
    found = [part.strip() for part in value.split(",") if part.strip() not in ("", "moments")]
    for part in found:
        if part not in _PARTS:
            raise click.BadParameter(f"{part!r} is no part; parts are {', '.join(_PARTS)}.")
    return found


@click.command()
@looking
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True,
              help="The .npz to write; finished shards wait in a folder beside it.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with an interrupted sweep; one that is "
              "finished is left as it is.")  # fmt: skip
@click.option("--with", "wanted", callback=_parts, help="Only these parts beside the moments, such "
              f"as top,sparsity; parts are {', '.join(_PARTS)}.  [default: all]")  # fmt: skip
@click.option("--without", callback=_parts, help="Leave these parts out.")
@click.option("--top", "n_top", type=click.IntRange(1), default=9, show_default=True,
              help="Patches kept per channel.")  # fmt: skip
@click.option("--bins", type=click.IntRange(1), default=64, show_default=True,
              help="Of each histogram.")  # fmt: skip
@click.option("--field-images", type=click.IntRange(0), default=32, show_default=True,
              help="Images that the effective receptive field is measured on; 0 for none."
              )  # fmt: skip
@click.option("--batch-size", type=click.IntRange(1), default=16, show_default=True,
              help="Images at a time.")  # fmt: skip
@click.option("--shard-size", type=click.IntRange(1),
              help="Images in a shard: what a kill can cost.  [default: by its speed, at least 32]"
              )  # fmt: skip
@click.option("--workers", type=click.IntRange(1),
              help="Count shards in so many processes, which dask.distributed starts (pip install "
              "'convmixer-viz[cluster]').  [default: in this one]")  # fmt: skip
@click.option("--cluster", metavar="ADDRESS",
              help="Count shards on a dask cluster, tcp://HOST:PORT, whose workers see CKPT and "
              "FOLDER by the same paths; \"local\" is --workers 2.")  # fmt: skip
@click.option("--threads", type=click.IntRange(1), help="CPU threads of torch, per process.")
@click.option("--decoders", type=click.IntRange(1), default=2, show_default=True,
              help="Threads that read images ahead, per process.")  # fmt: skip
@seed_option("Of the null of selectivity and of the field's interval.")
@json_option
@force_option
def sweep(checkpoint: str, images: Path | None, output: Path, resume: bool,
          wanted: list[str] | None, without: list[str] | None, n_top: int, bins: int,
          field_images: int, batch_size: int, shard_size: int | None, workers: int | None,
          cluster: str | None, threads: int | None, decoders: int, seed: int, as_json: bool,
          force: bool,
          **options: Any) -> None:  # fmt: skip
    """Run every image of a folder through a network, and collect numbers of every channel.

    For the patch embedding and each block's depthwise, residual and pointwise stage: mean,
    variance, sparsity, histogram, and the patches that drive each channel most; selectivity and
    accuracy where the folder's subfolders are classes; covariances; the effective receptive field.
    The file opens with viz.load_sweep and feeds viz top-patches and viz selectivity. Killed or
    interrupted, the same command with --resume goes on.
    """
    if images is None:
        raise click.UsageError("give a folder of images.")
    if output.suffix != ".npz":
        raise click.BadParameter(f"{output}: a file that ends in .npz is expected.",
                                 param_hint="'--output'")  # fmt: skip
    from viz.sweep.memory import keep_memory
    from viz.sweep.plan import listed
    from viz.sweep.run import shards_folder, sweep_folder
    from viz.sweep.tally import Settings

    kept = set(_PARTS if wanted is None else wanted) - set(without or ())
    parts = ("moments", *(part for part in _PARTS if part in kept))
    settings = Settings(parts, n_top, bins, batch_size, field_images, seed)
    limit = options["limit"]
    if threads:
        import torch

        torch.set_num_threads(threads)
    loaded, _ = open_with_images(checkpoint, images, options)
    keep_memory()
    total = len(listed(images, limit).names)
    progress = Progress(total)
    engine, shared = _engine(workers, cluster, threads)
    finished = resume and not force and output.exists() and not shards_folder(output).exists()
    told = {name: options[name] for name in ("activation", "ema", "device")}
    if options["classes"] is not None:
        told["classes"] = str(Path(options["classes"]).absolute())
    try:
        made = sweep_folder(
            loaded, images, output, settings=settings, engine=engine,
            load=(_anywhere(checkpoint), told), shard_size=shard_size, limit=limit,
            resume=resume, force=force, threads=shared, decoders=decoders, listener=progress,
        )  # fmt: skip
    except KeyboardInterrupt:
        say(f"\nviz: interrupted; finished shards are in {shards_folder(output)}: the same "
            "command with --resume goes on.")  # fmt: skip
        raise
    if finished:
        say(f"viz: {output} is finished: {made.n_images} images, of the same checkpoint, settings "
            "and images; nothing is left to do.")  # fmt: skip
    else:
        progress.close()
    for name, reason in list(made.skipped.items())[:3]:
        say(f"viz: note: skipped {reason if name in reason else f'{name}: {reason}'}")
    if made.n_skipped > 3:
        say(f"viz: note: {made.n_skipped} images skipped in all; the file names them.")
    if as_json:
        click.echo(json.dumps(made.summary(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        click.echo(str(output))
    if made.failed:
        say(f"viz: {len(made.failed)} shards with {made.n_missing} images are missing; the same "
            "command with --resume tries them again.")  # fmt: skip
        sys.exit(1)


def _engine(
    workers: int | None, cluster: str | None, threads: int | None
) -> tuple[Engine | None, int]:
    """Return where shards are counted, and torch's threads in each worker."""
    import os

    from viz.sweep.engines import Cluster

    cores = os.cpu_count() or 1
    if cluster is None and workers is None:
        return None, threads or 0
    address = "" if cluster in (None, "local") else cluster
    n = workers or 2
    return Cluster(address, n), threads or (0 if address else max(1, cores // n))


def _anywhere(checkpoint: str) -> str:
    """Return a name as it is, and a file by its whole path, so that workers find it."""
    path = Path(checkpoint).expanduser()
    return str(path.absolute()) if path.is_file() else checkpoint


COMMANDS = (sweep,)
