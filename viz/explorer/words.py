"""Words that several pages share."""

from __future__ import annotations

from viz.views.kernels.result import KERNEL_NAMES

FILTER_ORDER_WORDS = {
    "hue": "hue: nearly grey first, then by colour",
    "orientation": "orientation of the stripes",
    "norm": "norm, largest first",
    "index": "channel number",
}
KERNEL_ORDER_WORDS = {
    "similarity": "similarity: neighbours look alike",
    "name": "name: what they are called",
    "norm": "norm, largest first",
    "index": "channel number",
}
SCALE_WORDS = {"tile": "its own for each", "block": "one per block", "figure": "one for all"}
ANY_NAME = "all"
"""As in the address: kernels of every name."""
_IN_WORDS = {
    "identity": "identity: one tap in the middle",
    "shift": "shift: one tap elsewhere",
    "blob+": "blob+: a positive bump",
    "blob-": "blob-: a negative bump",
    "on-centre": "on-centre: centre-surround, positive inside",
    "off-centre": "off-centre: centre-surround, negative inside",
    "edge": "edge: one side positive, one negative",
    "bar": "bar: a line",
    "ring": "ring",
    "cross": "cross",
    "grating": "grating: stripes",
    "frame": "frame: strong along the window's border",
    "flat": "flat: nearly constant",
    "unnamed": "unnamed: like nothing in particular, or like two things",
}
NAME_WORDS = {ANY_NAME: "every name", **{name: _IN_WORDS[name] for name in KERNEL_NAMES}}
DESCRIPTOR_WORDS = {
    "dc_share": ("constant share", "Share of the energy that a flat kernel would have."),
    "odd_energy": ("odd energy", "Share of the energy that changes sign when turned by 180°."),
    "rms_radius": ("RMS radius (taps)", "Distance from the middle, weighted by energy."),
    "anisotropy": ("anisotropy", "0: alike in all directions; 1: along one line."),
    "spectral_centroid": ("spectral centroid (cycles per tap)", "Mean frequency."),
    "radial_sign_changes": ("radial sign changes", "Of the mean over rings, going out."),
    "separability": ("separability", "1: one column times one row."),
    "norm": ("norm", "Square root of the summed squares of the weights."),
    "r2": ("R² of its description", "Share of its energy that its shapes explain."),
}
FILTER_NUMBER_WORDS = {
    "orientation": "orientation of its stripes (degrees, 0 horizontal)",
    "peak_frequency": "frequency it answers most to (cycles per pixel)",
    "phase": "phase (degrees; 0 a bright stripe, 180 a dark one)",
    "sigma_across": "width across the stripes, sigma (pixels)",
    "sigma_along": "length along the stripes, sigma (pixels)",
    "chroma": "share of its energy that is colour",
    "share": "share of its energy on one colour axis",
    "r2_map": "R² of the Gabor, of its map",
    "r2": "R² of the fit, of the filter",
    "norm": "norm",
}


def sorted_by(order: str) -> str:
    """Return an order in words that follow "ordered by"."""
    return {"index": "channel number", "hue": "hue, nearly grey first"}.get(order, order)
