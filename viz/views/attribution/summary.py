"""The scores of attributions as plain values, and the finding in words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.result import or_none
from viz.views.attribution.maps_result import METHODS, UNITS
from viz.views.attribution.result import SCORES, Trust


def summary(result: Trust) -> dict[str, Any]:
    """Return every score as plain values."""
    insertion, deletion = result.beats_random()
    margin = _margin(result)
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


def _margin(result: Trust) -> NDArray[np.float64]:
    """By rated map: area under the insertion curve less that under deletion, mean over images."""
    return np.asarray(result.insertion_auc.mean(0) - result.deletion_auc.mean(0))


def _mean(values: NDArray[np.float64]) -> float | None:
    kept = values[np.isfinite(values)]
    return float(kept.mean()) if len(kept) else None


def sentence(result: Trust) -> str:
    """Say which map ranks patches best, and how that compares with knowing nothing."""
    margin = _margin(result)
    methods = [i for i, name in enumerate(result.rated) if name in METHODS]
    best = max(methods, key=lambda i: margin[i])
    random, edge = (result.rated.index(name) for name in ("random", "edges"))
    beaten = [result.rated[i] for i in methods if margin[i] <= margin[edge]]
    n = len(result.names)
    # Rounded, and never -0.00.
    won, by_edges, by_chance = (
        f"{round(float(margin[i]), 2) + 0.0:.2f}" for i in (best, edge, random)
    )
    text = (
        f"Over {n} image{'s' if n != 1 else ''}, {result.rated[best]} ranks patches best: "
        f"insertion less deletion {won}, against {by_edges} for an edge detector and {by_chance} "
        "for random maps."
    )
    if beaten:
        text += f" No better than the edge detector: {', '.join(beaten)}."
    return text
