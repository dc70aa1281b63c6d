"""The catalogue: order, directions and best values are those of the functions."""

import importlib.util
import math
import sys

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

import hypersound_lib.metrics
from hypersound_lib.errors import ConfigError, MetricRefused
from hypersound_lib.metrics import METRICS, TABLE_1, perceptual, score
from hypersound_lib.metrics.cdpam import network

from .signals import NOISE, RATE, noisy, speechlike, voices

PACKAGES = {
    "stoi": ("pystoi",),
    "estoi": ("pystoi",),
    "pesq": ("pesq",),
    "cdpam": ("cdpam",),
    "visqol": ("visqol",),
    "dnsmos": ("speechmos", "onnxruntime"),
}
INSTALLED = [name for name in METRICS if all(map(importlib.util.find_spec, PACKAGES.get(name, ())))]
DEAF_TO_RATE = ("mse", "nmse", "snr", "si_snr")
NEEDS_NO_PACKAGE = (*DEAF_TO_RATE, "lsd", "mel_distance")


def function_of(name):
    """Return a metric's own function, which takes a rate whether it needs one or not."""
    function = getattr(hypersound_lib.metrics, name)
    return (lambda x, y, rate: function(x, y)) if name in DEAF_TO_RATE else function


def installed(rows):
    """Return the rows of a table that begin with a metric whose package is there."""
    return [row for row in rows if row[0] in INSTALLED]


def test_the_paper_s_six_come_first():
    assert TABLE_1 == ("mse", "lsd", "si_snr", "pesq", "stoi", "cdpam")
    assert tuple(METRICS)[:6] == TABLE_1
    assert tuple(METRICS)[6:] == ("estoi", "mel_distance", "nmse", "snr", "visqol", "dnsmos")
    assert all(metric.name == name for name, metric in METRICS.items())
    assert len({metric.label for metric in METRICS.values()}) == len(METRICS)


@pytest.mark.parametrize("name", [name for name in INSTALLED if name != "dnsmos"])  # which knows no original
def test_a_copy_is_best_and_noise_is_worse_in_the_stated_direction(name):
    metric = METRICS[name]
    clean = voices(0.1 if name == "cdpam" else 0.7)[0]  # CDPAM takes seconds for each
    values = [metric.function(clean, noisy(clean, level), RATE) for level in (0, 0.01, 0.1, 1)]
    assert values[0] == pytest.approx(metric.best, abs=1e-4)
    assert values == sorted(values, reverse=metric.higher_is_better)
    assert len(set(values)) == 4


@pytest.mark.parametrize("name", [name for name in INSTALLED if name not in ("cdpam", "dnsmos")])
def test_its_value_is_the_function_s_whether_a_gradient_is_wanted_or_not(name):
    x = voices(0.7)[0]
    y = noisy(x, 0.3)
    value = METRICS[name].function(x, y, RATE)
    wanted = y.clone().requires_grad_()
    assert METRICS[name].function(x, wanted, RATE) == value
    ours, other = (function_of(name)(x, estimate, RATE).item() for estimate in (wanted, y))
    assert ours == other == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("name", ["snr", "si_snr"])
def test_decibels_are_bounded(name):
    x = NOISE.double()
    assert METRICS[name].function(x, x * (1 + 1e-9) + 1e-9 * x.roll(1), RATE) == 100
    assert METRICS[name].function(x, torch.zeros_like(x), RATE) == {"snr": 0, "si_snr": -100}[name]
    assert METRICS["snr"].function(1e-9 * x, x, RATE) == -100


@pytest.mark.parametrize(
    ("name", "noise", "of_both", "of_estimate", "tolerance"),
    installed(
        [
            *((name, 1, 1, -0.01, 1e-4) for name in ("stoi", "estoi")),
            *(("pesq", 0.01, 1, gain, tolerance) for gain, tolerance in ((-1, 1e-3), (0.1, 1e-2))),
            *(("visqol", 0.1, 1, gain, 0.02) for gain in (0.1, -1)),
            *(("visqol", 0.1, gain, 1, 1e-3) for gain in (0.01, 30)),  # its package hears less noise in quiet sounds
        ]
    ),
)
def test_gain_and_polarity_are_not_heard(name, noise, of_both, of_estimate, tolerance):
    clean = voices()[0]
    estimate = noisy(clean, noise)
    expected = function_of(name)(clean, estimate, RATE).item()
    found = function_of(name)(of_both * clean, of_both * of_estimate * estimate, RATE).item()
    assert found == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("name", INSTALLED)
def test_batches_equal_loops_and_keep_their_shape(name):
    function, clean = function_of(name), voices(0.1 if name == "cdpam" else 1.0)
    estimate = noisy(clean, 0.03)
    scores = function(clean.reshape(1, 2, -1), estimate.reshape(1, 2, -1), RATE)
    alone = torch.stack([function(x, y, RATE) for x, y in zip(clean, estimate, strict=True)])
    assert alone.shape == (2,)
    # In float32, sums over a batch may be taken in another order; what a package computes, it computes one by one.
    tolerance = 0 if name in ("pesq", "cdpam") else 1.3e-6
    torch.testing.assert_close(scores, alone.reshape(1, 2), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "silent", "message"),
    installed(
        [
            *((name, 0, "reference") for name in ("snr", "si_snr", "nmse")),
            *((name, 0, "reference is silent") for name in ("stoi", "estoi", "pesq", "visqol")),
            *((name, 1, "estimate is silent") for name in ("pesq", "visqol")),
        ]
    ),
)
def test_where_silence_has_no_value_it_is_refused(name, silent, message):
    pair = [voices(1.0)[0], voices(1.0)[0]]
    pair[silent] = torch.zeros_like(pair[silent])
    with pytest.raises(MetricRefused, match=message):
        METRICS[name].function(*pair, RATE)


SHORT = 1, 100, 300, 4000, 8000, 9000


@pytest.mark.parametrize(
    ("name", "num_samples", "rate", "message"),
    installed(
        [
            *((name, 512, RATE, "more than 512 samples, not 512") for name in ("lsd", "mel_distance")),
            *((name, n, RATE, "half a second of speech") for name in ("stoi", "estoi") for n in SHORT),
            *(("pesq", n, RATE, "a quarter of a second") for n in (1, 2, 100, 5000)),
            *(("visqol", n, RATE, r"0\.64 s") for n in (1, 40, 5513, 13000)),
            ("dnsmos", 1, 48000, "nothing is left of 1 samples"),
            ("cdpam", 1, 48000, "1 at 48000 Hz give none"),
        ]
    ),
)
def test_too_short_a_sound_is_refused(name, num_samples, rate, message):
    with pytest.raises(MetricRefused, match=message):
        METRICS[name].function(NOISE.repeat(2)[:num_samples], NOISE.repeat(2)[:num_samples], rate)


# Lengths around each metric's least: half a window (512), a quarter (5513) and four tenths of a second (8820).
LENGTHS = st.one_of(st.integers(1, 40), st.sampled_from([512, 513, 5512, 5513, 8819, 8820, 8900, 10000]))
KINDS = {
    "silence": lambda n: torch.zeros(n),
    "constant": lambda n: torch.full((n,), 0.1),
    "noise": lambda n: NOISE.repeat(2)[:n],
    "overflow": lambda n: 3e38 * NOISE.repeat(2)[:n].sign(),
    "underflow": lambda n: 1e-44 * NOISE.repeat(2)[:n].sign(),
    "click": lambda n: (torch.arange(n) == n // 2).float(),
    "nan": lambda n: torch.full((n,), torch.nan),
}


@pytest.mark.parametrize("name", [name for name in INSTALLED if name not in ("cdpam", "dnsmos")])
@settings(max_examples=40)
@example(num_samples=10000, reference="noise", estimate="underflow")  # PESQ's loudness is NaN
@example(num_samples=10000, reference="underflow", estimate="noise")  # NMSE is infinite
@given(num_samples=LENGTHS, reference=st.sampled_from(sorted(KINDS)), estimate=st.sampled_from(sorted(KINDS)))
def test_any_signal_has_a_finite_value_or_a_reason(name, num_samples, reference, estimate):
    x, y = KINDS[reference](num_samples), KINDS[estimate](num_samples)
    (scores,) = score([(x, y)], RATE, [name])
    assert math.isfinite(scores.values[name]) or len(scores.refusals[name]) > 10


NOTHING, INTEGERS = torch.zeros(0), torch.ones(8, dtype=torch.int16)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (torch.zeros(4), torch.zeros(5), ConfigError, "one shape"),
        (torch.zeros(()), torch.zeros(()), ConfigError, "one shape"),
        (INTEGERS, INTEGERS, ConfigError, "from_int16"),
        (NOTHING, NOTHING, MetricRefused, "no samples"),
        (NOTHING[:, None].expand(0, 8), NOTHING[:, None].expand(0, 8), MetricRefused, "no samples"),
    ],
    ids=["lengths", "scalars", "16 bit", "no samples", "no signals"],
)
def test_what_is_no_pair_of_sounds_is_refused_by_the_function_and_by_its_entry(name, x, y, error, message):
    for call in (METRICS[name].function, function_of(name)):
        with pytest.raises(error, match=message) as caught:
            call(x, y, RATE)
        assert caught.type is error


@pytest.mark.parametrize("name", METRICS)
def test_samples_that_are_not_finite_are_refused_and_one_sound_at_a_time_is_scored(name):
    calls = [METRICS[name].function, *([] if name in NEEDS_NO_PACKAGE else [function_of(name)])]
    for pair, which in (((NOISE * torch.inf, NOISE), "reference"), ((NOISE, NOISE * torch.nan), "estimate")):
        for call in calls:
            with pytest.raises(MetricRefused, match=f"{which} holds NaN"):
                call(*pair, RATE)
    with pytest.raises(ConfigError, match=r"one waveform \(T,\) at a time"):
        METRICS[name].function(NOISE[None], NOISE[None], RATE)


@pytest.mark.parametrize("name", NEEDS_NO_PACKAGE)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_compared_as_float32(name, dtype):
    narrow = speechlike().to(dtype), speechlike(seed=1).to(dtype)
    expected = function_of(name)(*(signal.float() for signal in narrow), RATE)
    assert torch.equal(function_of(name)(*narrow, RATE), expected)
    assert METRICS[name].function(*narrow, RATE) == pytest.approx(float(expected))


@pytest.mark.parametrize("rate", [0, -8000, 99, 22050.5, 10**9])
@pytest.mark.parametrize("name", METRICS)
def test_what_is_no_sample_rate_is_refused(name, rate):
    for call in [METRICS[name].function, *([] if name in DEAF_TO_RATE else [function_of(name)])]:
        with pytest.raises(ConfigError, match=f"sample rate.*{rate}") as caught:
            call(NOISE, NOISE, rate)
        assert not isinstance(caught.value, MetricRefused)


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("stoi", "pystoi", "metrics"),
        ("estoi", "pystoi", "metrics"),
        ("pesq", "pesq", "metrics"),
        ("cdpam", "cdpam", "cdpam"),
        ("visqol", "visqol", "perceptual"),
        ("dnsmos", "speechmos", "perceptual"),
    ],
)
def test_without_its_package_the_remedy_is_named_which_is_no_refusal(name, package, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    for load in (network, perceptual._load_visqol, perceptual._load_dnsmos):
        load.cache_clear()
    pair = (voices(0.7)[0],) * 2
    for call in (lambda: function_of(name)(*pair, RATE), lambda: score([pair], RATE, [name])):
        with pytest.raises(ConfigError, match=rf"pip install 'hypersound-lib\[{extra}\]'") as caught:
            call()
        assert not isinstance(caught.value, MetricRefused)
