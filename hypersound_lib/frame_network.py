"""What hypernetworks of frames are built from: how far they hear, and residual blocks over frames."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from hypersound_lib.elu import init_elu_
from hypersound_lib.errors import ConfigError
from hypersound_lib.inr.local_spectrum import LappedSpectrum

_BRANCH = 0.1  # what all residual branches together add at the start, as part of what they find


class FrameNetwork(nn.Module):
    """A network from a sound's frames to frames of numbers: `(B, T) -> {name: (B, K, *shape)}`.

    Args:
        spectrum: how frames are heard.
        dilations: of the residual blocks before the bottleneck, and again of those after it.
    """

    def __init__(self, spectrum: LappedSpectrum, dilations: tuple[int, ...]):
        super().__init__()
        self.spectrum, self._dilations = spectrum, dilations

    def hear(self, waveform: Tensor) -> Tensor:
        """Return the spectrum's features, `(B, K, F)`.

        Raises:
            ConfigError: the waveform is not `(B, T)` with T ≥ 1.
        """
        if waveform.ndim != 2 or waveform.shape[-1] == 0:
            raise ConfigError(f"a local hypernetwork hears waveforms (B, T), not {tuple(waveform.shape)}")
        return self.spectrum(waveform)

    def frames_in(self, num_samples: int) -> int:
        """Return K, with which every sample lies between two centres.

        >>> network = FrameNetwork(LappedSpectrum(8, 0), (1, 2))
        >>> network.frames_in(16), network.frames_in(17)
        (3, 4)
        """
        return (num_samples - 1) // self.spectrum.hop + 2

    def parts(self) -> dict[str, list[nn.Module]]:
        """Return what learns: "encoder" (up to the bottleneck), "hidden" (after it) and "head"."""
        raise NotImplementedError

    @property
    def reach(self) -> int:
        """How many frames before and after its own θ_k depends on: the look-ahead, in hops, less the window's one."""
        return 2 * sum(self._dilations)


def residual_blocks(width: int, dilations: tuple[int, ...]) -> nn.Sequential:
    """Return one block for each dilation, quiet at the start: `(B, K, W) -> (B, K, W)`."""
    return nn.Sequential(*(ResidualBlock(width, dilation, len(dilations)) for dilation in dilations))


class ResidualBlock(nn.Module):
    """x + W₁ ELU(W₃ ELU(x)), W₃ over three frames, the outer ones `dilation` away: `(B, K, W) -> (B, K, W)`.

    The three frames lie side by side in one matrix product: on a CPU a third faster than a convolution.
    """

    def __init__(self, width: int, dilation: int, count: int):
        super().__init__()
        self.dilation = dilation
        self.look = nn.Linear(3 * width, width)
        self.mix = nn.Linear(width, width)
        init_elu_(self.look)
        init_elu_(self.mix)
        with torch.no_grad():
            # Quiet branches: as loud as what they add to, they let the first hundred steps at 2e-3 undo each other.
            self.mix.weight.mul_(_BRANCH * count**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Add what the two layers make of x."""
        now, d = functional.elu(x), self.dilation
        padded = functional.pad(now, (0, 0, d, d))
        seen = torch.cat([padded[:, : x.shape[1]], now, padded[:, 2 * d :]], dim=-1)  # (B, K, 3 W)
        return x + self.mix(functional.elu(self.look(seen)))
