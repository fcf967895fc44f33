"""The scores of attributions as plain values, and the finding in words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.result import or_none
from viz.views.attribution.maps_result import UNITS
from viz.views.attribution.result import SCORES, Trust
from viz.views.wording import FEW_IMAGES, listed


def summary(result: Trust) -> dict[str, Any]:
    """Return every score as plain values."""
    insertion, deletion = result.beats_random()
    margin = result.margin.mean(0)
    p = dict(zip(result.methods, result.p_above_edges(), strict=True))
    names = (*SCORES, "best_scale")

    def means(i: int) -> dict[str, Any]:
        return {name: _mean(getattr(result, name)[:, i]) for name in names}

    def scored(n: int, i: int) -> dict[str, Any]:
        found = {name: or_none(getattr(result, name)[n, i]) for name in names}
        curve = {s: or_none(result.rank_correlation[n, i, t]) for t, s in enumerate(result.stages)}
        return {"map": result.rated[i], **found, "rank_correlation": curve}

    return {
        "n_images": len(result.names),
        "settings": dict(result.source.settings),
        "maps": [
            {
                "map": name,
                "unit": UNITS.get(name, ""),
                **means(i),
                "insertion_less_deletion": float(margin[i]),
                "beats_random_insertion": float(insertion[i]),
                "beats_random_deletion": float(deletion[i]),
                "p_above_edges": or_none(p.get(name, float("nan"))),
            }
            for i, name in enumerate(result.rated)
        ],
        "images": [
            {
                "image": name,
                "explained": result.explained(n),
                "target": int(result.target[n]),
                "against": int(result.against[n]),
                "predicted": result.predicted_name[n],
                "score": float(result.score[n]),
                "baseline_score": float(result.baseline_score[n]),
                "probability": float(result.probability[n]),
                "maps": [scored(n, i) for i in range(len(result.rated))],
            }
            for n, name in enumerate(result.names)
        ],
    }


def _mean(values: NDArray[np.float64]) -> float | None:
    kept = values[np.isfinite(values)]
    return float(kept.mean()) if len(kept) else None


def sentence(result: Trust) -> str:
    """Say which methods rank patches better than an edge detector, as far as images allow."""
    n, m = len(result.names), len(result.methods)
    margin, p = result.margin.mean(0), result.p_above_edges()
    # Rounded, and never -0.00.
    rounded = [f"{round(float(value), 2) + 0.0:.2f}" for value in margin]
    score = dict(zip(result.rated, rounded, strict=True))
    order = np.argsort(margin[:m])
    low, high = (score[result.rated[i]] for i in (order[0], order[-1]))
    of = f"{low} to {high} over the {m} methods" if m > 1 else f"{low} for {result.methods[0]}"
    means = (
        f"Insertion less deletion is {of}, against {score['edges']} for an edge detector and "
        f"{score['random']} for random maps"
    )
    if n < FEW_IMAGES:
        few = "One image is" if n == 1 else f"{n} images are"
        return f"{means}. {few} too few to rank methods."
    above = [name for name, value in zip(result.methods, p, strict=True) if value < 0.05]
    ranked = (
        f"{_counted(len(above), m)} patches better than an edge detector on "
        f"{n} images (sign-flip test of the maximum over methods, p < .05)"
    )
    return f"{ranked}{': ' + listed(above) if above else ''}. {means}."


def _counted(n: int, of: int) -> str:
    if n == 1:
        return f"One of {of} methods ranks"
    return f"{n or 'None'} of {of} methods rank"
