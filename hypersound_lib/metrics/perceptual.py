"""Two more judges of speech, beside PESQ, since one metric can be flattered: ViSQOL and DNSMOS.

Both estimate listeners' opinions, 1 to 5, at 16 kHz. ViSQOL (Hines et al. 2015; Chinen et al. 2020) compares a copy
with its original; DNSMOS P.835 (Reddy et al. 2022) is a network that takes the copy alone as input, and was trained on
noisy and denoised speech. Packages: the extra `perceptual`.
"""

import functools
import importlib.util
import warnings
from pathlib import Path
from typing import Any

from torch import Tensor

from hypersound_lib.data import resample
from hypersound_lib.errors import ConfigError, MetricRefused
from hypersound_lib.metrics.waveform import for_each_pair, is_silent

PERCEPTUAL_RATE = 16000  # Hz, of both
VISQOL_SHORTEST = 0.64  # seconds: one patch of 20 frames behind the first 9, 20 ms apart and 80 ms long
_VISQOL_PEAK = 0.9  # of the reference, about as loud as voices in recordings
_DNSMOS_SAMPLES = 144160  # 9.01 s
# From the network's number to the scale of the listeners: c₂ x² + c₁ x + c₀ (package `speechmos`).
_DNSMOS_OVERALL = (-0.06766283, 1.11546468, 0.04602535)


def visqol(reference: Tensor, estimate: Tensor, sample_rate: int) -> Tensor:
    """ViSQOL in its speech mode, a mean opinion score of 1 to 5, higher is better: `(..., T), (..., T) -> (...)`.

    How similar the spectrograms of both are, in 21 bands up to 8 kHz and in the parts where the reference has speech,
    after alignment. The similarity is mapped to opinions by the polynomial of ViSQOL v2 and v3, not by the newer
    lattice, whose runtime is another package: its numbers are lower. Gain and polarity do not matter: ViSQOL itself
    sees more of what is louder, so both are measured with the gain that brings the reference to a peak of 0.9.

    Raises:
        ConfigError: `visqol-python` is not installed, or the rate is none.
        MetricRefused: the signals last less than 0.64 s, one of them is silent, or the reference has no speech.
    """
    return for_each_pair(lambda x, y: _visqol(x, y, sample_rate), reference, estimate, sample_rate)


def dnsmos(reference: Tensor, estimate: Tensor, sample_rate: int) -> Tensor:
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
    return for_each_pair(lambda _, y: _dnsmos(y, sample_rate), reference, estimate, sample_rate)


def _visqol(reference: Tensor, estimate: Tensor, sample_rate: int) -> float:
    judge = _load_visqol()
    seconds = len(reference) / sample_rate
    if seconds < VISQOL_SHORTEST:
        raise MetricRefused(f"ViSQOL needs {VISQOL_SHORTEST} s; {seconds:.2f} s were given")
    x, y = (resample(signal.cpu(), sample_rate, PERCEPTUAL_RATE).double() for signal in (reference, estimate))
    if is_silent(x) or is_silent(y):
        silent = "reference" if is_silent(x) else "estimate"
        raise MetricRefused(f"ViSQOL needs sound on both sides; the {silent} is silent")
    gain = _VISQOL_PEAK / float(reference.abs().max())
    x, y = gain * x, gain * y
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of NaN, which is refused further on
        try:
            return judge.measure_from_arrays(x.numpy(), y.numpy(), PERCEPTUAL_RATE).moslqo
        except (ValueError, IndexError) as error:  # the latter where its list of patches with speech is empty
            raise MetricRefused(f"ViSQOL finds no speech to compare ({error})") from error


def _dnsmos(estimate: Tensor, sample_rate: int) -> float:
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


@functools.cache
def _load_visqol() -> Any:
    try:
        from visqol import VisqolApi
    except ImportError as error:
        raise ConfigError("ViSQOL needs visqol-python: pip install 'hypersound-lib[perceptual]'") from error
    judge = VisqolApi()
    judge.create(mode="speech", use_lattice_model=False)
    return judge


@functools.cache
def _load_dnsmos() -> Any:
    """Return DNSMOS' network, on one thread. Only this file of `speechmos` is used: its code imports more packages."""
    spec = importlib.util.find_spec("speechmos")  # finds the package without importing it
    try:
        import onnxruntime
    except ImportError:
        spec = None
    if spec is None or spec.origin is None:
        raise ConfigError("DNSMOS needs speechmos and onnxruntime: pip install 'hypersound-lib[perceptual]'")
    path = Path(spec.origin).parent / "dnsmos_models" / "sig_bak_ovr.onnx"
    if not path.is_file():
        raise ConfigError(f"the package speechmos is damaged or another version ({path} is missing)")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
