"""How much of the pointwise links goes from kernels of one label to those of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.results.depthwise import LABELS

__all__ = ["flow_fields"]

Floats = NDArray[np.float64]


def _one_hot(labels: NDArray[np.str_], names: Sequence[str]) -> Floats:
    """Return (d, L): 1 where a channel has the label."""
    return np.stack([labels == name for name in names], 1).astype(np.float64)


def flow_fields(
    weights: Sequence[Floats],
    branch: Floats,
    labels: NDArray[np.str_],
    *,
    n_shuffles: int,
    seed: int,
) -> dict[str, Any]:
    """Return the flow fields of `Mixing`.

    Parameters
    ----------
    weights : sequence of ndarray, (d, d)
        Pointwise weights of each block, rows outputs.
    branch : ndarray, (B, d)
        gamma of each depthwise branch's batch norm.
    labels : ndarray of str, (B, d)
        Of each block's kernels.
    n_shuffles : int
        Shuffles of the outputs' labels.
    seed : int
        Of the shuffles.

    Returns
    -------
    dict
        Field name to value.

    Notes
    -----
    With links w_ij = P_ij gamma_j, each output i takes the share s_ij = |w_ij| / sum_j |w_ij| from
    kernel j: rows count alike, because a batch norm follows. The flow from label M in block b to
    label L in block b + 1 is the sum of s_ij over i with label L and j with label M, over the
    number of outputs. It is expected to be (share that comes from M) x (share that goes to L). A
    shuffle gives the labels of block b + 1 to other channels.
    """
    names = tuple(name for name in LABELS if (labels == name).any())
    pairs, count = len(weights) - 1, len(names)
    flow, expected, net = (np.zeros((pairs, count, count)) for _ in range(3))
    low, high = (np.full((pairs, count, count), np.nan) for _ in range(2))
    shuffled = np.zeros((n_shuffles, count, count))
    outer = np.zeros((n_shuffles, count, count))
    rng = np.random.default_rng([seed, 3])
    for b in range(pairs):
        link = weights[b] * branch[b]
        total = np.abs(link).sum(1, keepdims=True)
        if not total.any():
            net[b] = np.nan
            continue
        link = link / np.where(total > 0, total, 1) / (total > 0).sum()
        inputs, outputs = _one_hot(labels[b], names), _one_hot(labels[b + 1], names)
        by_input = np.abs(link) @ inputs
        flow[b] = outputs.T @ by_input
        expected[b] = flow[b].sum(1, keepdims=True) * flow[b].sum(0, keepdims=True)
        signed = outputs.T @ (link @ inputs)
        net[b] = np.where(flow[b] > 0, signed / np.where(flow[b] > 0, flow[b], 1), np.nan)
        if n_shuffles:
            order = rng.permuted(np.tile(np.arange(len(outputs)), (n_shuffles, 1)), axis=1)
            drawn = np.swapaxes(outputs[order], 1, 2) @ by_input
            chance = drawn.sum(2, keepdims=True) * drawn.sum(1, keepdims=True)
            shuffled += drawn / pairs
            outer += chance / pairs
            known = expected[b] > 0
            ratio = np.where(known, drawn / np.where(chance > 0, chance, 1), np.nan)
            low[b][known], high[b][known] = np.quantile(ratio[:, known], [0.025, 0.975], axis=0)
    pooled_flow, pooled_expected = _mean(flow), _mean(expected)
    pooled_low, pooled_high = np.full((2, count, count), np.nan)
    known = pooled_expected > 0
    if n_shuffles and known.any():
        ratio = np.where(known, shuffled / np.where(outer > 0, outer, 1), np.nan)
        pooled_low[known], pooled_high[known] = np.quantile(ratio[:, known], [0.025, 0.975], axis=0)
    signed_sum = np.nansum(net * flow, axis=0) / max(pairs, 1)
    return {
        "label_names": names,
        "flow": flow,
        "expected": expected,
        "enrichment_low": low,
        "enrichment_high": high,
        "net": net,
        "pooled_flow": pooled_flow,
        "pooled_expected": pooled_expected,
        "pooled_low": pooled_low,
        "pooled_high": pooled_high,
        "pooled_net": np.where(
            pooled_flow > 0, signed_sum / np.where(pooled_flow > 0, pooled_flow, 1), np.nan
        ),
    }


def _mean(values: Floats) -> Floats:
    return values.mean(0) if len(values) else np.zeros(values.shape[1:])
