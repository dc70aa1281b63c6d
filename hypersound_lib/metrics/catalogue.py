"""Every metric by name, with its unit, its direction and its best value.

| name | unit | better | what it is |
|---|---|---|---|
| `mse` | | lower | mean squared error of the samples |
| `lsd` | log₁₀ | lower | distance of log power spectra: RMS over frequency, mean over frames |
| `si_snr` | dB | higher | energy along the reference over the rest, whatever the gain; within ±100 dB |
| `pesq` | MOS | higher | wide-band PESQ at 16 kHz, about 1 to 4.64 |
| `stoi` | | higher | agreement of short-time envelopes, about 0 to 1 |
| `cdpam` | | lower | learned perceptual distance at 22 050 Hz |
| `estoi` | | higher | STOI that compares bands with each other, too |
| `mel_distance` | log₁₀ | lower | mean absolute difference of log mel magnitudes |
| `nmse` | | lower | energy of the error over that of the reference; 1 is silence |
| `snr` | dB | higher | the same in decibels; within ±100 dB |
| `visqol` | MOS | higher | similarity of spectrograms where there is speech, at 16 kHz, 1 to 5 |
| `dnsmos` | MOS | higher | a network's opinion of the estimate alone, at 16 kHz, 1 to 5 |

The first six are the paper's Table 1. Its numbers are of signals scaled to a peak of 1, clip by clip: whoever compares
with it normalises both first. MSE, LSD, CDPAM, mel distance and DNSMOS depend on the scale; the others do not, if
reference and estimate have the same. Decibels are bounded, so that the mean over clips stays finite when one is a
perfect copy.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from hypersound_lib.errors import ConfigError, MetricRefused
from hypersound_lib.metrics.cdpam import cdpam
from hypersound_lib.metrics.intelligibility import estoi, stoi
from hypersound_lib.metrics.perceptual import dnsmos, pesq, visqol
from hypersound_lib.metrics.spectral import lsd, mel_distance
from hypersound_lib.metrics.waveform import finite_pair, mse, nmse, si_snr, snr

CEILING_DB = 100.0  # more than 16 bits can tell (98 dB); -100 dB is the least

PairMetric = Callable[[Tensor, Tensor, int], float]


@dataclass(frozen=True)
class Metric:
    """One metric: how to name it, how to read it, how to compute it."""

    name: str  # its key in METRICS, and that of its function
    label: str  # for tables and plots
    unit: str  # "" if it has none
    higher_is_better: bool
    best: float  # the value of a perfect copy; of DNSMOS, which knows no original, the end of its scale
    # (reference (T,), estimate (T,), sample rate in Hz) -> a finite value. It raises MetricRefused where there is none,
    # ConfigError if the signals are not two waveforms of one length, or if a package is missing.
    function: PairMetric


def _finite(compute: Callable[[Tensor, Tensor, int], Tensor | float]) -> PairMetric:
    """Return a metric of two waveforms that is finite or refused: the checks that all share."""

    def function(reference: Tensor, estimate: Tensor, sample_rate: int) -> float:
        reference, estimate = finite_pair(reference, estimate, sample_rate)
        if reference.ndim > 1:
            raise ConfigError(f"one waveform (T,) at a time is scored, not {tuple(reference.shape)}")
        value = float(compute(reference, estimate, sample_rate))
        if not math.isfinite(value):
            raise MetricRefused(f"its value is {value}")
        return value

    return function


def _bounded_si_snr(reference: Tensor, estimate: Tensor, _: int) -> Tensor:
    if bool((reference == reference[0]).all()):
        raise MetricRefused("SI-SNR removes the mean, which leaves nothing of the reference")
    return si_snr(reference, estimate).clamp(-CEILING_DB, CEILING_DB)


def _bounded_snr(reference: Tensor, estimate: Tensor, _: int) -> Tensor:
    _needs_energy("SNR", reference)
    return snr(reference, estimate).clamp(-CEILING_DB, CEILING_DB)


def _defined_nmse(reference: Tensor, estimate: Tensor, _: int) -> Tensor:
    _needs_energy("NMSE", reference)
    return nmse(reference, estimate)


def _needs_energy(label: str, reference: Tensor) -> None:
    if not reference.any():
        raise MetricRefused(f"{label} is relative to the reference's energy; the reference is silent")


# fmt: off
_ALL = (
    #       name            label           unit     higher  best
    Metric("mse",          "MSE",          "",      False,  0.0,         _finite(lambda x, y, _: mse(x, y))),
    Metric("lsd",          "LSD",          "log₁₀", False,  0.0,         _finite(lsd)),
    Metric("si_snr",       "SI-SNR",       "dB",    True,   CEILING_DB,  _finite(_bounded_si_snr)),
    Metric("pesq",         "PESQ",         "MOS",   True,   4.6439,      _finite(pesq)),
    Metric("stoi",         "STOI",         "",      True,   1.0,         _finite(stoi)),
    Metric("cdpam",        "CDPAM",        "",      False,  0.0,         _finite(cdpam)),
    Metric("estoi",        "ESTOI",        "",      True,   1.0,         _finite(estoi)),
    Metric("mel_distance", "mel distance", "log₁₀", False,  0.0,         _finite(mel_distance)),
    Metric("nmse",         "NMSE",         "",      False,  0.0,         _finite(_defined_nmse)),
    Metric("snr",          "SNR",          "dB",    True,   CEILING_DB,  _finite(_bounded_snr)),
    Metric("visqol",       "ViSQOL",       "MOS",   True,   5.0,         _finite(visqol)),
    Metric("dnsmos",       "DNSMOS",       "MOS",   True,   5.0,         _finite(dnsmos)),
)
# fmt: on
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
TABLE_1: tuple[str, ...] = ("mse", "lsd", "si_snr", "pesq", "stoi", "cdpam")  # the paper's, in its order
