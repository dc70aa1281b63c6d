"""The local target: time is covered by windows that sum to one, and each has a small function of its own.

    x̂(t) = Σ_k w(t - t_k) T((t - t_k) / hop; θ_k),        T(u; θ) = Σ_m θ_m cos(2π f_m u + p_m)

θ_k are the amplitudes of frame k's lapped waves (see `waves`). The sum is a continuous function of t: it can be asked
for at any instant, on the samples of any rate, from any part of the frames.

Playing a grid is one matrix product with a fixed table of waves, then an overlap-add. Where a hop is no whole number of
samples, frame k's instants are shifted by δ_k, and cos(α + 2π f δ) = cos α cos 2πfδ - sin α sin 2πfδ moves the shift
into the amplitudes: the table, now of cosines and sines, stays fixed.

In samples of the output a hop lasts H' = hop · output rate / rate, often no whole number. Frame k then starts at sample
i_k = ⌈(k - 1) H'⌉, and its sample j is at u = j / H' - 1 + δ_k, with δ_k = i_k / H' - (k - 1) in [0, 1 / H').
"""

import math
from fractions import Fraction

import torch
from torch import Tensor, nn

from hypersound_lib.devices import kept
from hypersound_lib.errors import ConfigError
from hypersound_lib.local.waves import lapped_waves, wave_table, window

# A window of 2 hops spreads a wave over its neighbours: so many cycles per hop away, its skirts are 60 dB down.
GUARD = 4.0
_CHUNK = 4096  # instants at once in `at`


class FrameGrid:
    """The samples `start … start + count - 1`, under the frames that sound in them, at H' samples per hop.

    To `torch.compile` only whole H' are known.

    Raises:
        ConfigError: there is no sample, or it lies before the first frame.

    >>> grid = FrameGrid(Fraction(4), start=4, count=8)
    >>> grid.frames
    range(1, 4)
    """

    def __init__(self, samples_per_hop: Fraction | int, start: int, count: int):
        if samples_per_hop <= 0 or start < 0 or count < 1:
            raise ConfigError(f"samples {start} to {start + count} at {samples_per_hop} per hop cannot be played")
        self.samples_per_hop, self.start, self.count = samples_per_hop, start, count
        self.p, self.q = samples_per_hop.numerator, samples_per_hop.denominator  # q = 1: all frames' instants are alike
        self.frames = range(start // samples_per_hop, (start + count - 1) // samples_per_hop + 2)
        self.length = math.ceil(2 * samples_per_hop)  # n: samples of one frame, at most

    def starts(self) -> Tensor:
        """Return i_k of each frame: `(K,)`, int64."""
        k = torch.arange(self.frames.start, self.frames.stop)
        return -torch.div(-(k - 1) * self.p, self.q, rounding_mode="floor")

    def shifts(self) -> Tensor:
        """Return δ_k of each frame, in hops: `(K,)`, float64. Products of integers, then one division."""
        k = torch.arange(self.frames.start, self.frames.stop)
        return (self.starts() * self.q - (k - 1) * self.p).double() / self.p

    def grid(self) -> Tensor:
        """Return u of a frame whose shift is 0: `(n,)`, float64, from -1."""
        return (torch.arange(self.length) * self.q - self.p).double() / self.p

    def add(self, values: Tensor) -> Tensor:
        """Weigh frames by their windows and add them where they overlap: `(B, K, n) -> (B, count)`."""
        if self.q == 1:
            values = values * _window_of(self.p, values.dtype, values.device)
            halves = values.unflatten(-1, (2, self.p))  # (B, K, 2, hop): before and after each centre
            cells = halves[:, :-1, 1] + halves[:, 1:, 0]  # (B, K - 1, hop)
            first = self.start - self.frames.start * self.p
            return cells.flatten(1)[:, first : first + self.count]
        starts = self.starts()
        values = values * window(self.grid() + self.shifts()[:, None]).to(values)
        # Not from `starts`: sizes that depend on a tensor's values cannot be exported.
        first, last = (math.ceil((k - 1) * self.samples_per_hop) for k in (self.frames.start, self.frames.stop - 1))
        index = (starts[:, None] - first + torch.arange(self.length)).flatten().to(values.device)
        total = values.new_zeros(values.shape[0], last - first + self.length)
        total = total.index_add(1, index, values.flatten(1))
        return total[:, self.start - first : self.start - first + self.count]


@kept
def _window_of(samples_per_hop: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the window on a whole grid."""
    return window(FrameGrid(samples_per_hop, 0, 1).grid()).to(device, dtype)


class LocalINR(nn.Module):
    """The family of sums of lapped waves under windows: `(B, K, hop) -> (B, T)`.

    Args:
        hop: between frames, in samples of the trained rate.

    >>> LocalINR(8)(torch.zeros(2, 5, 8)).shape  # 2 sounds, 5 frames
    torch.Size([2, 32])
    """

    def __init__(self, hop: int):
        super().__init__()
        self.hop = hop

    def forward(
        self,
        theta: Tensor,
        num_samples: int | None = None,
        samples_per_hop: Fraction | None = None,
        start: int = 0,
        first_frame: int = 0,
    ) -> Tensor:
        """Play frames: `(B, K, hop) -> (B, T)`.

        Args:
            theta: frames `first_frame … first_frame + K - 1`, of which those are taken that sound.
            num_samples: how many samples; None plays as far as the frames reach: up to the last one's centre.
            samples_per_hop: H', of the rate that is played; None stands for the trained one. Below it, waves that
                would fold are left out, skirts included; above it, those whose skirts would show above the trained
                Nyquist frequency.
            start: the first sample, counted from the centre of frame 0.
            first_frame: the number of the first frame given.

        Raises:
            ConfigError: frames are missing, or have a wrong shape, or the rate leaves no wave.
        """
        num_frames = self._check(theta)
        hop = self.hop if samples_per_hop is None else samples_per_hop
        if num_samples is None:
            num_samples = -((-hop * (first_frame + num_frames - 1)) // 1) - start
        grid = FrameGrid(hop, start, num_samples)
        if grid.frames.start < first_frame or grid.frames.stop > first_frame + num_frames:
            raise ConfigError(
                f"samples {start} to {start + num_samples} sound in frames {grid.frames.start} to "
                f"{grid.frames.stop - 1}, and there are {first_frame} to {first_frame + num_frames - 1}"
            )
        return self._play(theta[:, grid.frames.start - first_frame : grid.frames.stop - first_frame], grid)

    def at(self, times: Tensor, theta: Tensor, first_frame: int = 0, samples_per_hop: Fraction | None = None) -> Tensor:
        """Play any instants: times `(T,)` in hops from frame 0's centre, and θ as above, `-> (B, T)`.

        It needs no grid, and is slower: `forward` gives the same on one, if told the same `samples_per_hop`, which
        says for which rate waves are left out; None leaves out none.

        Raises:
            ConfigError: frames are missing, or have a wrong shape.
        """
        num_frames = self._check(theta)
        if times.min() < first_frame or times.max() >= first_frame + num_frames - 1:
            raise ConfigError(f"instants must lie in [{first_frame}, {first_frame + num_frames - 1}) hops")
        count = self._playable(self.hop if samples_per_hop is None else samples_per_hop)
        frequencies, phases = (part[:count] for part in lapped_waves(self.hop))
        parts = []
        for t in times.double().cpu().split(_CHUNK):
            sound = theta.new_zeros(theta.shape[0], len(t))
            for k in (t.floor(), t.floor() + 1):
                table = wave_table(frequencies, phases, t - k) * window(t - k)  # (M, T)
                frames = (k.long() - first_frame).to(theta.device)
                sound = sound + (theta[..., :count][:, frames] * table.T.to(theta)).sum(dim=-1)
            parts.append(sound)
        return torch.cat(parts, dim=-1)

    def _play(self, theta: Tensor, grid: FrameGrid) -> Tensor:
        """Play all frames by one product with a table of waves, or by two where a hop is no whole number of samples."""
        count = self._playable(grid.samples_per_hop)
        amplitudes = theta[..., :count]
        table, quarter = _tables(self.hop, grid.p, grid.q, count, theta.dtype, theta.device)
        if grid.q == 1:
            return grid.add(amplitudes @ table)
        turn = 2 * torch.pi * lapped_waves(self.hop)[0][:count] * grid.shifts()[:, None]  # (K, M)
        return grid.add(
            (amplitudes * turn.cos().to(amplitudes)) @ table - (amplitudes * turn.sin().to(amplitudes)) @ quarter
        )

    def _playable(self, samples_per_hop: Fraction | int) -> int:
        """Return how many waves a rate plays: those up to `GUARD` below the lower of both Nyquist frequencies.

        A lower rate would fold what lies above. A higher one would show the skirts that the highest waves have above
        the trained Nyquist frequency, where the sound had nothing.
        """
        if samples_per_hop == self.hop:
            return self.hop
        lower = min(float(samples_per_hop), self.hop)
        count = math.floor(lower - 2 * GUARD - 0.5) + 1  # wave m has m / 2 + 1 / 4 cycles per hop
        if count < 1:
            raise ConfigError(
                f"a rate of {float(samples_per_hop):g} samples per hop leaves no wave; play at a higher one, or at the "
                f"trained {self.hop}"
            )
        return count

    def _check(self, theta: Tensor) -> int:
        """Return the number of frames."""
        if theta.ndim != 3 or theta.shape[-1] != self.hop or not theta.shape[1]:
            raise ConfigError(f"this local target wants θ (B, K, {self.hop}), not {tuple(theta.shape)}")
        return theta.shape[1]


@kept
def _tables(hop: int, p: int, q: int, count: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the lower waves on the grid of a frame of p / q samples a hop, and a quarter turn before: `(2, M, n)`."""
    frequencies, phases = (part[:count] for part in lapped_waves(hop))
    grid = FrameGrid(Fraction(p, q), 0, 1).grid()
    tables = [wave_table(frequencies, phases - turn, grid) for turn in (0, torch.pi / 2)]
    return torch.stack(tables).to(device, dtype)
