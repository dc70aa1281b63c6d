"""The linear autoencoder: each frame of N samples becomes k numbers, by principal component analysis.

    samples   |  N  |  N  |  N  |        no overlap
    numbers   |  k  |  k  |  k  |        k·rate/N numbers per second

Of all linear maps from N samples to k numbers and back, the one onto the k leading principal components leaves the
smallest squared error on the sounds it was fitted to (Eckart and Young 1936). A network with a bottleneck of as many
numbers per second must beat it, or its nonlinearity is for nothing. The mean is not subtracted, so that the map is
linear, not affine, and silence stays silent.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from hypersound_lib.data.waveforms import as_waveform
from hypersound_lib.errors import ConfigError


@dataclass(frozen=True)
class FramePCA:
    """A fitted linear autoencoder of frames; `FramePCA.fit` makes one."""

    components: Tensor  # (N, k) orthonormal columns, the strongest first

    @classmethod
    def fit(cls, waveforms: Iterable[Tensor], frame_length: int, num_components: int) -> "FramePCA":
        """Find the components of sounds, one after the other: memory does not grow with their number.

        Louder sounds count for more, as they do in the squared error.

        Args:
            waveforms: `(T,)` each, at the one rate at which it will be used.
            frame_length: N, in samples.
            num_components: k, how many numbers per frame.

        Raises:
            ConfigError: not 1 ≤ k ≤ N, there are no sounds, or one is not as `as_waveform` wants it.
        """
        if not 1 <= num_components <= frame_length:
            raise ConfigError(f"frames of {frame_length} samples have 1 to {frame_length} components: {num_components}")
        moment = torch.zeros(frame_length, frame_length, dtype=torch.float64)
        empty = True
        for waveform in waveforms:
            frames = _frames(waveform, frame_length).double().cpu()
            moment += frames.T @ frames
            empty = False
        if empty:
            raise ConfigError("a frame PCA is fitted to at least one sound; none was given")
        # eigh sorts upwards
        return cls(torch.linalg.eigh(moment).eigenvectors.flip(-1)[:, :num_components].contiguous())

    def reconstruct(self, waveform: Tensor) -> Tensor:
        """Send a sound through the bottleneck: `(T,) -> (T,)`, any T ≥ 1; zeros fill up the last frame.

        >>> x = torch.randn(1000)
        >>> y = FramePCA.fit([x], frame_length=20, num_components=5).reconstruct(x)
        >>> bool((x - y).square().sum() < 0.75 * x.square().sum())
        True
        """
        frames = _frames(waveform, len(self.components))  # (frames, N)
        components = self.components.to(frames)
        codes = frames @ components  # (frames, k)
        return (codes @ components.T).flatten()[: len(waveform)]


def frame_pca_size(floats_per_second: float, sample_rate: int) -> tuple[int, int]:
    """Choose `(frame_length, num_components)` for so many numbers per second, as nearly as whole ones allow.

    Frames last 20 ms, as those of a speech codec do. Where that would leave less than one number per frame, they last
    as long as one number may; where it would take more than N numbers, N are enough.

    >>> frame_pca_size(800, sample_rate=16000)
    (320, 16)
    >>> frame_pca_size(20, sample_rate=16000)
    (800, 1)

    Raises:
        ConfigError: a size or rate that is not above zero.
    """
    if not (floats_per_second > 0 and sample_rate > 0):
        raise ConfigError(f"numbers per second and rate must be above zero, not {floats_per_second}, {sample_rate} Hz")
    frame_length = max(1, round(max(0.02, 1 / floats_per_second) * sample_rate))
    num_components = round(floats_per_second * frame_length / sample_rate)
    return frame_length, min(max(1, num_components), frame_length)


def _frames(waveform: Tensor, frame_length: int) -> Tensor:
    """Cut `(T,)` into `(frames, N)`, the last one filled up with zeros."""
    waveform = as_waveform(waveform)
    return torch.nn.functional.pad(waveform, (0, -len(waveform) % frame_length)).view(-1, frame_length)
