"""The shipped local models on what they were not made for: noises, music, other levels, telephone, silence, two voices.

make bench ARGS="local_elsewhere --speech FOLDER"
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from hypersound_lib.data import resample
from hypersound_lib.evaluation import Excerpt, choose_excerpts, evaluate, load_system
from hypersound_lib.paths import embedded_data
from tests.benchmarks import local_speech

MODELS = ("local-tiny", "local-small", "local-hifi")
METRICS = ("pesq", "stoi", "lsd", "si_snr", "nmse")
SECONDS = 3.0


def run(quick: bool = False, speech: Path | None = None) -> dict:
    """Return each model's scores on each kind of sound."""
    voices = local_speech.excerpts(speech, 3 if quick else 10, SECONDS)
    kinds = {name: [_change(e, change) for e in voices] for name, change in CHANGES.items()}
    kinds["two voices at once, as a stereo file's mean"] = _pairs(voices)
    kinds["music-like sounds (data/fullband)"] = _from(embedded_data() / "fullband")
    if speech is not None:
        kinds["Dutch (nathalie)"] = choose_excerpts(str(speech / "speech22"), split="test", limit=10, seconds=SECONDS)[
            0
        ]
        kinds["ESC-10, all classes"] = _from(speech / "esc10_22")
        for excerpt in _from(speech / "esc10_22"):
            kinds.setdefault(f"ESC-10, {excerpt.speaker or excerpt.name}", []).append(excerpt)
    rows = []
    systems = [load_system(name) for name in MODELS]
    for name, excerpts in kinds.items():
        found = evaluate(systems, excerpts, rates=[22050], metrics=METRICS, references=False)
        for model in MODELS:
            rows.append({"sound": name, "recordings": len(excerpts), "model": model, **found.means(model)})
            print(rows[-1], flush=True)
    return {"rows": rows, "silence": _silence(systems)}


def _from(folder: Path) -> list[Excerpt]:
    return choose_excerpts(str(folder), split=None, limit=40, seconds=SECONDS)[0]


def _clip(sound: Tensor, rate: int) -> Tensor:
    return sound.clamp(-0.1 * float(sound.abs().max()), 0.1 * float(sound.abs().max()))


def _telephone(sound: Tensor, rate: int) -> Tensor:
    """Return 300 to 3400 Hz of a recording at 8 kHz."""
    spectrum = torch.fft.rfft(resample(sound, rate, 8000))
    frequencies = torch.linspace(0, 4000, len(spectrum))
    spectrum[(frequencies < 300) | (frequencies > 3400)] = 0
    narrow = torch.fft.irfft(spectrum, n=2 * (len(spectrum) - 1))
    return resample(narrow, 8000, rate)


CHANGES: dict[str, Callable[[Tensor, int], Tensor]] = {
    "speech": lambda sound, rate: sound,
    "speech at a hundredth of its level": lambda sound, rate: 0.01 * sound,
    "speech clipped at a tenth of its peak": _clip,
    "speech by telephone, 300 to 3400 Hz at 8 kHz": _telephone,
    "speech with a hum of 50 Hz as loud": lambda sound, rate: (
        sound + sound.std() * 2**0.5 * torch.sin(2 * torch.pi * 50 * torch.arange(len(sound)) / rate)
    ),
    "speech with white noise 10 dB below": lambda sound, rate: (
        sound + 10**-0.5 * sound.std() * torch.randn(len(sound), generator=torch.Generator().manual_seed(0))
    ),
}


def _change(excerpt: Excerpt, change: Callable[[Tensor, int], Tensor]) -> Excerpt:
    return dataclasses.replace(excerpt, recording=change(excerpt.recording, excerpt.sample_rate))


def _pairs(voices: list[Excerpt]) -> list[Excerpt]:
    """Return the mean of each recording and the next one: what a file with a voice on each side becomes."""
    result = []
    for one, two in zip(voices, voices[1:] + voices[:1], strict=True):
        count = min(len(one.recording), len(two.recording))
        mean = 0.5 * (one.recording[:count] + two.recording[:count])
        result.append(dataclasses.replace(one, recording=mean))
    return result


def _silence(systems) -> dict[str, float]:
    """Return the largest magnitude that digital silence becomes."""
    return {s.name: float(s.reconstruct(torch.zeros(22050), 22050, 22050).abs().max()) for s in systems}
