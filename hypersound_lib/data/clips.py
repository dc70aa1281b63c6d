"""Random clips of equal length from a store, for a ``DataLoader``.

Clip i draws from its own generator, seeded with (seed, i). So a stream does not depend on how many workers share it,
no two workers repeat each other, and training resumes at any step exactly where it stopped.
"""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from hypersound_lib.errors import ConfigError, TooShortError

if TYPE_CHECKING:
    from hypersound_lib.data.augment import Step
    from hypersound_lib.data.store import AudioStore


class RandomClips(Dataset):
    """A stream of random clips: random crop, then each step in turn (paper, "Optimization").

    A recording is drawn with probability proportional to its length, then a start in it evenly. Recordings shorter
    than a clip are never drawn, with one warning.

    Args:
        store: where clips come from.
        num_samples: length of a clip, in samples.
        num_clips: length of the stream, usually training steps × batch size.
        steps: augmentations, such as `paper_augmentation(store.sample_rate)`.
        seed: 0 or more; the same seed gives the same stream.

    Items:
        ``(num_samples,)`` float32, so that a batch is ``(B, T)``. Iterate without shuffling: it is random already.

    Raises:
        TooShortError: no recording is long enough.
        ConfigError: a length, count or seed is out of range.

    >>> import torch
    >>> from hypersound_lib.data import AudioStore
    >>> store = AudioStore(torch.zeros(10, dtype=torch.int16), np.array([0, 10]), 22050, ["zeros"], [""])
    >>> RandomClips(store, num_samples=4, num_clips=100)[0]
    tensor([0., 0., 0., 0.])
    """

    def __init__(
        self,
        store: "AudioStore",
        num_samples: int,
        num_clips: int,
        steps: Sequence["Step"] = (),
        *,
        seed: int = 0,
    ) -> None:
        if num_samples <= 0 or num_clips <= 0 or seed < 0:
            raise ConfigError(
                f"random clips need num_samples and num_clips above 0, and a seed of 0 or more, not {num_samples}, "
                f"{num_clips} and {seed}"
            )
        self.store = store
        self.num_samples = num_samples
        self.num_clips = num_clips
        self.steps = tuple(steps)
        self.seed = seed
        self._eligible = _eligible(store, num_samples)
        self._ends = np.cumsum(store.lengths[self._eligible])

    def __len__(self) -> int:
        return self.num_clips

    def __getitem__(self, index: int) -> Tensor:
        """Return clip `index`, the same at every call; raises IndexError past the stream's end."""
        recording, start, rng = self._draw(index)
        clip = self.store.read(recording, start, self.num_samples)
        for step in self.steps:
            clip = step(clip, rng)
        return clip

    def describe(self, index: int) -> str:
        """Name the recording that clip `index` comes from, and where in it the clip begins."""
        recording, start, _ = self._draw(index)
        return f"{self.store.names[recording]} from {start / self.store.sample_rate:.3f} s on"

    def _draw(self, index: int) -> tuple[int, int, np.random.Generator]:
        index = range(self.num_clips)[index]  # negative ones count from the end, others raise
        rng = np.random.default_rng([self.seed, index])
        # A sample drawn evenly from all lies in recording n with probability proportional to n's length.
        sample = rng.integers(self._ends[-1])
        recording = int(self._eligible[np.searchsorted(self._ends, sample, side="right")])
        slack = int(self.store.lengths[recording]) - self.num_samples
        return recording, int(rng.integers(slack + 1)), rng


def _eligible(store: "AudioStore", num_samples: int) -> np.ndarray:
    """Return the numbers of the recordings that have so many samples."""
    long_enough = np.flatnonzero(store.lengths >= num_samples)
    if not len(long_enough):
        longest = int(np.argmax(store.lengths))
        raise TooShortError(
            f"none of {len(store)} recordings has {num_samples} samples; the longest, {store.names[longest]}, has "
            f"{store.lengths[longest]}. Ask for shorter clips."
        )
    if len(long_enough) < len(store):
        shortest = int(np.argmin(store.lengths))
        warnings.warn(
            f"{len(store) - len(long_enough)} of {len(store)} recordings are shorter than {num_samples} samples and "
            f"are left out, such as {store.names[shortest]} with {store.lengths[shortest]}",
            stacklevel=3,
        )
    return long_enough
