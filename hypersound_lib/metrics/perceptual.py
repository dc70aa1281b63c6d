"""Two more judges of speech, beside PESQ, since one metric can be flattered: ViSQOL and DNSMOS.

Both estimate listeners' opinions, 1 to 5. ViSQOL (Hines et al. 2015; Chinen et al. 2020) compares a copy with its
original; DNSMOS (Reddy et al. 2021) is a network that hears the copy alone. Packages: the extra `perceptual`.
"""

from functools import cache
from typing import Any

from torch import Tensor

from hypersound_lib.data import resample
from hypersound_lib.errors import ConfigError

_RATE = 16000  # Hz, of both


def visqol(reference: Tensor, estimate: Tensor, sample_rate: int) -> float:
    """ViSQOL of speech, about 1 to 5, higher is better: `(T,), (T,)` at a rate in Hz.

    Raises:
        ConfigError: `visqol-python` is not installed.
    """
    x, y = (resample(signal, sample_rate, _RATE).double().numpy() for signal in (reference, estimate))
    return float(_visqol().measure_from_arrays(x, y, _RATE).moslqo)


def dnsmos(estimate: Tensor, sample_rate: int) -> float:
    """DNSMOS' overall score of speech, about 1 to 5, higher is better: `(T,)` at a rate in Hz. It takes no original.

    Raises:
        ConfigError: `speechmos` or `onnxruntime` is not installed.
    """
    sound = resample(estimate, sample_rate, _RATE).clamp(-1, 1).numpy()
    return float(_dnsmos().run(sound, _RATE)["ovrl_mos"])


@cache
def _visqol() -> Any:
    try:
        from visqol import VisqolApi
    except ImportError as error:
        raise ConfigError("ViSQOL needs visqol-python: pip install 'hypersound-lib[perceptual]'") from error
    judge = VisqolApi()
    judge.create(mode="speech", use_lattice_model=False)
    return judge


@cache
def _dnsmos() -> Any:
    try:
        from speechmos import dnsmos as package
    except ImportError as error:
        raise ConfigError("DNSMOS needs speechmos and onnxruntime: pip install 'hypersound-lib[perceptual]'") from error
    return package
