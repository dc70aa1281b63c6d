"""What a metric asks of its two signals, and how a metric of one pair serves a batch of them."""

from collections.abc import Callable

import torch
from torch import Tensor

from hypersound_lib.data import as_real
from hypersound_lib.data.audio import LOUDEST
from hypersound_lib.errors import ConfigError, MetricRefused


def as_pair(reference: Tensor, estimate: Tensor) -> tuple[Tensor, Tensor]:
    """Return two signals of one shape that can be compared: float32 or float64, half as float32.

    Raises:
        ConfigError: the shapes differ, or the numbers are no floating-point ones.
        MetricRefused: there are no samples.
    """
    if reference.shape != estimate.shape or not reference.ndim:
        raise ConfigError(
            f"a metric compares signals of one shape, not {tuple(reference.shape)} and {tuple(estimate.shape)}"
        )
    if not reference.shape[-1]:
        raise MetricRefused("the reference holds no samples")
    return as_real(reference), as_real(estimate)


def check_samples(reference: Tensor, estimate: Tensor) -> None:
    """Raise MetricRefused if a sample is NaN, infinite, or so large that energies would overflow."""
    for name, signal in (("reference", reference), ("estimate", estimate)):
        if not signal.isfinite().all():
            raise MetricRefused(f"the {name} holds NaN or Inf")
        if signal.abs().max() > LOUDEST:
            raise MetricRefused(f"the {name} peaks at {float(signal.abs().max()):.3g}, where full scale is 1")


def is_silent(signal: Tensor) -> bool:
    """Tell whether a waveform `(T,)` is digital silence."""
    return not bool(signal.any())


def for_each_pair(metric: Callable[[Tensor, Tensor], float | Tensor], reference: Tensor, estimate: Tensor) -> Tensor:
    """Apply a metric of two waveforms `(T,)` to each pair of a batch: `(..., T), (..., T) -> (...)`.

    Raises:
        ConfigError: the shapes differ.
        MetricRefused: there are no samples, or NaN or infinite ones; or the metric refuses one of the pairs.
    """
    reference, estimate = as_pair(reference, estimate)
    check_samples(reference, estimate)
    *batch, num_samples = reference.shape
    rows = zip(reference.reshape(-1, num_samples), estimate.reshape(-1, num_samples), strict=True)
    values = [float(metric(x, y)) for x, y in rows]
    return torch.tensor(values, dtype=reference.dtype, device=reference.device).reshape(batch)
