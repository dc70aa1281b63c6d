"""How different two sounds are to a listener, as a network learned from listeners' answers: CDPAM.

Manocha et al. 2021, "CDPAM: Contrastive learning for perceptual audio similarity". The package `cdpam` brings the
network and its weights. Only these two files of it are used: the package itself wants others that it does not declare,
and its own loader unpickles whatever the weights file says.
"""

import functools
import hashlib
import pickle
import types
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from runpy import run_path

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from hypersound_lib.data import resample, to_int16
from hypersound_lib.errors import ConfigError, MetricRefused
from hypersound_lib.metrics.waveform import each_pair, package_folder

CDPAM_RATE = 22050  # Hz, that of its training
_SEGMENT = 128  # N of `FourierConv1d`: between the transforms' cost and the overlap's
_WEIGHTS = "CDPAM_trained/scratchJNDdefault_best_model.pth"
_ACOUSTIC = 512  # of the encoder's 1024 channels, those that the distance is of
# What the weights file may name: tensors, and the dictionaries that hold them.
_HARMLESS = {("collections", "OrderedDict"), ("torch._utils", "_rebuild_tensor_v2")}


@each_pair
def cdpam(reference: Tensor, estimate: Tensor, sample_rate: int) -> float:
    """CDPAM distance, lower is better, 0 for a perfect copy: `(..., T), (..., T) -> (...)`.

    Both signals are brought to 22 050 Hz and to 16 bit (what lies outside [-1, 1] is clipped), as in its training. A
    convolutional network describes each in 512 numbers, and a smaller one measures how far these are apart. Levels
    count, and a little also polarity. It runs where the signals are; on a CPU core one second of sound takes about
    one second. What it described lately it does not compute again, so many estimates of one reference cost less.

    Raises:
        ConfigError: `cdpam` is not installed, or holds another network than is known here.
        MetricRefused: nothing is left of the signals at 22 050 Hz.
    """
    with torch.no_grad():
        _, compare = network(str(reference.device))
        return float(compare(_describe(reference, sample_rate), _describe(estimate, sample_rate)))


@functools.cache
def network(device: str) -> tuple[nn.Module, nn.Module]:
    """Return CDPAM's two networks on a device, loaded once: the encoder and the distance.

    The encoder is `(1, T) -> (512, T')`; the mean over T' describes a sound. The
    distance is `(B, 512), (B, 512) -> (B,)`.

    Raises:
        ConfigError: `cdpam` is not installed, or holds another network than is known here.
    """
    folder = package_folder("cdpam", "CDPAM", "cdpam")
    try:
        with torch.device("meta"):  # no random start, which would move the random numbers of the calling program
            net = run_path(str(folder / "models.py"))["FINnet"](encoder_layers=16, encoder_filters=64, input_size=512)
        net.load_state_dict(_load_tensors(folder / _WEIGHTS)["state"], assign=True)
    except (OSError, EOFError, pickle.PickleError, AttributeError, KeyError, RuntimeError, TypeError) as error:
        raise ConfigError(
            f"the package cdpam in {folder} is damaged or another version ({error}): pip install cdpam==0.0.6"
        ) from error
    net = net.eval().requires_grad_(False)
    encoder = _faster(net.base_encoder.encoder, net.base_encoder.ebatch)
    return encoder.to(device), net.model_dist.to(device)


def _load_tensors(path: Path) -> dict:
    # torch.load(weights_only=True) is as strict, but does not know one old way of writing integers that is used here.
    tensors_only = types.SimpleNamespace(
        __name__="tensors_only", Unpickler=_Unpickler, load=lambda file, **settings: _Unpickler(file, **settings).load()
    )
    return torch.load(path, map_location="cpu", weights_only=False, pickle_module=tensors_only)


class _Unpickler(pickle.Unpickler):
    """Reads tensors and containers; refuses whatever else a pickle might name, so that nothing in it is run."""

    def find_class(self, module: str, name: str) -> type:
        if (module, name) not in _HARMLESS:
            raise ConfigError(f"CDPAM's weights file names {module}.{name}, which is no tensor; it was not loaded")
        return super().find_class(module, name)


def _faster(convolutions: Sequence[nn.Conv1d], norms: Sequence[nn.BatchNorm1d]) -> nn.Sequential:
    """Return the encoder with its batch norms folded into the convolutions, and these in the Fourier domain.

    The original computes every second value after each fourth layer, and half of the last layer, in vain; here they are
    left out. All that makes it several times as fast, and changes the distance by rounding errors.
    """
    layers = []
    for i, (convolution, norm) in enumerate(zip(convolutions, norms, strict=True)):
        fused = fuse_conv_bn_eval(convolution, norm)
        if i == len(convolutions) - 1:
            fused.weight, fused.bias = (nn.Parameter(p[:_ACOUSTIC]) for p in fused.parameters())
        fused.stride = (2,) if i % 4 == 3 else (1,)
        layers += [FourierConv1d(fused), nn.LeakyReLU(0.1)]
    return nn.Sequential(*layers)


class FourierConv1d(nn.Module):
    """An `nn.Conv1d` in the Fourier domain, the same numbers in a third of the time: `(C, T) -> (C', ⌈T / s⌉)`.

    The layer has an odd number of taps, and as many zeros around as keep the length. Overlap-save: a long signal is cut
    into blocks of N samples, each K - 1 longer than what it advances,

        signal    |-----------------------------|
        block 0   [========|--]                     N samples, of which N - K + 1 outputs are whole
        block 1            [========|--]
        block 2                     [========|--]

    and in each block the correlation with K taps becomes, at every frequency f, one product of matrices over the
    channels: Y_f = X_f W_f*. With N = 128 and K = 15 that takes 65 complex products (4 · 65 real ones) for 114
    instants, where the direct way takes 15 for each: 2.3 in place of 15.

    Args:
        layer: whose weights to take, for good.

    >>> layer = nn.Conv1d(2, 3, 15, stride=2, padding=7)
    >>> x = torch.randn(2, 1000)
    >>> torch.allclose(FourierConv1d(layer)(x), layer(x), atol=1e-4)
    True
    """

    spectra: Tensor
    bias: Tensor

    def __init__(self, layer: nn.Conv1d):
        super().__init__()
        (self.taps,), (self.stride,) = layer.kernel_size, layer.stride
        spectra = torch.fft.rfft(layer.weight.detach(), n=_SEGMENT).conj()  # (C', C, F); conj: correlation
        self.register_buffer("spectra", spectra.permute(2, 1, 0).contiguous())  # (F, C, C')
        self.register_buffer("bias", layer.get_parameter("bias").detach().unsqueeze(-1))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve one signal."""
        length, step = x.shape[-1], _SEGMENT - self.taps + 1
        missing = -length % step
        x = nn.functional.pad(x, (self.taps // 2, self.taps // 2 + missing))
        segments = torch.fft.rfft(x.unfold(-1, _SEGMENT, step))  # (C, segments, F)
        products = torch.bmm(segments.permute(2, 1, 0), self.spectra)  # (F, segments, C')
        whole = torch.fft.irfft(products.permute(2, 1, 0), n=_SEGMENT)[..., :step]  # (C', segments, step)
        return (whole.flatten(1)[:, :length] + self.bias)[:, :: self.stride]


_REMEMBERED = 4096  # descriptions of 2 kB
_descriptions: OrderedDict[tuple[bytes, str], Tensor] = OrderedDict()  # (digest of the samples, device) -> (1, 512)


def _describe(waveform: Tensor, sample_rate: int) -> Tensor:
    """Return the unit vector that describes a waveform: `(T,) -> (1, 512)`."""
    samples = to_int16(resample(waveform.cpu(), sample_rate, CDPAM_RATE))
    if not len(samples):
        raise MetricRefused(f"CDPAM needs a sample at {CDPAM_RATE} Hz; {len(waveform)} at {sample_rate} Hz give none")
    key = (hashlib.sha256(samples.numpy().tobytes()).digest(), str(waveform.device))
    if key not in _descriptions:
        if len(_descriptions) >= _REMEMBERED:
            _descriptions.popitem(last=False)
        encoder, _ = network(str(waveform.device))
        # One sound at a time, so that its description does not depend on its company, not even in the last digit.
        acoustics = encoder(samples.float().to(waveform.device).unsqueeze(0)).mean(dim=-1).unsqueeze(0)
        _descriptions[key] = nn.functional.normalize(acoustics, dim=1)
    _descriptions.move_to_end(key)
    return _descriptions[key]
