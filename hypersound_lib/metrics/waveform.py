"""Metrics of the samples themselves: errors, and ratios of energies. They see phase, and each sample counts alike.

And what every metric asks of its two signals, and how a metric of one pair serves a batch of them.
"""

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from hypersound_lib.data import as_real
from hypersound_lib.data.waveforms import LOUDEST
from hypersound_lib.errors import ConfigError, MetricRefused, check_sample_rate


def as_pair(reference: Tensor, estimate: Tensor) -> tuple[Tensor, Tensor]:
    """Return two signals of one shape that can be compared: float32 or float64, half as float32.

    Raises:
        ConfigError: the shapes differ, or the numbers are no floating-point ones.
        MetricRefused: there are no samples, or no signals in a batch.
    """
    if reference.shape != estimate.shape or not reference.ndim:
        raise ConfigError(
            f"a metric compares signals of one shape, not {tuple(reference.shape)} and {tuple(estimate.shape)}"
        )
    if not reference.numel():
        raise MetricRefused("the reference holds no samples")
    return as_real(reference), as_real(estimate)


def finite_pair(reference: Tensor, estimate: Tensor, sample_rate: int) -> tuple[Tensor, Tensor]:
    """Return two signals as `as_pair` does, without gradients, where they and their rate can be scored.

    It raises ConfigError where there is no such rate, and MetricRefused where a sample is NaN, infinite, or so large
    that energies would overflow.
    """
    check_sample_rate(sample_rate)
    reference, estimate = as_pair(reference.detach(), estimate.detach())
    for name, signal in (("reference", reference), ("estimate", estimate)):
        if not signal.isfinite().all():
            raise MetricRefused(f"the {name} holds NaN or Inf")
        if signal.abs().max() > LOUDEST:
            raise MetricRefused(f"the {name} peaks at {float(signal.abs().max()):.3g}, where full scale is 1")
    return reference, estimate


def each_pair(metric: Callable[[Tensor, Tensor, int], float]) -> Callable[[Tensor, Tensor, int], Tensor]:
    """Let a metric of two waveforms `(T,)` take batches: `(..., T), (..., T) -> (...)`, without gradients.

    It raises what `finite_pair` does, and MetricRefused where the metric refuses one of the pairs.
    """

    @functools.wraps(metric)
    def of_batch(reference: Tensor, estimate: Tensor, sample_rate: int) -> Tensor:
        reference, estimate = finite_pair(reference, estimate, sample_rate)
        *batch, num_samples = reference.shape
        rows = zip(reference.reshape(-1, num_samples), estimate.reshape(-1, num_samples), strict=True)
        values = [metric(x, y, sample_rate) for x, y in rows]
        return torch.tensor(values, dtype=reference.dtype, device=reference.device).reshape(batch)

    return of_batch


def package_folder(package: str, metric: str, extra: str) -> Path:
    """Find a package that a metric needs, without importing it; ConfigError with the remedy where there is none."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ConfigError(f"{metric} needs {package}: pip install 'hypersound-lib[{extra}]'")
    return Path(spec.origin).parent


def mse(reference: Tensor, estimate: Tensor) -> Tensor:
    """Mean squared error, lower is better: `(..., T), (..., T) -> (...)`.

    >>> mse(torch.tensor([1.0, -1.0]), torch.tensor([1.0, 0.0]))
    tensor(0.5000)
    """
    reference, estimate = as_pair(reference, estimate)
    return (reference - estimate).square().mean(dim=-1)


def snr(reference: Tensor, estimate: Tensor) -> Tensor:
    """Signal-to-noise ratio in dB, higher is better: `(..., T), (..., T) -> (...)`.

    10 log₁₀ (Σ x² / Σ (x - x̂)²). Identical signals give +inf, a silent reference with any error -inf.
    Predicting silence scores 0 dB.

    >>> snr(torch.tensor([1.0, -1.0]), torch.tensor([0.5, -0.5])).round(decimals=2)  # half the amplitude is wrong
    tensor(6.0200)
    """
    reference, estimate = as_pair(reference, estimate)
    signal = reference.double().square().sum(dim=-1)
    noise = (reference.double() - estimate.double()).square().sum(dim=-1)
    ratio = torch.where(noise == 0, torch.inf, signal / noise)
    return (10 * torch.log10(ratio)).to(reference.dtype)


def nmse(reference: Tensor, estimate: Tensor) -> Tensor:
    """Normalised mean squared error, lower is better: `(..., T), (..., T) -> (...)`.

    Σ (x - x̂)² / Σ x²: 0 for a perfect copy, 1 for silence, above 1 worse than silence. It is SNR without decibels.

    >>> nmse(torch.tensor([1.0, -1.0]), torch.tensor([0.5, -0.5]))
    tensor(0.2500)
    """
    return 10 ** (-snr(reference, estimate) / 10)


def si_snr(reference: Tensor, estimate: Tensor) -> Tensor:
    """Scale-invariant SNR in dB, higher is better: `(..., T), (..., T) -> (...)` (paper, Table 1).

    Means are removed. The estimate is split into the part along the reference, s = x ⟨x̂, x⟩ / ⟨x, x⟩, and the rest e:
    10 log₁₀ (‖s‖² / ‖e‖²). Any gain, also a negative one, scores the same; a shift by a few samples does not. A
    silent signal on either side scores -inf.

    >>> x = torch.tensor([1.0, -1.0, 1.0, -1.0])
    >>> si_snr(x, 0.1 * x + torch.tensor([0.01, 0.01, -0.01, -0.01])).round(decimals=2)
    tensor(20.)
    """
    reference, estimate = as_pair(reference, estimate)
    x = reference.double() - reference.double().mean(dim=-1, keepdim=True)
    y = estimate.double() - estimate.double().mean(dim=-1, keepdim=True)
    energy = x.square().sum(dim=-1, keepdim=True)
    along = torch.where(energy > 0, (x * y).sum(dim=-1, keepdim=True) / energy, 0) * x
    signal, rest = along.square().sum(dim=-1), (y - along).square().sum(dim=-1)
    ratio = torch.where(signal == 0, 0, torch.where(rest == 0, torch.inf, signal / rest))
    return (10 * torch.log10(ratio)).to(reference.dtype)
