"""What all local targets have in common: frames of small θ under windows that sum to one, played on a grid or anywhere.

    x̂(t) = Σ_k w(t - t_k) T((t - t_k) / hop; θ_k)

Subclasses say what T is: how a frame is played on its samples, and at any instant.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

import torch
from torch import Tensor, nn

from hypersound_lib.errors import ConfigError
from hypersound_lib.inr.local_spectrum import LappedSpectrum
from hypersound_lib.inr.overlap import FrameGrid


class LocalTarget(nn.Module):
    """A family of functions of a frame's own time u = (t - t_k) / hop in [-1, 1), one θ_k for each frame.

    Args:
        hop: between frames, in samples of the trained rate.
        shapes: of one frame's θ, by name.
    """

    plays_lower_rates: ClassVar[bool]  # whether it can leave out what a rate below the trained one cannot hold
    config: object

    def __init__(self, hop: int, shapes: Mapping[str, torch.Size]):
        super().__init__()
        self.hop, self.shapes = hop, dict(shapes)

    @property
    def num_params(self) -> int:
        """How many numbers θ_k describe one frame."""
        return sum(shape.numel() for shape in self.shapes.values())

    def start(self) -> dict[str, Tensor]:
        """Return θ₀, from which a hypernetwork starts."""
        raise NotImplementedError

    def scales(self) -> Mapping[str, float | Tensor]:
        """Return how far each generated tensor should vary at the start: one standard deviation for each name."""
        raise NotImplementedError

    def copy(self, spectrum: LappedSpectrum) -> Tensor | None:
        """Return C such that θ₀ + C features plays a frame as it was heard: `(P, F)`; None where no C does.

        P leaves out `pitch`, which is told and not generated.

        It is what a hypernetwork can start from; see `LocalHyperNetwork`.
        """
        raise NotImplementedError

    def forward(
        self,
        params: Mapping[str, Tensor],
        num_samples: int | None = None,
        samples_per_hop: Fraction | None = None,
        start: int = 0,
        first_frame: int = 0,
    ) -> Tensor:
        """Play frames: `{name: (B, K, *shape)} -> (B, T)`.

        Args:
            params: frames `first_frame … first_frame + K - 1`, of which those are taken that sound.
            num_samples: how many samples; None plays as far as the frames reach: up to the last one's centre.
            samples_per_hop: H', of the rate that is played; None stands for the trained one. It is less only where
                the target `plays_lower_rates`.
            start: the first sample, counted from the centre of frame 0.
            first_frame: the number of the first frame given.

        Raises:
            ConfigError: frames are missing, or have a wrong shape, or the target cannot be played at the rate.
        """
        num_frames = self._check(params)
        hop = Fraction(self.hop) if samples_per_hop is None else samples_per_hop
        if hop < self.hop and not self.plays_lower_rates:
            raise ConfigError(
                f"this local target has no parts to leave out for a rate of {float(hop):g} samples per hop: play at "
                f"the trained {self.hop} or above, and resample, as hypersound_lib.reconstruction does"
            )
        if num_samples is None:
            num_samples = -((-hop * (first_frame + num_frames - 1)) // 1) - start
        grid = FrameGrid(hop, start, num_samples)
        if grid.frames.start < first_frame or grid.frames.stop > first_frame + num_frames:
            raise ConfigError(
                f"samples {start} to {start + num_samples} sound in frames {grid.frames.start} to "
                f"{grid.frames.stop - 1}, and there are {first_frame} to {first_frame + num_frames - 1}"
            )
        part = slice(grid.frames.start - first_frame, grid.frames.stop - first_frame)
        return self._play({name: value[:, part] for name, value in params.items()}, grid)

    def at(
        self,
        times: Tensor,
        params: Mapping[str, Tensor],
        first_frame: int = 0,
        samples_per_hop: Fraction | None = None,
    ) -> Tensor:
        """Play any instants: times `(T,)` in hops from frame 0's centre, and params as above, `-> (B, T)`.

        It needs no grid, and is slower: `forward` gives the same on one, if told the same `samples_per_hop`, which
        says for which rate parts are left out; None leaves out nothing.

        Raises:
            ConfigError: frames are missing, or have a wrong shape.
        """
        num_frames = self._check(params)
        if times.min() < first_frame or times.max() >= first_frame + num_frames - 1:
            raise ConfigError(f"instants must lie in [{first_frame}, {first_frame + num_frames - 1}) hops")
        return self._play_at(
            times.double().cpu(), params, range(first_frame, first_frame + num_frames), samples_per_hop
        )

    def _play(self, params: Mapping[str, Tensor], grid: FrameGrid) -> Tensor:
        """Play all of a grid: `{name: (B, K, *shape)} -> (B, count)`, K the grid's frames."""
        raise NotImplementedError

    def _play_at(
        self, times: Tensor, params: Mapping[str, Tensor], frames: range, samples_per_hop: Fraction | None
    ) -> Tensor:
        """Play instants `(T,)`, float64 in hops, that lie within the frames: `-> (B, T)`."""
        raise NotImplementedError

    def _check(self, params: Mapping[str, Tensor]) -> int:
        """Return the number of frames."""
        sizes = {tuple(value.shape[:2]) for value in params.values()}
        shapes = {name: value.shape[2:] for name, value in params.items()}
        if shapes != self.shapes or len(sizes) != 1:
            wanted = ", ".join(f"{name} (B, K, {', '.join(map(str, shape))})" for name, shape in self.shapes.items())
            given = ", ".join(f"{name} {tuple(value.shape)}" for name, value in params.items())
            raise ConfigError(f"this local target wants {wanted}, not {given}")
        return next(iter(sizes))[1]
