"""One sentence by one speaker: run the engine, resample, remove silence at both ends, set the level.

The steps are deterministic: the same engine version gives the same samples every time.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr
from scipy.signal import butter, sosfiltfilt
from speakers import Speaker

SAMPLE_RATE = 22_050  # Hz, the paper's rate and espeak-ng's own
ENGINES = {"espeak-ng": ["--version"], "flite": ["--version"]}
ESPEAK_AMPLITUDE = 60  # of 200; at the default 100 some variants clip inside the engine
MARGIN = SAMPLE_RATE // 20  # samples left before and after the speech: 50 ms
FRAME = SAMPLE_RATE // 100  # samples per level measurement: 10 ms
SILENCE_DB = -45.0  # a frame this far below the loudest one is silence
HIGH_PASS_HZ = 30.0  # removes the engines' DC offset, up to 0.005 of full scale


def engine_command(speaker: Speaker, text: str, wav: Path) -> list[str]:
    """The command line that makes ``speaker`` say ``text`` into ``wav``.

    >>> from speakers import SPEAKERS
    >>> " ".join(engine_command(SPEAKERS[0], "Hello.", Path("a.wav")))
    'espeak-ng -v en+m3 -p 40 -s 165 -a 60 -w a.wav Hello.'
    """
    if speaker.engine == "espeak-ng":
        pitch, rate = f"{speaker.engine_pitch:g}", f"{speaker.rate:g}"
        options = ["-v", speaker.voice, "-p", pitch, "-s", rate, "-a", str(ESPEAK_AMPLITUDE)]
        return ["espeak-ng", *options, "-w", str(wav), text]
    features = {
        "int_f0_target_mean": speaker.engine_pitch,
        "int_f0_target_stddev": speaker.spread / speaker.tract,
        "duration_stretch": speaker.tract / speaker.rate,
    }
    settings = [part for name, value in features.items() if value for part in ("--setf", f"{name}={value:.4f}")]
    return ["flite", "-voice", speaker.voice, *settings, "-t", text, "-o", str(wav)]


def synthesise(speaker: Speaker, text: str) -> tuple[np.ndarray, int]:
    """What the engine says: a waveform ``(T,)`` in ±1 and the engine's sample rate in Hz.

    Raises ``FileNotFoundError`` where the engine is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "sentence.wav"
        subprocess.run(engine_command(speaker, text, wav), check=True, capture_output=True)
        return soundfile.read(wav)


def trim_silence(waveform: np.ndarray) -> np.ndarray:
    """Cut both ends down to ``MARGIN`` samples of silence: ``(T,) -> (T',)``.

    A 10 ms frame counts as speech if its level is above ``SILENCE_DB`` relative to the loudest frame. An end
    that has less than the margin is filled up with zeros.

    >>> trimmed = trim_silence(np.repeat([0.0, 1.0, 0.0], [100 * FRAME, 9 * FRAME, FRAME]))
    >>> len(trimmed) == MARGIN + 9 * FRAME + MARGIN
    True
    """
    num_frames = len(waveform) // FRAME
    frames = waveform[: num_frames * FRAME].reshape(num_frames, FRAME)
    level = np.sqrt(np.mean(frames**2, axis=1))
    speech = np.flatnonzero(level > level.max() * 10 ** (SILENCE_DB / 20))
    start, stop = speech[0] * FRAME, (speech[-1] + 1) * FRAME
    return np.pad(waveform, MARGIN)[start : stop + 2 * MARGIN]


def render(speaker: Speaker, text: str) -> np.ndarray:
    """``text`` as ``speaker`` says it in the corpus: ``(T,)`` at ``SAMPLE_RATE``, no DC, peak below 1.

    Telling the resampler that the engine ran at ``tract`` times its rate is what moves pitch and resonances.
    """
    waveform, engine_rate = synthesise(speaker, text)
    waveform = soxr.resample(waveform, engine_rate * speaker.tract, SAMPLE_RATE, quality="HQ")
    high_pass = butter(2, HIGH_PASS_HZ, "highpass", fs=SAMPLE_RATE, output="sos")
    waveform = trim_silence(sosfiltfilt(high_pass, waveform))
    return waveform * 10 ** (speaker.gain_db / 20)


def engine_versions() -> dict[str, str]:
    """The first version number that each engine prints, such as ``{"espeak-ng": "1.51", "flite": "2.2-current"}``.

    Raises ``FileNotFoundError`` with the command that installs them where one is missing.
    """
    versions = {}
    for engine, options in ENGINES.items():
        try:
            out = subprocess.run([engine, *options], check=False, capture_output=True, text=True).stdout
        except FileNotFoundError:
            raise FileNotFoundError(f"{engine} is missing: apt-get install espeak-ng flite") from None
        words = out.replace("flite-", "").split()
        versions[engine] = next(word for word in words if word[0].isdigit() and "." in word)
    return versions
