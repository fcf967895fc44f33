"""Patch filters described: planted answers, slow formulas, symmetries, odd inputs."""

import json

import numpy as np
import planted_patches as planted
import pytest
from quick import small_nulls

from viz.views.patch_filters.measure import describe, pixel_space
from viz.views.patch_filters.result import peak_frequency

COLOURS = {"grey": planted.GREY, "red-green": planted.RED_GREEN, "yellow-blue": planted.YELLOW_BLUE}


@pytest.fixture(autouse=True, scope="module")
def quick():
    """A small null: it has tests of its own."""
    with small_nulls():
        yield


def axial_gap(a, b, period=180.0):
    gap = np.abs(a - b) % period
    return np.minimum(gap, period - gap)


@pytest.fixture(scope="module")
def mixed():
    """A small bank of everything: grey and coloured Gabors, blobs, noise."""
    rng = np.random.default_rng(5)
    p, n = 7, 12
    maps = planted.gabor_maps(p, **planted.random_gabors(rng, n, p))
    blobs = planted.blob_maps(
        p, 3 + rng.uniform(-1, 1, (n, 2)), rng.uniform(0.8, 1.6, n), [-1, 1] * (n // 2)
    )
    bank = np.concatenate(
        [
            planted.paint(maps, planted.GREY),
            planted.paint(maps, planted.RED_GREEN),
            planted.paint(blobs, planted.GREY),
            planted.paint(blobs, [0.2, -0.5, 0.9]),
        ]
    )
    bank = np.concatenate([planted.add_noise(bank, 14, rng), rng.standard_normal((n, 3, p, p))])
    bank = bank.astype(np.float32)
    return bank, describe(bank)


@pytest.mark.parametrize(("p", "colour"), [(7, "grey"), (7, "red-green"), (14, "yellow-blue")])
def test_planted_gabors_are_recovered(p, colour):
    rng = np.random.default_rng(p)
    truth = planted.random_gabors(rng, 40, p)
    bank = planted.paint(planted.gabor_maps(p, **truth), COLOURS[colour])
    found = describe(planted.add_noise(bank, 10, rng))
    assert np.isin(found.colour, ["grey", "tinted"] if colour == "grey" else ["coloured"]).all()
    striped = np.isin(found.structure, ["stripes", "edge", "bar"])
    assert striped.mean() >= 0.9
    assert np.nanmedian(axial_gap(found.orientation, truth["orientation"])) < 5
    assert np.nanmedian(np.abs(found.frequency / truth["frequency"] - 1)) < 0.1
    assert np.nanmedian(np.abs(found.parameters[:, :2] - truth["centre"]).max(1)) < 0.5
    assert np.nanmedian(np.abs(found.colour_axis @ COLOURS[colour])) > 0.95
    # The carrier's sign is lost with the colour axis's: phases agree up to 180 degrees.
    assert np.nanmedian(axial_gap(found.phase, truth["phase"])) < 15


@pytest.mark.parametrize(
    ("p", "axis", "colours"),
    [(14, planted.GREY, ["grey", "tinted"]), (7, [-0.4, -0.1, 1.0], ["coloured"])],
)
def test_planted_blobs_are_recovered(p, axis, colours):
    rng = np.random.default_rng(p + 1)
    centre = (p - 1) / 2 + rng.uniform(-p / 5, p / 5, (40, 2))
    maps = planted.blob_maps(p, centre, rng.uniform(0.8, p / 5, 40), rng.choice([-1, 1], 40))
    found = describe(planted.add_noise(planted.paint(maps, axis), 10, rng))
    blobs = found.structure == "blob"
    assert blobs.mean() >= 0.9 and np.isin(found.colour, colours).all()
    assert np.isnan(found.orientation[blobs]).all()
    assert np.isnan(found.frequency[blobs]).all()
    # The fitted map peaks where the blob was put.
    peak = np.abs(found.fitted_maps).reshape(40, -1).argmax(1)
    assert np.median(np.abs(np.stack(np.divmod(peak, p), 1) - centre)) <= 0.5


def test_fit_is_the_formula_written_slowly(mixed):
    bank, found = mixed
    for i in range(0, len(bank), 7):
        row0, column0, orientation, f, across, along, phase, amplitude = found.parameters[i]
        d = np.radians(orientation + 90)
        slow = np.empty((7, 7))
        for r in range(7):
            for c in range(7):
                right, up = c - column0, row0 - r
                u = right * np.cos(d) + up * np.sin(d)
                v = -right * np.sin(d) + up * np.cos(d)
                window = np.exp(-(u**2) / (2 * across**2) - v**2 / (2 * along**2))
                slow[r, c] = amplitude * window * np.cos(2 * np.pi * f * u + np.radians(phase))
        size = float(np.abs(found.fitted_maps[i]).max())
        assert found.fitted_maps[i] == pytest.approx(slow, abs=1e-4 * size)
        weights = bank[i].astype(float)
        left = ((weights - found.colour_axis[i][:, None, None] * slow) ** 2).sum()
        assert found.r2[i] == pytest.approx(1 - left / (weights**2).sum(), abs=1e-4)
        left = ((found.maps[i] - slow) ** 2).sum()
        assert found.r2_map[i] == pytest.approx(1 - left / (found.maps[i] ** 2).sum(), abs=1e-4)
    axis = found.colour_axis[:, :, None, None]
    assert found.fitted == pytest.approx(axis * found.fitted_maps[:, None])


def test_colour_axis_is_the_first_singular_vector(mixed):
    bank, found = mixed
    for weights, axis, share, chroma in zip(
        bank, found.colour_axis, found.share, found.chroma, strict=True
    ):
        m = weights.reshape(3, -1).astype(float).T
        _, s, vt = np.linalg.svd(m)
        assert abs(axis @ vt[0]) == pytest.approx(1, abs=1e-6)
        assert axis[np.abs(axis).argmax()] > 0
        assert share == pytest.approx(s[0] ** 2 / (s**2).sum(), abs=1e-6)
        grey = sum((row.sum() / np.sqrt(3)) ** 2 for row in m)
        assert chroma == pytest.approx(1 - grey / (m**2).sum(), abs=1e-6)


def test_sign_flip_moves_the_phase_by_180(mixed):
    bank, found = mixed
    flipped, gabors = describe(-bank), found.oriented
    assert (flipped.structure == found.structure).all()
    assert flipped.colour_axis == pytest.approx(found.colour_axis, abs=1e-6)
    assert axial_gap(flipped.phase[gabors], found.phase[gabors] + 180, 360).max() < 0.5
    assert flipped.frequency[gabors] == pytest.approx(found.frequency[gabors], rel=1e-3)
    assert flipped.maps == pytest.approx(-found.maps, abs=1e-5)


def test_rotation_by_90_degrees_turns_orientations(mixed):
    bank, found = mixed
    turned = describe(np.rot90(bank, axes=(2, 3)))  # counter-clockwise on the screen
    gabors = found.oriented
    assert gabors.sum() >= 20
    assert (turned.structure == found.structure).mean() >= 0.98
    gap = axial_gap(turned.orientation[gabors], found.orientation[gabors] + 90)
    assert np.nanmedian(gap) < 0.01
    assert np.nanquantile(gap, 0.95) < 1
    # Where 90 more passes 180 the carrier points the other way, and the phase is negated.
    wrapped = found.orientation[gabors] >= 90
    expected = np.where(wrapped, -found.phase[gabors], found.phase[gabors])
    assert np.nanmedian(axial_gap(turned.phase[gabors], expected, 360)) < 0.1
    row, column = found.parameters[gabors, :2].T
    centre = turned.parameters[gabors, :2]
    assert np.median(np.abs(centre - np.stack([6 - column, row], 1))) < 0.01


def test_components_are_the_covariance_eigenvectors(mixed):
    bank, found = mixed
    flat = bank.reshape(len(bank), -1).astype(float)
    values, vectors = np.linalg.eigh(np.cov(flat.T, bias=True))
    shares = values[::-1] / values.sum()
    assert found.component_shares == pytest.approx(shares[: len(found.component_shares)], abs=1e-6)
    parts = found.components.reshape(len(found.components), -1)
    for i in range(5):
        assert abs(parts[i] @ vectors[:, -1 - i]) == pytest.approx(1, abs=1e-4)
        assert parts[i][np.abs(parts[i]).argmax()] > 0


def test_pixel_space_answers_pixels_as_the_filter_answers_normalised_input():
    rng = np.random.default_rng(1)
    filters, pixels = rng.standard_normal((5, 3, 6, 6)), rng.random((3, 6, 6))
    mean, std = rng.random(3), rng.uniform(0.1, 0.4, 3)
    normalised = (pixels - mean[:, None, None]) / std[:, None, None]
    expected = (filters * normalised).sum((1, 2, 3))
    bias = -(filters.sum((2, 3)) * mean / std).sum(1)
    answers = (pixel_space(filters, std) * pixels).sum((1, 2, 3)) + bias
    assert answers == pytest.approx(expected, rel=1e-4)
    for bad in ([0.2], [0.2, 0.2, 0.0], [0.2, 0.2, -1.0]):
        with pytest.raises(ValueError, match="One positive std per channel"):
            pixel_space(filters, bad)


@pytest.mark.parametrize("phase", [0.0, 40.0, 90.0, 200.0])
@pytest.mark.parametrize(("f", "sigma"), [(0.03, 1.5), (0.15, 2.0), (0.3, 4.0)])
def test_peak_frequency_is_read_off_the_spectrum(f, sigma, phase):
    x = np.arange(-4096, 4096) / 16
    wave = np.exp(-(x**2) / (2 * sigma**2)) * np.cos(2 * np.pi * f * x + np.radians(phase))
    k = np.fft.rfftfreq(len(x), 1 / 16)
    expected = k[np.abs(np.fft.rfft(wave)).argmax()]
    found = peak_frequency(np.array([f]), np.array([sigma]), np.array([phase]))[0]
    assert found == pytest.approx(expected, abs=0.004)


def test_odd_filters_get_no_numbers():
    rng = np.random.default_rng(2)
    bank = planted.paint(planted.gabor_maps(7, **planted.random_gabors(rng, 4, 7)), planted.GREY)
    bank[0], bank[1, 1, 2, 3] = 0, np.nan
    found = describe(bank)
    assert list(found.structure[:2]) == ["noise", "noise"]
    assert np.isnan(found.r2[:2]).all()
    assert (found.fitted[:2] == 0).all()
    alone = describe(bank[2:])
    assert found.r2[2:] == pytest.approx(alone.r2)
    for each in (found, describe(np.zeros((2, 3, 7, 7)))):
        json.dumps(each.summary(), allow_nan=False)


@pytest.mark.parametrize("shape", [(3, 7, 7), (2, 3, 7, 8), (0, 3, 7, 7)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"Filters \(n, c, p, p\) expected"):
        describe(np.ones(shape))
