"""The shipped local model on what it was hardly trained on: noises, music, telephone, two voices, low levels, clipping.

make bench ARGS="local_elsewhere --speech FOLDER"

Every sound becomes a file at several rates. PESQ is about speech, and told for speech alone. Of steady and other test
signals it tells how much louder a band of the copy is than that of the original, at most; with the model as it is, and
without its guess of what tones leak. The choice of weights looked at these signals, so tones that are drawn, one or two
at a time, tell the same of others.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from hypersound_lib.data import resample
from hypersound_lib.evaluation import choose_excerpts
from hypersound_lib.files import embedded_data
from hypersound_lib.local.model import LocalHyperSound
from tests.benchmarks import local_parts
from tests.benchmarks.codecs import through_file, through_files
from tests.benchmarks.common import excerpts, told
from tests.local import signals

KBPS = (6, 12, 24)
SIGNAL_KBPS = (6, 12)
DRAWN = 30  # of one tone, and of two
SECONDS, VOICES, OTHERS = 3.0, 12, 40
RATE = 22050


class Kind(NamedTuple):
    """Sounds of one kind `(T,)`, at the model's rate."""

    name: str
    sounds: list[Tensor]
    is_speech: bool = True


def run(quick: bool = False, speech: Path | None = None, model: str = "local") -> dict:
    """Return file size and scores of each kind of sound at each rate."""
    network = LocalHyperSound.from_pretrained(model)
    found = kinds(speech, 3 if quick else VOICES, 2 if quick else OTHERS)
    rows = [told(measure(network, kind, kbps)) for kind in found for kbps in KBPS]
    quiet = through_file(network, torch.zeros(RATE), KBPS[0])
    silence = {"largest": float(quiet.copy.abs().max()), "kbps": quiet.kbps(RATE)}
    some = list(signals.SIGNALS)[:2] if quick else list(signals.SIGNALS)
    chosen = {name: signals.SIGNALS[name]().float() for name in some}
    drawn = {tones: louder(network, drawn_tones(tones, 2 if quick else DRAWN)) for tones in (1, 2)}
    whole = louder(network, chosen)
    local_parts.without_leak(network)
    return {
        "seconds": SECONDS,
        "rows": rows,
        "silence": silence,
        "limit_db": signals.LOUDER,
        "signals": {"whole": whole, "without_leak": louder(network, chosen)},
        "drawn_tones": drawn,
    }


def drawn_tones(tones: int, count: int) -> dict[str, Tensor]:
    """Return sums of so many tones, each of 80 to 10 500 Hz, evenly in octaves, and of -24 to -6 dB."""
    generator, found = torch.Generator().manual_seed(tones), {}
    for _ in range(count):
        draws = torch.rand(tones, 2, generator=generator, dtype=torch.float64).tolist()
        pitches = [(80 * (10500 / 80) ** high, -24 + 18 * loud) for high, loud in draws]
        name = " and ".join(f"{frequency:.0f} Hz at {level:.0f} dB" for frequency, level in pitches)
        found[name] = sum(signals.tone(frequency, 10 ** (level / 20)) for frequency, level in pitches).float()
    return found


def louder(model: LocalHyperSound, sounds: Mapping[str, Tensor]) -> list[dict]:
    """Return how much louder the worst band is in each signal's copy, and how loud, in dB; 0 if none is too loud.

    What lies below the floor in the original counts as lying there.
    """
    rows = []
    for name, original in sounds.items():
        for kbps in SIGNAL_KBPS:
            coded = through_file(model, original, kbps)
            bands = [(a - max(b, signals.FLOOR), a) for *_, a, b in signals.louder_bands(original, coded.copy)]
            gained, level = max(bands, default=(0.0, 0.0))
            rows.append({"signal": name, "asked_kbps": kbps, "louder_db": gained, "level_db": level})
    return rows


def measure(model: LocalHyperSound, kind: Kind, kbps: float) -> dict:
    """Return one row: means over those sounds that have a file of at most `kbps`; what it gets wrong in level stays."""
    metrics = ("pesq", "stoi", "lsd", "snr") if kind.is_speech else ("stoi", "lsd", "snr")
    row = {"sound": kind.name, "recordings": len(kind.sounds), "asked_kbps": kbps}
    return row | through_files(model, kind.sounds, kbps, metrics, at_peak=True)


def kinds(speech: Path | None, voices: int, others: int) -> list[Kind]:
    """Return all kinds of sounds; ESC-10 and Dutch only where there is a folder of real recordings."""
    heard = [excerpt.at(RATE) for excerpt in excerpts(speech, voices, SECONDS)]
    found = [Kind(name, [change(sound) for sound in heard]) for name, change in CHANGES.items()]
    found.append(Kind("two voices at once", _mixed(heard)))
    found.append(Kind("white noise", [_noise(sound) for sound in heard[:3]], is_speech=False))
    found.append(Kind("sounds from formulas (data/fullband)", _from(embedded_data() / "fullband", others), False))
    if speech is not None:
        dutch = choose_excerpts(str(speech / "speech22"), split="test", limit=voices, seconds=SECONDS)[0]
        found.insert(1, Kind("speech, Dutch (nathalie)", [excerpt.at(RATE) for excerpt in dutch]))
        folder = speech / "esc10_22"
        found.append(Kind("ESC-10, all classes", _from(folder, others), False))
        classes = sorted(path for path in folder.iterdir() if path.is_dir())
        found += [Kind(f"ESC-10, {path.name[4:].replace('_', ' ')}", _from(path, others), False) for path in classes]
    return found


def _from(folder: Path, limit: int) -> list[Tensor]:
    return [excerpt.at(RATE) for excerpt in choose_excerpts(str(folder), limit=limit, seconds=SECONDS)[0]]


def _telephone(sound: Tensor) -> Tensor:
    """Return 300 to 3400 Hz of a recording at 8 kHz."""
    spectrum = torch.fft.rfft(resample(sound, RATE, 8000))
    frequencies = torch.linspace(0, 4000, len(spectrum))
    spectrum[(frequencies < 300) | (frequencies > 3400)] = 0
    narrow = torch.fft.irfft(spectrum, n=2 * (len(spectrum) - 1))
    return resample(narrow, 8000, RATE)


def _quiet(sound: Tensor) -> Tensor:
    """Return a recording whose peak is at -40 dB, in 16 bits, as a recorder with a wrong level would have it."""
    return (0.01 * sound * 2**15).round() / 2**15


def _hum(sound: Tensor) -> Tensor:
    time = torch.arange(len(sound)) / RATE
    return sound + sound.std() * math.sqrt(2) * torch.sin(2 * math.pi * 50 * time)


def _noise(sound: Tensor) -> Tensor:
    """Return white noise as long and as loud as a sound."""
    return sound.std() * torch.randn(len(sound), generator=torch.Generator().manual_seed(0))


CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "speech": lambda sound: sound,
    "speech, peak at -40 dB, 16 bits": _quiet,
    "speech, clipped at a tenth of its peak": lambda sound: sound.clamp(-0.1, 0.1),
    "speech by telephone, 300 to 3400 Hz": _telephone,
    "speech with a hum of 50 Hz as loud": _hum,
    "speech with white noise 10 dB below": lambda sound: sound + _noise(sound) / math.sqrt(10),
}


def _mixed(voices: list[Tensor]) -> list[Tensor]:
    """Return the mean of each voice and another one."""
    half = len(voices) // 2
    pairs = zip(voices, voices[half:] + voices[:half], strict=True)
    return [0.5 * (one[: len(two)] + two[: len(one)]) for one, two in pairs]
