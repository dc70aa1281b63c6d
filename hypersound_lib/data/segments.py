"""Fixed-length segments of a waveform: all of them in order, or one at random.

Lengths are integers of samples; seconds are for people. At 22 050 Hz the paper's clip is 32 768 samples.
"""

import numpy as np
from torch import Tensor
from torch.nn import functional

from hypersound_lib.errors import ConfigError, TooShortError


def cut_segments(waveform: Tensor, num_samples: int, *, pad_last: bool = False, source: object = "waveform") -> Tensor:
    """Cut a waveform into consecutive segments that neither overlap nor leave a gap.

    ::

        |--- 0 ---|--- 1 ---|--- 2 ---|rest      rest: dropped, or with pad_last filled up with zeros

    Args:
        waveform: ``(T,)``.
        num_samples: length of a segment, in samples.
        pad_last: keep the rest as one more segment.
        source: what to name in an error, such as the file.

    Returns:
        ``(N, num_samples)`` with N = T // num_samples, or its ceiling with `pad_last`.

    Raises:
        TooShortError: the waveform has not even one segment (or, with `pad_last`, no sample).
        ConfigError: `num_samples` is not positive.

    >>> import torch
    >>> cut_segments(torch.arange(5), 2)
    tensor([[0, 1],
            [2, 3]])
    >>> cut_segments(torch.arange(5), 2, pad_last=True)
    tensor([[0, 1],
            [2, 3],
            [4, 0]])
    """
    length = len(waveform)
    _check_length(length, num_samples, 1 if pad_last else num_samples, source)
    if pad_last:
        waveform = functional.pad(waveform, (0, -length % num_samples))
    count = len(waveform) // num_samples
    return waveform[: count * num_samples].reshape(count, num_samples)


def random_segment(
    waveform: Tensor, num_samples: int, rng: np.random.Generator, *, source: object = "waveform"
) -> Tensor:
    """Return one segment, each start equally likely: the random crop of the paper's augmentations.

    Args:
        waveform: ``(T,)``.
        num_samples: length of the segment, in samples.
        rng: where the start is drawn from.
        source: what to name in an error, such as the file.

    Returns:
        ``(num_samples,)``, a view of `waveform`.

    Raises:
        TooShortError: the waveform is shorter than the segment.
        ConfigError: `num_samples` is not positive.

    >>> import torch
    >>> random_segment(torch.arange(3), 3, np.random.default_rng(0))
    tensor([0, 1, 2])
    """
    _check_length(len(waveform), num_samples, num_samples, source)
    start = int(rng.integers(len(waveform) - num_samples + 1))
    return waveform[start : start + num_samples]


def _check_length(length: int, num_samples: int, needed: int, source: object) -> None:
    if num_samples <= 0:
        raise ConfigError(f"a segment of {num_samples} samples is impossible; ask for 1 or more")
    if length < needed:
        raise TooShortError(
            f"{source}: has {length} samples, fewer than a segment of {num_samples}. "
            "Leave it out, ask for shorter segments, or pad it with zeros."
        )
