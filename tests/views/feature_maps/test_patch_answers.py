"""Patch filters at every pixel: against scipy, on the grid, and what of them the grid keeps."""

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from viz.network.convmixer import ConvMixer
from viz.network.stages import stages
from viz.views.feature_maps import patch_answers

EVERY = slice(None)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return ConvMixer(6, 1, 3, 4, 2).eval()


def test_answers_are_correlations_and_on_the_grid_the_networks_own(model, rng):
    images = rng.normal(size=(2, 3, 22, 27)).astype(np.float32)
    found = patch_answers.answers(model, torch.from_numpy(images), EVERY)
    assert found.shape == (2, 6, 19, 24)
    weights, bias = (t.detach().double().numpy() for t in model.patch_embedding.parameters())
    for n in range(2):
        for f in range(6):
            wanted = bias[f] + sum(
                correlate2d(images[n, c].astype(float), weights[f, c], "valid") for c in range(3)
            )
            np.testing.assert_allclose(found[n, f].numpy(), wanted, atol=1e-5)
    first = next(stages(model, torch.from_numpy(images)))
    torch.testing.assert_close(found[:, :, ::4, ::4], first.maps, rtol=1e-4, atol=1e-5)
    assert not found.requires_grad


@pytest.mark.parametrize("size", [(24, 31), (4, 5)])
def test_energy_is_that_of_the_fourier_transform(model, size, rng, monkeypatch):
    images = rng.normal(size=(2, 3, *size)) + 1
    # Two filters at a time.
    monkeypatch.setattr(patch_answers, "_CHUNK_BYTES", 8 * (size[0] - 3) * (size[1] - 3))
    energy, spread = patch_answers.kept(model, torch.from_numpy(images))
    answers = patch_answers.answers(model, torch.from_numpy(images), EVERY).double().numpy()
    shares = []
    for maps in answers.reshape(12, *answers.shape[2:]):
        h, w = maps.shape
        hann = np.outer(np.hanning(h + 2)[1:-1], np.hanning(w + 2)[1:-1])
        power = np.abs(np.fft.fft2((maps - maps.mean()) * hann)) ** 2
        low = 0.0
        for (i, j), value in np.ndenumerate(power):
            if abs(np.fft.fftfreq(h)[i]) < 1 / 8 and abs(np.fft.fftfreq(w)[j]) < 1 / 8:
                low += value
        shares.append(low / power.sum())
    wanted = np.reshape(shares, (2, 6)).mean(0)
    np.testing.assert_allclose(energy.numpy(), wanted, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(spread, answers.std((2, 3)).mean(0), rtol=1e-4)


def test_a_filter_that_hears_nothing_has_no_share(model):
    model.patch_embedding.weight.data[2] = 0
    energy, _ = patch_answers.kept(model, torch.randn(2, 3, 32, 32))
    assert energy.isnan().tolist() == [i == 2 for i in range(6)]
