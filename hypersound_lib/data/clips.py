"""Random clips of equal length from a store, for a ``DataLoader``.

Clip i draws from its own generator, seeded with (seed, i). So a stream does not depend on how many workers share it,
no two workers repeat each other, and training resumes at any step exactly where it stopped.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from hypersound_lib.errors import ConfigError

if TYPE_CHECKING:
    from hypersound_lib.data.augment import Step
    from hypersound_lib.data.store import AudioStore


@dataclass(eq=False)
class RandomClips(Dataset):
    """A stream of random clips: random crop, then each step in turn (paper, "Optimization").

    A recording is drawn with probability proportional to its length, then a start in it evenly. Recordings shorter
    than a clip are never drawn, with one warning.

    Items:
        ``(num_samples,)`` float32, so that a batch is ``(B, T)``. Iterate without shuffling: it is random already.

    Raises:
        ConfigError: no recording is long enough, or a length, count or seed is out of range.

    >>> import torch
    >>> from hypersound_lib.data import AudioStore
    >>> store = AudioStore(torch.zeros(10, dtype=torch.int16), np.array([0, 10]), 22050, ["zeros"], [""])
    >>> RandomClips(store, num_samples=4, num_clips=100)[0]
    tensor([0., 0., 0., 0.])
    """

    store: "AudioStore"  # where clips come from
    num_samples: int  # length of a clip
    num_clips: int  # length of the stream, usually training steps × batch size
    steps: Sequence["Step"] = ()  # augmentations, such as `paper_augmentation(store.sample_rate)`
    seed: int = field(default=0, kw_only=True)  # 0 or more; the same seed gives the same stream

    def __post_init__(self) -> None:
        if self.num_samples <= 0 or self.num_clips <= 0 or self.seed < 0:
            raise ConfigError(
                "random clips need num_samples and num_clips above 0, and a seed of 0 or more, not "
                f"{self.num_samples}, {self.num_clips} and {self.seed}"
            )
        lengths, names = self.store.lengths, self.store.names
        self._eligible = np.flatnonzero(lengths >= self.num_samples)
        self._ends = np.cumsum(lengths[self._eligible])
        if not len(self._eligible):
            longest = int(np.argmax(lengths))
            raise ConfigError(
                f"none of {len(lengths)} recordings has {self.num_samples} samples; the longest, {names[longest]}, "
                f"has {lengths[longest]}. Ask for shorter clips."
            )
        if short := len(lengths) - len(self._eligible):
            shortest = int(np.argmin(lengths))
            warnings.warn(
                f"{short} of {len(lengths)} recordings are shorter than {self.num_samples} samples and are left out, "
                f"such as {names[shortest]} with {lengths[shortest]}",
                stacklevel=3,
            )

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
