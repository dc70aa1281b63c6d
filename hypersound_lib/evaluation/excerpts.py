"""What is evaluated: the loudest seconds of recordings spread evenly over a dataset, at any rate that is asked for.

The reference at another rate is the whole recording brought there by soxr, cut at the same instant, with one gain for
all rates (paper, Table 1, block "target rate").
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.data import AudioDataset, Recording, load_audio, load_dataset, resample
from hypersound_lib.data.catalogue import CORPORA
from hypersound_lib.errors import AudioFileError, ConfigError
from hypersound_lib.files import shortest_tails

_QUIETEST_DB = -70.0  # dBFS, of the peak: what is below is the noise of a microphone, or nothing
# Below this a sound has less than the longest frame of any metric, and no speech.
_MIN_SECONDS = 0.05


@dataclass(frozen=True)
class Excerpt:
    """A part of a recording.

    >>> import torch
    >>> excerpt = Excerpt("tone", torch.full((48000,), 0.5), 48000, seconds=0.5)
    >>> excerpt.at(48000).max(), excerpt.at(16000).shape
    (tensor(1.), torch.Size([8000]))
    """

    name: str  # of the recording; unique in one evaluation
    recording: Tensor  # (T,), the whole of it, at its own rate
    sample_rate: int  # Hz, of the recording
    seconds: float  # at most so much of it is scored
    speaker: str = ""
    start: int = 0  # its first sample, of the recording

    @property
    def gain(self) -> float:
        """What brings the excerpt, at its own rate, to a peak of 1; no other rate has a gain of its own."""
        return 1 / self.recording[self.start :][: self._length(self.sample_rate)].abs().max().item()

    def at(self, sample_rate: int) -> Tensor:
        """Return the excerpt at a rate in Hz, `(T',)`, its peak at (or at another rate near) 1."""
        # Without the first few samples, so that the start is a whole sample at both rates.
        dropped = self.start % (self.sample_rate // math.gcd(self.sample_rate, sample_rate))
        first = (self.start - dropped) * sample_rate // self.sample_rate
        whole = resample(self.recording[dropped:], self.sample_rate, sample_rate)
        return self.gain * whole[first:][: self._length(sample_rate)]

    def _length(self, sample_rate: int) -> int:
        """Return how many samples `seconds` have, which may be infinite: no more than the recording, by far."""
        return math.floor(min(self.seconds * sample_rate, len(self.recording) * sample_rate))


def choose_excerpts(
    data: str | os.PathLike | AudioDataset,
    *,
    split: str | None = None,
    root: str | os.PathLike | None = None,
    limit: int | None = None,
    seconds: float = 1.5,
) -> tuple[list[Excerpt], dict[str, str]]:
    """Return excerpts, and why other recordings were passed over: `{name: reason}`.

    Of each recording the loudest window is taken, since many begin with noise that would pass for the recording when it
    is scaled. What peaks below -70 dBFS even there is left out.

    Args:
        data: a corpus by name, a folder of audio, or a dataset.
        split: of the corpus; None takes "test" of a corpus by name, and all of a folder.
        root: where public corpora lie.
        limit: at most so many recordings, spread evenly over the dataset and so over its speakers.
        seconds: at most so much of each; a shorter recording is taken whole.

    Raises:
        ConfigError: a limit is not positive, or no recording can be used.
        DatasetError: there is no such dataset.
    """
    if not seconds >= _MIN_SECONDS or (limit is not None and limit < 1):
        raise ConfigError(f"evaluate at least one recording of {_MIN_SECONDS} s, not {limit} of {seconds} s")
    dataset = data if isinstance(data, AudioDataset) else _open(data, split, root)
    recordings = _spread(dataset.recordings, limit)
    excerpts, skipped = [], {}
    for recording, name in zip(recordings, shortest_tails([r.path.parts for r in recordings]), strict=True):
        try:
            excerpts.append(_excerpt(recording, name, seconds))
        except (AudioFileError, ConfigError) as error:
            skipped[name] = str(error)
    if not excerpts:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(skipped.items())[:3])
        raise ConfigError(f"no recording of {data} can be evaluated ({reasons})")
    return excerpts, skipped


def _excerpt(recording: Recording, name: str, seconds: float) -> Excerpt:
    """Return the loudest part of a recording; ConfigError where it is too short or too quiet."""
    waveform, rate = load_audio(recording.path)
    length = math.floor(min(seconds * rate, len(waveform)))
    start = loudest_start(waveform, length, max(1, rate // 25))
    peak = waveform[start : start + length].abs().max().item()
    if length < _MIN_SECONDS * rate:
        raise ConfigError(f"lasts {len(waveform) / rate:.3f} s, less than {_MIN_SECONDS} s")
    if peak < 10 ** (_QUIETEST_DB / 20):
        level = f"peaks at {20 * math.log10(peak):.1f} dBFS" if peak else "is digital silence"
        raise ConfigError(f"its loudest {length / rate:g} s: {level}, below {_QUIETEST_DB:g} dBFS")
    return Excerpt(name, waveform, rate, seconds, recording.speaker, start)


def loudest_start(waveform: Tensor, length: int, hop: int) -> int:
    """Return where the `length` samples with the most energy begin, to within a hop: `(T,)`.

    >>> import torch
    >>> loudest_start(torch.tensor([0.1, 0.1, 0.1, 0.8, 0.9, 0.1]), length=2, hop=1)
    3
    """
    energy = functional.pad(waveform.double().square().cumsum(0), (1, 0))  # of all samples before each
    starts = torch.arange(0, max(0, len(waveform) - length) + 1, hop)
    return int(starts[(energy[(starts + length).clamp(max=len(waveform))] - energy[starts]).argmax()])


def _open(data: str | os.PathLike, split: str | None, root: str | os.PathLike | None) -> AudioDataset:
    by_name = not isinstance(data, os.PathLike) and str(data).lower() in CORPORA
    return load_dataset(data, split or ("test" if by_name else "all"), root=root)


def _spread(recordings: Sequence, limit: int | None) -> list:
    """Return `limit` recordings: the first, the last, and even ones between."""
    if limit is None or limit >= len(recordings):
        return list(recordings)
    if limit == 1:
        return [recordings[len(recordings) // 2]]
    return [recordings[round(i * (len(recordings) - 1) / (limit - 1))] for i in range(limit)]
