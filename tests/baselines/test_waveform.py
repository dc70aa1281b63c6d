"""What every baseline asks for: samples `(T,)` that are finite, in half precision, too, and sizes that there are."""

import pytest
import torch

from hypersound_lib.baselines import (
    FramePCA,
    frame_pca_size,
    griffin_lim,
    mdct,
    mdct_of_size,
    random_phase,
    truncated_mdct,
)
from hypersound_lib.errors import ConfigError

PCA = FramePCA(torch.eye(16)[:, :2])
BASELINES = {
    "MDCT": mdct,
    "phase": lambda x: random_phase(x, 8000),
    "PCA": PCA.reconstruct,
    "fit": lambda x: FramePCA.fit([torch.ones(100), x], 16, 2),
}


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize(
    ("sound", "message"),
    [
        (torch.zeros(0), r"waveform \(T,\) .*not torch.float32 \(0,\)"),
        (torch.zeros(2, 100), r"waveform \(T,\) .* \(2, 100\)"),
        (torch.ones(100, dtype=torch.int16), "from_int16"),
        (torch.tensor([0.0, torch.nan]), "sample 1 of the sound is NaN"),
        (torch.tensor([torch.inf, 0.0]), "sample 0 of the sound is NaN or Inf"),
        (torch.full((9,), 1e13), r"peaks at 1e\+13"),
    ],
    ids=["empty", "batch", "16 bit", "NaN", "infinite", "too loud"],
)
def test_what_is_no_sound_is_refused(baseline, sound, message):
    with pytest.raises(ConfigError, match=message):
        BASELINES[baseline](sound)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda x: mdct(x, 0), "hop_length of at least 1 sample, not 0"),
        (lambda x: truncated_mdct(x, 10_000, 64), "192 coefficients: cannot keep 10000"),
        (lambda x: mdct_of_size(x, 16000, -1), "positive, not -1"),
        (lambda x: mdct_of_size(x, 0, 100), "at 0 Hz"),
        (lambda x: griffin_lim(x, 8000, iterations=-1), "iterations ≥ 0, not -1"),
        (lambda x: griffin_lim(x, 0), "at least 1 Hz, not 0"),
        (lambda _: frame_pca_size(0, 16000), "above zero, not 0"),
        (lambda _: frame_pca_size(800, 0), "above zero, not 800, 0 Hz"),
    ],
)
def test_impossible_sizes_are_refused(use, message):
    with pytest.raises(ConfigError, match=message):
        use(torch.ones(100))


def test_half_precision_is_taken_as_float32():
    x = torch.linspace(-1, 1, 1000).half()
    for use in (lambda x: truncated_mdct(x, 100), BASELINES["phase"]):
        assert torch.equal(use(x), use(x.float()))
