"""What training minimises: named terms, and weighted sums of them (paper, section 3.3; the loss block of Table 1)."""

from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor, nn

from hypersound_lib.devices import kept
from hypersound_lib.errors import ConfigError
from hypersound_lib.losses.bands import BAND_TERMS, BandLosses

TERMS = ("mse", "smooth_l1", "log_nmse", "stft", "mel_stft", *BAND_TERMS)


@dataclass(frozen=True)
class LossConfig:
    """Which terms to add up, and at which resolutions the spectral ones look."""

    terms: str = "smooth_l1+mel_stft"  # joined by +, each with a weight λ if it is not 1: "smooth_l1+0.1*mel_stft"
    fft_sizes: tuple[int, ...] = (512, 1024, 2048)  # window lengths of the spectral terms, in samples
    n_mels: int = 128  # bins of mel_stft, and of band_error and band_level with a window of 2048
    overlap: int = 8  # windows over each sample: 8 stands for 87.5 %; half as many take half the time

    @property
    def weights(self) -> dict[str, float]:
        """λ of each term, by name.

        >>> LossConfig("smooth_l1+0.1*mel_stft").weights
        {'smooth_l1': 1.0, 'mel_stft': 0.1}
        """
        found = {}
        for part in self.terms.split("+"):
            weight, star, name = part.rpartition("*")
            try:
                found[name.strip()] = float(weight) if star else 1.0
            except ValueError:
                found[name.strip()] = -1.0
        if not set(TERMS) >= found.keys() or not all(0 < value < float("inf") for value in found.values()):
            raise ConfigError(
                f"loss {self.terms!r}: join different terms of {', '.join(TERMS)} by '+', each with a positive weight "
                "if any, such as '0.1*mel_stft'"
            )
        return found

    def __post_init__(self):
        if len(self.weights) <= self.terms.count("+"):
            raise ConfigError(f"loss {self.terms!r} names a term twice; give it one weight instead")
        if not self.fft_sizes or min(self.fft_sizes) < 16 or self.n_mels < 1:
            raise ConfigError(f"a spectral loss needs FFT sizes of at least 16 and at least one mel bin: {self}")
        if not 2 <= self.overlap <= 16:
            raise ConfigError(f"overlap counts windows over each sample, from 2 to 16, not {self.overlap}")


# The four losses of the paper's Table 1. Without mel bins even short windows are safe: 128 … 2048.
LOSSES = {
    "l1+mel": LossConfig("smooth_l1+mel_stft"),
    "mel": LossConfig("mel_stft"),
    "l1+stft": LossConfig("smooth_l1+stft", fft_sizes=(128, 256, 512, 1024, 2048)),
    "stft": LossConfig("stft", fft_sizes=(128, 256, 512, 1024, 2048)),
}


class ReconstructionLoss(nn.Module):
    """The distance between sounds, term by term: `(B, T), (B, T) -> {term: scalar}`.

    - `mse`: mean squared error;
    - `smooth_l1`: |e| - β/2 beyond β = 0.1, e² / 2β within, as in the paper;
    - `log_nmse`: log₁₀ of each clip's error energy over its own energy, not below -6 (60 dB): loud and quiet clips
      count alike, and silence, at 0, is never a good answer;
    - `mel_stft`: spectral convergence plus L1 of log magnitudes, on mel bins at several resolutions, as in the
      paper. It responds to timbre, and nearly ignores phase;
    - `stft`: the same on linear frequency;
    - `band_error`, `band_level`, `spectrum_level`, `loudness`, `band_excess`: see `losses.bands`.

    Every term is a mean over the items of the batch, so two halves of a batch on two devices give the mean of the
    whole (auraloss and ParallelWaveGAN take spectral convergence over the whole batch at once, which does not).

    Args:
        loss: a `LossConfig`, the name of one in `LOSSES`, or its `terms` alone.
        sample_rate: in Hz.

    Raises:
        ConfigError: a term is unknown or repeated, or a mel bin would be empty.

    >>> loss = ReconstructionLoss("mse+0.5*smooth_l1", sample_rate=22050)
    >>> terms = loss(torch.zeros(1, 8), torch.ones(1, 8))
    >>> terms
    {'mse': tensor(1.), 'smooth_l1': tensor(0.9500)}
    >>> loss.total(terms)
    tensor(1.4750)
    """

    def __init__(self, loss: LossConfig | str, sample_rate: int):
        super().__init__()
        config = LOSSES.get(loss) or LossConfig(loss) if isinstance(loss, str) else loss
        self.config = config
        self.weights = config.weights
        if bands := tuple(term for term in self.weights if term in BAND_TERMS):
            self.bands = BandLosses(bands, sample_rate, config.fft_sizes, config.n_mels)
        for term, n_mels in (("stft", None), ("mel_stft", config.n_mels)):
            if term in self.weights:
                from hypersound_lib.losses.spectral import multi_resolution

                distance = multi_resolution(config.fft_sizes, config.overlap, sample_rate, n_mels, _FLOOR)
                self.add_module(f"{term}_distance", distance)

    @property
    def min_samples(self) -> int:
        """The shortest signal that every term can score."""
        sizes = [*self.config.fft_sizes] if self.weights.keys() & {"stft", "mel_stft"} else []
        if self.weights.keys() & {*BAND_TERMS}:
            sizes.append(self.bands.longest_window)
        # The STFT pads by mirroring half a window on each side, which needs more samples than that.
        return max(sizes) // 2 + 1 if sizes else 1

    def forward(self, estimate: Tensor, reference: Tensor) -> dict[str, Tensor]:
        """Score estimates `(B, T)` against references `(B, T)`; the terms come without their weights."""
        bands = self.bands(*_above_noise(estimate, reference)) if self.weights.keys() & {*BAND_TERMS} else {}
        return {
            term: bands[term].mean() if term in bands else self._term(term, estimate, reference)
            for term in self.weights
        }

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Return the weighted sum Σ λ · term, which training minimises."""
        return reduce(torch.add, (self.weights[name] * value for name, value in terms.items()))

    def _term(self, term: str, estimate: Tensor, reference: Tensor) -> Tensor:
        if term.endswith("stft"):
            signals = _above_noise(estimate, reference)
            return getattr(self, f"{term}_distance")(*(signal.unsqueeze(1) for signal in signals))
        return getattr(self, f"_{term}")(estimate, reference)

    def _mse(self, estimate: Tensor, reference: Tensor) -> Tensor:
        return nn.functional.mse_loss(estimate, reference)

    def _smooth_l1(self, estimate: Tensor, reference: Tensor) -> Tensor:
        return nn.functional.smooth_l1_loss(estimate, reference, beta=0.1)

    def _log_nmse(self, estimate: Tensor, reference: Tensor) -> Tensor:
        error = (estimate - reference).square().mean(dim=-1)
        energy = reference.square().mean(dim=-1)
        return torch.log10((error / (energy + _FLOOR**2)).clamp(min=1e-6)).mean()


# RMS below which a clip counts as silent: -60 dB of full scale. It bounds ratios whose denominator is a clip's level.
_FLOOR = 1e-3


def _above_noise(estimate: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Put a bed of noise under both signals, the same: `(B, T), (B, T) -> (B, T), (B, T)`.

    The magnitude |X| has no gradient at X = 0, whichever way X might grow, so a network that says nothing would never
    learn from its spectrum to speak; and digital silence has no logarithm. Fixed noise of 1 LSB gives every bin a
    phase to grow from. Equal signals stay equal under it.
    """
    noise = _dither(estimate.shape[-1], estimate.device)  # float32: sums with half precision become what an FFT needs
    return estimate + noise, reference + noise


@kept
def _dither(num_samples: int, device: torch.device) -> Tensor:
    """Return fixed noise of one step of 16 bits, `(T,)`, float32."""
    return (2.0**-15 * torch.randn(num_samples, generator=torch.Generator().manual_seed(0))).to(device)
