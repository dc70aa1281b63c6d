"""How good speech sounds, as listeners would say: PESQ, ViSQOL and DNSMOS, three judges, since one can be flattered.

All estimate mean opinion scores, 1 to 5, at 16 kHz. PESQ and ViSQOL (Hines et al. 2015; Chinen et al. 2020) compare a
copy with its original; DNSMOS P.835 (Reddy et al. 2022) is a network that takes the copy alone as input, and was
trained on noisy and denoised speech. Packages: the extras `metrics` for PESQ, `perceptual` for the others.
"""

import functools
import math
import warnings
from typing import Any

from torch import Tensor

from hypersound_lib.data import resample
from hypersound_lib.errors import ConfigError, MetricRefused
from hypersound_lib.metrics.waveform import each_pair, package_folder

PERCEPTUAL_RATE = 16000  # Hz, of all three; the one rate of wide-band PESQ
# Seconds. The package's C code keeps 50 utterances in arrays that it does not guard. Utterances and the pauses that
# part them last 0.2 s or more each, so that 50 of them and as many pauses take 20 s.
PESQ_LONGEST = 20
VISQOL_SHORTEST = 0.64  # seconds: one patch of 20 frames behind the first 9, 20 ms apart and 80 ms long
_VISQOL_PEAK = 0.9  # of the reference, about as loud as voices in recordings
_DNSMOS_SAMPLES = 144160  # 9.01 s
# From the network's number to the scale of the listeners: c₂ x² + c₁ x + c₀ (package `speechmos`).
_DNSMOS_OVERALL = (-0.06766283, 1.11546468, 0.04602535)


@each_pair
def pesq(reference: Tensor, estimate: Tensor, sample_rate: int) -> float:
    """Wide-band PESQ (ITU-T P.862.2), a mean opinion score of about 1 to 4.64, higher is better: `(..., T) -> (...)`.

    Both signals are brought to 16 kHz by soxr's high-quality resampler. Levels and delays are aligned first, and
    loudness is compared over time and frequency. Gain and polarity do not matter.

    Raises:
        ConfigError: `pesq` is not installed, or the rate is none.
        MetricRefused: the signals last less than a quarter of a second or more than 20 s, one of them is silent, or
            there is nothing in the reference that counts as an utterance.
    """
    package_folder("pesq", "PESQ", "metrics")
    import pesq as package

    seconds = len(reference) / sample_rate
    x, y = (resample(signal.cpu(), sample_rate, PERCEPTUAL_RATE) for signal in (reference, estimate))
    if len(x) < PERCEPTUAL_RATE // 4:
        raise MetricRefused(f"PESQ needs a quarter of a second; {seconds:.2f} s were given")
    if seconds > PESQ_LONGEST:
        raise MetricRefused(f"PESQ takes up to {PESQ_LONGEST} s at a time, not {seconds:.1f} s: score shorter pieces")
    _check_heard("PESQ", x, y)
    try:
        value = package.pesq(PERCEPTUAL_RATE, x.numpy(), y.numpy(), "wb")
    except package.NoUtterancesError as error:
        raise MetricRefused("PESQ finds no utterance in the reference") from error
    except ValueError as error:  # its loudness became NaN
        raise MetricRefused(f"PESQ fails on these signals ({error})") from error
    if math.isnan(value):
        raise MetricRefused("PESQ fails on these signals (its value is NaN)")
    return value


@each_pair
def visqol(reference: Tensor, estimate: Tensor, sample_rate: int) -> float:
    """ViSQOL in its speech mode, a mean opinion score of 1 to 5, higher is better: `(..., T), (..., T) -> (...)`.

    How similar the spectrograms of both are, in 21 bands up to 8 kHz and in the parts where the reference has speech,
    after alignment. The similarity is mapped to opinions by the polynomial of ViSQOL v2 and v3, not by the newer
    lattice, whose runtime is another package: its numbers are lower. Gain and polarity do not matter: ViSQOL itself
    sees more of what is louder, so both are measured with the gain that brings the reference to a peak of 0.9.

    Raises:
        ConfigError: `visqol-python` is not installed, or the rate is none.
        MetricRefused: the signals last less than 0.64 s, one of them is silent, or the reference has no speech.
    """
    judge = _load_visqol()
    seconds = len(reference) / sample_rate
    if seconds < VISQOL_SHORTEST:
        raise MetricRefused(f"ViSQOL needs {VISQOL_SHORTEST} s; {seconds:.2f} s were given")
    x, y = (resample(signal.cpu(), sample_rate, PERCEPTUAL_RATE).double() for signal in (reference, estimate))
    _check_heard("ViSQOL", x, y)
    gain = _VISQOL_PEAK / float(reference.abs().max())
    x, y = gain * x, gain * y
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of NaN, which is refused further on
        try:
            return judge.measure_from_arrays(x.numpy(), y.numpy(), PERCEPTUAL_RATE).moslqo
        except (ValueError, IndexError) as error:  # the latter where its list of patches with speech is empty
            raise MetricRefused(f"ViSQOL finds no speech to compare ({error})") from error


@each_pair
def dnsmos(reference: Tensor, estimate: Tensor, sample_rate: int) -> float:
    """DNSMOS P.835, overall quality, a mean opinion score of 1 to 5, higher is better: `(..., T), (..., T) -> (...)`.

    Of the estimate alone: the reference is only there so that all metrics are called alike, and a perfect copy has the
    score of the recording itself. The level matters a little; what lies outside [-1, 1] is clipped, as in a file.
    The network takes 9.01 s: a shorter sound is repeated until they are full, a longer one is scored from every second
    on, and averaged. (The package `speechmos` doubles a short sound until it is too long, and averages that, too: seven
    times the work for a clip of 4 s, and up to 0.06 more or less.)

    Raises:
        ConfigError: `speechmos` or `onnxruntime` is not installed, or the rate is none.
        MetricRefused: nothing is left of the estimate at 16 kHz.
    """
    network = _load_dnsmos()
    sound = resample(estimate.cpu(), sample_rate, PERCEPTUAL_RATE).float().clamp(-1, 1)
    if not len(sound):
        raise MetricRefused(f"nothing is left of {len(estimate)} samples at {sample_rate} Hz for DNSMOS")
    if len(sound) < _DNSMOS_SAMPLES:
        sound = sound.repeat(-(-_DNSMOS_SAMPLES // len(sound)))[:_DNSMOS_SAMPLES]
    scores = []
    for second in range(int(len(sound) // PERCEPTUAL_RATE - _DNSMOS_SAMPLES / PERCEPTUAL_RATE) + 1):
        piece = sound[second * PERCEPTUAL_RATE :][:_DNSMOS_SAMPLES].unsqueeze(0).numpy()
        (_, _, overall), *_ = network.run(None, {"input_1": piece})[0].tolist()
        c2, c1, c0 = _DNSMOS_OVERALL
        scores.append(c2 * overall**2 + c1 * overall + c0)
    return sum(scores) / len(scores)


def _check_heard(metric: str, reference: Tensor, estimate: Tensor) -> None:
    for name, signal in (("reference", reference), ("estimate", estimate)):
        if not signal.any():
            raise MetricRefused(f"{metric} needs sound on both sides; the {name} is silent")


@functools.cache
def _load_visqol() -> Any:
    package_folder("visqol", "ViSQOL", "perceptual")
    from visqol import VisqolApi

    judge = VisqolApi()
    judge.create(mode="speech", use_lattice_model=False)
    return judge


@functools.cache
def _load_dnsmos() -> Any:
    """Return DNSMOS' network, on one thread. Only this file of `speechmos` is used: its code imports more packages."""
    path = package_folder("speechmos", "DNSMOS", "perceptual") / "dnsmos_models" / "sig_bak_ovr.onnx"
    package_folder("onnxruntime", "DNSMOS", "perceptual")
    import onnxruntime

    if not path.is_file():
        raise ConfigError(f"the package speechmos is damaged or another version ({path} is missing)")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
