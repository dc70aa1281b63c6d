"""Waveforms, whole or in blocks, at another rate, at another level, and as integers: what needs no file.

Resampling is soxr's high-quality preset, as in the paper's "Data".
"""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.errors import ConfigError, check_sample_rate

_FULL_SCALE = 2**15  # int16 steps from 0 to full scale
LOUDEST = 1e12  # 240 dB above full scale: no sound, and its square is still far from the largest float32


def resampled_length(num_samples: int, from_rate: int, to_rate: int) -> int:
    """Return ⌊T · to_rate / from_rate + ½⌋ in exact integers, the one rule for how long a sound is at another rate.

    Raises:
        ConfigError: a rate is no whole number from 100 to 1 000 000.

    >>> resampled_length(480, 48000, 22050)  # 220.5, where soxr's own rounding gives 220
    221
    """
    check_sample_rate(from_rate, to_rate)
    return (2 * num_samples * to_rate + from_rate) // (2 * from_rate)


def resample(waveform: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """Return `waveform` at another rate by soxr's high-quality resampler (paper, "Data").

    Shape:
        ``(..., T) -> (..., T')``, float32 on the CPU; T' is `resampled_length`.

    Raises:
        ConfigError: a rate is no whole number from 100 to 1 000 000, the result is not finite, or the waveform wants a
            gradient, which soxr does not pass.

    >>> resample(torch.zeros(2, 48000), 48000, 22050).shape
    torch.Size([2, 22050])
    """
    waveform = as_real(waveform)
    *batch, num_samples = waveform.shape
    total = resampled_length(num_samples, from_rate, to_rate)
    if from_rate == to_rate:
        return waveform
    if waveform.requires_grad:
        raise ConfigError("resampling passes no gradient on: call it with waveform.detach()")
    if not waveform.numel():
        return torch.zeros(*batch, total)
    columns = waveform.reshape(-1, num_samples).T.to("cpu", torch.float32).contiguous().numpy()  # (T, B)
    columns = soxr.resample(columns, from_rate, to_rate, quality="HQ")
    if not np.isfinite(columns).all():
        raise ConfigError(f"at {to_rate} Hz the sound is not finite: it holds NaN or Inf, or is too loud to resample")
    rows = torch.from_numpy(np.ascontiguousarray(columns.T))[:, :total]
    # soxr may be a sample short, where the exact length lies halfway between two.
    return functional.pad(rows, (0, total - rows.shape[1])).reshape(*batch, total)


def resample_blocks(blocks: Iterable[Tensor], from_rate: int, to_rate: int) -> Iterator[Tensor]:
    """Resample blocks `(T_i,)` as `resample` does their join; where nothing is to be done, they pass.

    >>> joined = torch.cat(list(resample_blocks(torch.zeros(48000).split(1000), 48000, 22050)))
    >>> joined.shape
    torch.Size([22050])
    """
    if from_rate == to_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(from_rate, to_rate, 1, quality="HQ")
    taken = given = 0
    for block in blocks:
        part = torch.from_numpy(stream.resample_chunk(block.numpy()))
        taken, given = taken + len(block), given + len(part)
        yield part
    left = resampled_length(taken, from_rate, to_rate) - given
    last = torch.from_numpy(stream.resample_chunk(np.zeros(0, np.float32), last=True))[:left]
    yield functional.pad(last, (0, left - len(last)))


def exactly(total: int, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yield blocks of `total` samples in all: roundings may differ by a sample."""
    left = total
    for block in blocks:
        if left > 0:
            yield block[:left]
            left -= len(block)
    if left > 0:
        yield torch.zeros(left)


def as_real(waveform: Tensor) -> Tensor:
    """Return a waveform, or a batch of them, whose full scale is ±1: float32 and float64 as they are, half as float32.

    Raises:
        ConfigError: it is not of real floating-point numbers.

    >>> as_real(torch.zeros(3, dtype=torch.int16))
    Traceback (most recent call last):
    hypersound_lib.errors.ConfigError: a waveform is of floating-point numbers ... from_int16 converts it
    """
    if not waveform.is_floating_point():
        remedy = "from_int16 converts it" if waveform.dtype == torch.int16 else "convert it first"
        raise ConfigError(f"a waveform is of floating-point numbers with full scale ±1, not {waveform.dtype}; {remedy}")
    return waveform if waveform.dtype == torch.float64 else waveform.float()


def as_sound(waveform: Tensor) -> Tensor:
    """Return what was given as a waveform on the CPU, `(T,)` float32 without gradient; errors as `as_waveform`.

    >>> as_sound(torch.tensor([1.0, float("nan")]))
    Traceback (most recent call last):
    hypersound_lib.errors.ConfigError: sample 1 of the sound is NaN or Inf
    """
    # A copy where an array runs backwards, which no tensor does.
    waveform = torch.as_tensor(waveform.copy() if isinstance(waveform, np.ndarray) else waveform)
    return as_waveform(waveform.detach()).to("cpu", torch.float32)


def as_waveform(waveform: Tensor) -> Tensor:
    """Return a sound `(T,)` as `as_real` does, where it lies and with its gradient, or say why it is none.

    Raises:
        ConfigError: it is not `(T,)` with T ≥ 1, not real, holds NaN or Inf, or is louder than any sound (`LOUDEST`).
    """
    if waveform.ndim != 1 or not len(waveform) or waveform.is_complex():
        raise ConfigError(f"a sound is a waveform (T,) of real numbers, not {waveform.dtype} {tuple(waveform.shape)}")
    waveform = as_real(waveform)
    if not waveform.isfinite().all():
        raise ConfigError(f"sample {int((~waveform.isfinite()).nonzero()[0])} of the sound is NaN or Inf")
    if (peak := float(waveform.abs().max())) > LOUDEST:
        raise ConfigError(f"the sound peaks at {peak:.3g}, where full scale is ±1; bring it there first")
    return waveform


def sound_blocks(blocks: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yield the blocks `(T_i,)` of a sound, each as `as_sound` returns it; those without a sample are left out.

    >>> [len(block) for block in sound_blocks([torch.zeros(5), torch.zeros(0), torch.zeros(2, dtype=torch.float64)])]
    [5, 2]

    Raises:
        ConfigError: as `as_sound`, with the block's number.
    """
    for number, block in enumerate(blocks):
        if tuple(block.shape) == (0,):
            continue
        try:
            sound = as_sound(block)
        except ConfigError as error:
            raise ConfigError(f"block {number}: {error}") from error
        yield sound


def peak_normalize(waveform: Tensor, peak: float = 1.0) -> Tensor:
    """Scale each waveform so that its largest magnitude is `peak`; digital silence, or no sample, stays as it is.

    Shape:
        ``(..., T) -> (..., T)``; each row of a batch has its own gain.

    >>> peak_normalize(torch.tensor([[0.1, -0.2], [0.0, 0.0]]))
    tensor([[ 0.5000, -1.0000],
            [ 0.0000,  0.0000]])
    """
    waveform = as_real(waveform)
    if not waveform.numel():
        return waveform
    largest = waveform.abs().amax(dim=-1, keepdim=True)
    # Divide before scaling: the reciprocal of a subnormal peak would overflow.
    return waveform / torch.where(largest > 0, largest, torch.ones_like(largest)) * peak


def to_int16(waveform: Tensor) -> Tensor:
    """Quantise full scale ±1 to 16 bit, rounding to nearest; what lies outside saturates, it never wraps.

    Shape:
        ``(...) float -> (...) int16``

    Raises:
        ConfigError: the waveform is not of floating-point numbers, or holds NaN.

    >>> to_int16(torch.tensor([-2.0, -0.5, 0.0, 1.0]))
    tensor([-32768, -16384,      0,  32767], dtype=torch.int16)
    """
    waveform = as_real(waveform)
    if waveform.isnan().any():
        raise ConfigError("NaN has no value in 16 bits; repair the waveform first")
    return (waveform * _FULL_SCALE).round().clamp(-_FULL_SCALE, _FULL_SCALE - 1).to(torch.int16)


def from_int16(samples: Tensor) -> Tensor:
    """Return 16-bit samples at full scale ±1, float32: exactly what decoding a 16-bit file gives.

    Raises:
        ConfigError: the samples are not int16.

    >>> from_int16(torch.tensor([-32768, 16384], dtype=torch.int16))
    tensor([-1.0000,  0.5000])
    """
    if samples.dtype != torch.int16:
        raise ConfigError(f"16-bit samples are torch.int16, not {samples.dtype}")
    return samples.to(torch.float32) / _FULL_SCALE
