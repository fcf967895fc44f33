"""The command about whole folders: `viz sweep`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from viz.cli.common import (
    force_option,
    json_option,
    names_of,
    path_option,
    progress_bar,
    say,
    seed_option,
    whole,
)
from viz.cli.images import looking, open_with_images

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint
    from viz.sweep.engines import Cluster

_PARTS = ("sparsity", "top", "classes")


@click.command()
@looking
@path_option("-o", "--output", required=True, help="Write this .npz file; shards that are finished "
             "wait in a folder beside it.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with an interrupted sweep; one that is "
              "finished is left as it is.")  # fmt: skip
@click.option("--without", callback=names_of(_PARTS), metavar="PARTS",
              help=f"Leave out some of {', '.join(_PARTS)}, separated by commas.")  # fmt: skip
@whole("--top", "Keep so many patches of each channel.", default=9)
@whole("--field-images", "Measure the effective receptive field on so many images; 0 leaves it "
       "out.", least=0, default=32)  # fmt: skip
@whole("--batch-size", "Run so many images through the network at a time.", default=16)
@whole("--shard-size", "Put so many images in a shard, which is what a kill can cost.  "
       "[default: a 64th of all, at least 64]")  # fmt: skip
@whole("--workers", "Count shards in so many processes of this machine, which dask.distributed "
       "starts (pip install 'convmixer-viz[cluster]').  [default: in this one]")  # fmt: skip
@click.option("--cluster", metavar="ADDRESS", help="Count shards on a dask cluster, "
              "tcp://HOST:PORT, whose workers see CKPT, FOLDER and the output by the same paths."
              )  # fmt: skip
@whole("--threads", "Let torch use so many CPU threads in each process.")
@whole("--decoders", "Read images ahead in so many threads of each process.", default=2)
@seed_option("Seed the null of selectivity and the interval of the receptive field.")
@json_option
@force_option
def sweep(checkpoint: str, images: Path | None, output: Path, resume: bool,
          without: tuple[str, ...] | None, top: int, field_images: int, batch_size: int,
          shard_size: int | None, workers: int | None, cluster: str | None, threads: int | None,
          decoders: int, seed: int, as_json: bool, force: bool,
          **options: Any) -> None:  # fmt: skip
    """Collect numbers over a folder of images.

    Every image runs through the network once. Collected are, for the patch embedding and each
    block's depthwise, residual and pointwise stage, the mean, the variance, the sparsity and the
    patches that drive each channel most; selectivity, where the subfolders are
    classes; and the effective receptive field. The file opens with viz.load_result and feeds viz
    top-patches, viz selectivity and others. After a kill or an interruption the same command with
    --resume goes on.
    """
    if images is None:
        raise click.UsageError("give a folder of images.")
    if output.suffix != ".npz":
        raise click.BadParameter(f"{output}: a file that ends in .npz is expected.",
                                 param_hint="'--output'")  # fmt: skip
    from viz.core.refusal import check_place
    from viz.sweep.run import shards_folder, sweep_folder
    from viz.sweep.tally import Settings

    check_place(output, force=force or resume)
    parts = tuple(part for part in _PARTS if part not in (without or ()))
    settings = Settings(parts, top, batch_size, field_images, seed)
    if threads:
        import torch

        torch.set_num_threads(threads)
    loaded, _ = open_with_images(checkpoint, images, options)
    engine = _engine(loaded, checkpoint, workers, cluster, threads, options)
    finished = resume and not force and output.exists() and not shards_folder(output).exists()
    try:
        with progress_bar(" images", stays=True) as progress:
            made = sweep_folder(
                loaded, images, output, settings=settings, engine=engine, shard_size=shard_size,
                limit=options["limit"], resume=resume, force=force, decoders=decoders,
                progress=progress,
            )  # fmt: skip
    except KeyboardInterrupt:
        say(f"\nviz: interrupted; finished shards are in {shards_folder(output)}: the same "
            "command with --resume goes on.")  # fmt: skip
        raise
    if finished:
        say(f"viz: {output} is finished: {made.n_images} images, of the same checkpoint, settings "
            "and images; nothing is left to do.")  # fmt: skip
    for name, reason in list(made.skipped.items())[:3]:
        say(f"viz: note: skipped {reason if name in reason else f'{name}: {reason}'}")
    if made.n_skipped > 3:
        say(f"viz: note: {made.n_skipped} images skipped in all; the file names them.")
    if as_json:
        click.echo(json.dumps(made.summary(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        click.echo(str(output))
    for reason in made.failed:
        say(f"viz: note: {reason}.")
    if made.failed:
        say(f"viz: {len(made.failed)} shards with {made.n_missing} images are missing; the same "
            "command with --resume tries them again.")  # fmt: skip
        sys.exit(1)


def _engine(
    loaded: Checkpoint, checkpoint: str, workers: int | None, cluster: str | None,
    threads: int | None, options: dict[str, Any],
) -> Cluster | None:  # fmt: skip
    """Return where shards are counted, where that is not this process."""
    if cluster is None and workers is None:
        return None
    from viz.sweep.engines import Cluster, Network

    told = {name: options[name] for name in ("activation", "ema", "device")}
    if options["classes"] is not None:
        told["classes"] = str(Path(options["classes"]).absolute())
    path = Path(checkpoint).expanduser()
    # By its whole path, so that workers find it.
    name = str(path.absolute()) if path.is_file() else checkpoint
    n = workers or 2
    share = 0 if cluster else max(1, (os.cpu_count() or 1) // n)
    return Cluster(Network(name, loaded.source.sha256, told, threads or share), cluster or "", n)


COMMANDS = (sweep,)
