"""What training minimises: named terms, and sums of them (paper, section 3.3)."""

import warnings

from torch import Tensor, nn

from hypersound_lib.errors import ConfigError

TERMS = ("mse", "smooth_l1", "mel_stft")
_FFT_SIZES = (512, 1024, 2048)  # the paper's; with 128 mel bins, shorter ones leave bins without a frequency


class Loss(nn.Module):
    """A sum of named terms, each with weight 1: `(B, T), (B, T) -> {term: scalar}`; sum the values to train.

    - `mse`: mean squared error;
    - `smooth_l1`: |e| beyond β = 0.1, e² / 2β within, as in the paper;
    - `mel_stft`: spectral convergence plus L1 of log magnitudes, on 128 mel bins at three resolutions (FFT 512,
      1024, 2048, windows as long, overlap 87.5 %), as in the paper. It hears timbre, and nearly ignores phase.

    Args:
        name: one term or several joined by `+`, such as `"smooth_l1+mel_stft"`, the paper's loss.
        sample_rate: in Hz.

    Raises:
        ConfigError: a term is unknown or repeated.

    >>> import torch
    >>> loss = Loss("mse+smooth_l1", sample_rate=22050)
    >>> loss(torch.zeros(1, 8), torch.ones(1, 8))
    {'mse': tensor(1.), 'smooth_l1': tensor(0.9500)}
    """

    def __init__(self, name: str, sample_rate: int):
        super().__init__()
        self.terms = tuple(name.split("+"))
        unknown = [term for term in self.terms if term not in TERMS]
        if unknown or len(set(self.terms)) < len(self.terms):
            raise ConfigError(f"loss {name!r}: join different terms of {', '.join(TERMS)} by '+'")
        if "mel_stft" in self.terms:
            self.mel_stft = _mel_stft(sample_rate)

    @property
    def min_samples(self) -> int:
        """The shortest signal that every term can score."""
        # The STFT pads by mirroring half a window on each side, which needs more samples than that.
        return max(_FFT_SIZES) // 2 + 1 if "mel_stft" in self.terms else 1

    def forward(self, estimate: Tensor, reference: Tensor) -> dict[str, Tensor]:
        """Score estimates `(B, T)` against references `(B, T)`."""
        return {term: getattr(self, f"_{term}")(estimate, reference) for term in self.terms}

    def _mse(self, estimate: Tensor, reference: Tensor) -> Tensor:
        return nn.functional.mse_loss(estimate, reference)

    def _smooth_l1(self, estimate: Tensor, reference: Tensor) -> Tensor:
        return nn.functional.smooth_l1_loss(estimate, reference, beta=0.1)

    def _mel_stft(self, estimate: Tensor, reference: Tensor) -> Tensor:
        return self.mel_stft(estimate.unsqueeze(1), reference.unsqueeze(1))


def _mel_stft(sample_rate: int) -> nn.Module:
    # Imported here because it brings librosa along, which takes a second that `hypersound --help` need not wait.
    from auraloss.freq import MultiResolutionSTFTLoss

    with warnings.catch_warnings():
        # librosa warns about mel bins without a frequency; the check below makes an error of it.
        warnings.simplefilter("ignore", UserWarning)
        loss = MultiResolutionSTFTLoss(
            fft_sizes=list(_FFT_SIZES),
            hop_sizes=[n // 8 for n in _FFT_SIZES],
            win_lengths=list(_FFT_SIZES),
            sample_rate=sample_rate,
            scale="mel",
            n_bins=128,
        )
    for resolution in loss.stft_losses:
        if bool((resolution.fb.sum(dim=-1) == 0).any()):
            raise ConfigError(
                f"128 mel bins at {sample_rate} Hz leave bins without a frequency at FFT {resolution.fft_size}, and "
                "their logarithm would be NaN: resample the sound to 22 050 Hz, or choose a loss without mel_stft"
            )
    return loss
