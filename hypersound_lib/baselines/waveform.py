"""What every baseline asks of its sound."""

from torch import Tensor

from hypersound_lib.data import as_real
from hypersound_lib.errors import ConfigError


def as_waveform(waveform: Tensor) -> Tensor:
    """Return a sound `(T,)` as `as_real` does, where it lies and with its gradient, or say why it is none.

    Raises:
        ConfigError: it is not `(T,)` with T ≥ 1, not of floating-point numbers, or holds NaN or Inf.
    """
    if waveform.ndim != 1 or not len(waveform):
        raise ConfigError(f"a baseline takes a waveform of (T,) samples, not {tuple(waveform.shape)}")
    waveform = as_real(waveform)
    if not waveform.isfinite().all():
        raise ConfigError(f"sample {int((~waveform.isfinite()).nonzero()[0])} of the sound is NaN or Inf; repair it")
    return waveform
