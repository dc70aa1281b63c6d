"""How good speech sounds, as a listener in a telephone test would say: PESQ, a matter of the package `pesq`."""

import math

from torch import Tensor

from hypersound_lib.data import resample
from hypersound_lib.errors import ConfigError, MetricRefused
from hypersound_lib.metrics.waveform import for_each_pair, is_silent

PESQ_RATE = 16000  # Hz, the one rate of wide-band PESQ
# Seconds. The package's C code keeps 50 utterances in arrays that it does not guard. Utterances and the pauses that
# part them last 0.2 s or more each, so that 50 of them and as many pauses take 20 s.
PESQ_LONGEST = 20


def pesq(reference: Tensor, estimate: Tensor, sample_rate: int) -> Tensor:
    """Wide-band PESQ (ITU-T P.862.2), a mean opinion score of about 1 to 4.64, higher is better: `(..., T) -> (...)`.

    Both signals are brought to 16 kHz by soxr's high-quality resampler. Levels and delays are aligned first, and
    loudness is compared over time and frequency. Gain and polarity do not matter.

    Raises:
        ConfigError: `pesq` is not installed, or the rate is none.
        MetricRefused: the signals last less than a quarter of a second or more than 20 s, one of them is silent, or
            there is nothing in the reference that counts as an utterance.
    """
    return for_each_pair(lambda x, y: _pesq(x, y, sample_rate), reference, estimate, sample_rate)


def _pesq(reference: Tensor, estimate: Tensor, sample_rate: int) -> float:
    try:
        import pesq as package
    except ImportError as error:
        raise ConfigError("PESQ needs pesq: pip install 'hypersound-lib[metrics]'") from error
    seconds = len(reference) / sample_rate
    x, y = (resample(signal.cpu(), sample_rate, PESQ_RATE) for signal in (reference, estimate))
    if len(x) < PESQ_RATE // 4:
        raise MetricRefused(f"PESQ needs a quarter of a second; {seconds:.2f} s were given")
    if seconds > PESQ_LONGEST:
        raise MetricRefused(f"PESQ takes up to {PESQ_LONGEST} s at a time, not {seconds:.1f} s: score shorter pieces")
    if is_silent(x) or is_silent(y):
        raise MetricRefused(
            f"PESQ needs sound on both sides; the {'reference' if is_silent(x) else 'estimate'} is silent"
        )
    try:
        value = package.pesq(PESQ_RATE, x.numpy(), y.numpy(), "wb")
    except package.NoUtterancesError as error:
        raise MetricRefused("PESQ finds no utterance in the reference") from error
    except ValueError as error:  # its loudness became NaN
        raise MetricRefused(f"PESQ fails on these signals ({error})") from error
    if math.isnan(value):
        raise MetricRefused("PESQ fails on these signals (its value is NaN)")
    return value
