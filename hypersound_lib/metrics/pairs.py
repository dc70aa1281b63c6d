"""What a metric asks of its two signals, and how a metric of one pair serves a batch of them."""

from collections.abc import Callable

import torch
from torch import Tensor

from hypersound_lib.errors import ConfigError, MetricRefused


def check_shapes(reference: Tensor, estimate: Tensor) -> None:
    """Raise ConfigError unless the two signals have one shape."""
    if reference.shape != estimate.shape:
        raise ConfigError(
            f"a metric compares signals of one shape, not {tuple(reference.shape)} and {tuple(estimate.shape)}"
        )


def check_samples(reference: Tensor, estimate: Tensor) -> None:
    """Raise MetricRefused if there are no samples, or if one of them is NaN or infinite."""
    for name, signal in (("reference", reference), ("estimate", estimate)):
        if not signal.shape[-1]:
            raise MetricRefused(f"the {name} holds no samples")
        if not signal.isfinite().all():
            raise MetricRefused(f"the {name} holds NaN or Inf")


def is_silent(signal: Tensor) -> bool:
    """Tell whether a waveform `(T,)` is digital silence."""
    return not bool(signal.any())


def for_each_pair(metric: Callable[[Tensor, Tensor], float], reference: Tensor, estimate: Tensor) -> Tensor:
    """Apply a metric of two waveforms `(T,)` to each pair of a batch: `(..., T), (..., T) -> (...)`.

    Raises:
        ConfigError: the shapes differ.
        MetricRefused: there are no samples, or NaN or infinite ones; or the metric refuses one of the pairs.
    """
    check_shapes(reference, estimate)
    check_samples(reference, estimate)
    *batch, num_samples = reference.shape
    rows = zip(reference.reshape(-1, num_samples), estimate.reshape(-1, num_samples), strict=True)
    values = [float(metric(x, y)) for x, y in rows]
    return torch.tensor(values, dtype=reference.dtype, device=reference.device).reshape(batch)
