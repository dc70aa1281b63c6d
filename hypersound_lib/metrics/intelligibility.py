"""How much of the words could be understood: STOI and its extension, a matter of `pystoi`.

Both compare the envelopes of 15 third-octave bands up to 4.3 kHz over 384 ms at a time, at 10 kHz (pystoi resamples),
where the reference is not silent.
"""

import warnings

import numpy as np
from torch import Tensor

from hypersound_lib.errors import MetricRefused
from hypersound_lib.metrics.waveform import each_pair, package_folder


@each_pair
def stoi(reference: Tensor, estimate: Tensor, sample_rate: int) -> float:
    """Short-time objective intelligibility (Taal et al. 2011), higher is better, about 0 to 1: `(..., T) -> (...)`.

    How well the two envelopes of each band agree, after the estimate's is scaled to the reference's and clipped at
    -15 dB. It needs speech of half a second or more. Gain and polarity do not matter.

    Raises:
        ConfigError: `pystoi` is not installed, or the rate is none.
        MetricRefused: there is less than one such stretch of speech in the reference.
    """
    return _pystoi(reference, estimate, sample_rate, extended=False)


@each_pair
def estoi(reference: Tensor, estimate: Tensor, sample_rate: int) -> float:
    """Extended STOI (Jensen and Taal 2016), higher is better, about 0 to 1: `(..., T) -> (...)`.

    STOI takes each band for itself; this compares the bands' pattern at each time, too, so that it also ranks noise
    which comes and goes. It takes the same speech as STOI, and scores it lower.

    Raises:
        ConfigError: `pystoi` is not installed, or the rate is none.
        MetricRefused: there is less than half a second of speech in the reference.
    """
    return _pystoi(reference, estimate, sample_rate, extended=True)


def _pystoi(reference: Tensor, estimate: Tensor, sample_rate: int, extended: bool) -> float:
    name = "ESTOI" if extended else "STOI"
    package_folder("pystoi", name, "metrics")
    import pystoi

    seconds = len(reference) / sample_rate
    too_short = f"{name} needs half a second of speech; {seconds:.2f} s were given"
    if seconds < 0.4:  # pystoi fails on the shortest signals, each in another way
        raise MetricRefused(too_short)
    if not reference.any():
        raise MetricRefused(f"{name} needs half a second of speech; the reference is silent")
    x, y = (signal.double().cpu().numpy() for signal in (reference, estimate))
    # ESTOI adds noise of one rounding error to its envelopes. Where those are zero, the noise is all that it sees: it
    # is always the same, and numpy's global generator goes on as if nothing had happened.
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        with warnings.catch_warnings():
            # On too little speech pystoi warns and returns 1e-5, which would pass for a bad score.
            warnings.simplefilter("error", RuntimeWarning)
            return pystoi.stoi(x, y, sample_rate, extended=extended)
    except RuntimeWarning as error:
        raise MetricRefused(f"{too_short} ({error})") from error
    finally:
        np.random.set_state(state)  # noqa: NPY002
