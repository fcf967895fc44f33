"""Bandwidth, peak frequency and the middle of angles, against spectra and a published number."""

import numpy as np
import pytest

from viz.views.patch_filters.result import (
    axial_median,
    bandwidth_octaves,
    peak_frequency,
)


def test_bandwidth_is_read_off_the_spectrum():
    x = np.arange(-4096, 4096) / 16
    f, sigma = 0.2, 2.2
    wave = np.exp(-(x**2) / (2 * sigma**2) + 2j * np.pi * f * x)
    response, k = np.abs(np.fft.fft(wave)), np.fft.fftfreq(len(x), 1 / 16)
    passed = k[response >= response.max() / 2]
    expected = np.log2(passed.max() / passed.min())
    assert bandwidth_octaves(np.array([f]), np.array([sigma]))[0] == pytest.approx(
        expected, abs=0.05
    )


@pytest.mark.parametrize("phase", [0.0, 40.0, 90.0, 200.0, 270.0])
@pytest.mark.parametrize(("f", "sigma"), [(0.03, 1.5), (0.15, 2.0), (0.3, 4.0)])
def test_peak_frequency_is_read_off_the_spectrum(f, sigma, phase):
    x = np.arange(-4096, 4096) / 16
    wave = np.exp(-(x**2) / (2 * sigma**2)) * np.cos(2 * np.pi * f * x + np.radians(phase))
    k = np.fft.rfftfreq(len(x), 1 / 16)
    expected = k[np.abs(np.fft.rfft(wave)).argmax()]
    found = peak_frequency(np.array([f]), np.array([sigma]), np.array([phase]))[0]
    assert found == pytest.approx(expected, abs=0.004)


def test_peak_of_an_edge_does_not_depend_on_its_carrier():
    """The derivative of a Gaussian responds most at 1 / (2 pi sigma)."""
    sigma = np.full(3, 2.0)
    found = peak_frequency(np.array([0.001, 0.005, 0.01]), sigma, np.full(3, 90.0))
    assert found == pytest.approx(1 / (2 * np.pi * 2.0), abs=0.002)
    assert np.isnan(peak_frequency(np.array([np.nan]), sigma[:1], sigma[:1]))[0]


def test_median_of_angles_goes_around():
    assert axial_median(np.array([178.0, 1.0, 3.0]), 180) == 1.0
    assert axial_median(np.array([350.0, 355.0, 10.0, np.nan]), 360) == 355.0
    assert np.isnan(axial_median(np.array([np.nan]), 180))
