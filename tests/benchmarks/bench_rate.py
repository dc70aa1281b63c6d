"""Quality over kbit/s: the local model through real files, beside Opus, Codec 2, MP3 and the best fixed code.

Voices that were not trained on, at 22 050 Hz; everything at one gain. The model's rate is that of its files, headers
included; that of codecs is their payload, which favours them. Tools that are not installed are named and left out.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from hypersound_lib.baselines import codecs
from hypersound_lib.baselines.fixed_code import FixedCode
from hypersound_lib.data import resample
from hypersound_lib.errors import ConfigError
from hypersound_lib.evaluation import bootstrap, choose_excerpts
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.metrics import score
from hypersound_lib.metrics.perceptual import dnsmos, visqol

RATE = 22050
FOLDERS = ("vctk16", "speech48", "speech22", "libri16")
METRICS = ("pesq", "stoi", "lsd", "si_snr")
OURS = (2, 3.2, 6, 9, 12, 16, 24, 32)
OPUS, CODEC2, MP3 = (6, 8, 10, 12, 16, 24), (3200, 1600), (8, 16, 24, 32)
FIXED = (0.16, 0.08, 0.04, 0.02, 0.01, 0.005)  # common steps
SECONDS = 4.0
JUDGED = 4  # clips that ViSQOL and DNSMOS hear: they take seconds for each
# COIN++ (Dupont et al. 2022), fitted to each clip; LibriSpeech, 16 kHz, first 3 s, PSNR of audio mapped to [0, 1].
PUBLISHED = {"COIN++, published, fitted to each clip": [(5.6, 36.0), (13.8, 39.4), (27.5, 42.9)]}


class Copy(NamedTuple):
    """What a system made of a sound."""

    sound: Tensor
    kbps: float


System = Callable[[Tensor], Copy]


def run(
    quick: bool = False, speech: Path | None = None, limit: float | None = None, model: str = "local"
) -> dict[str, object]:
    """Return a row for each system, and the protocol of the papers on INR compression."""
    each = int(limit or 10) if not quick else 1
    torch.manual_seed(0)
    clips = _clips(speech, each)
    network = LocalHyperSound.from_pretrained(model)
    systems, missing = _systems(network, speech, quick)
    rows = []
    for name, asked, system in systems:
        rows.append(_row(name, asked, system, clips))
        print({key: value for key, value in rows[-1].items() if key != "intervals"}, flush=True)
    groups = {name: sum(group == name for group, _ in clips) for name, _ in clips}
    return {
        "clips": groups,
        "seconds": SECONDS,
        "missing": missing,
        "rows": rows,
        "inr_protocol": _inr_protocol(network, speech, each),
    }


def _clips(speech: Path | None, each: int) -> list[tuple[str, Tensor]]:
    folders = [speech / name for name in FOLDERS] if speech else ["mini"]
    found = []
    for folder in folders:
        chosen, _ = choose_excerpts(folder, split="test", limit=each, seconds=SECONDS)
        found += [(Path(folder).name, _scaled(excerpt.at(RATE))) for excerpt in chosen]
    return found


def _scaled(sound: Tensor) -> Tensor:
    return 0.9 * sound / sound.abs().max()


def _systems(
    network: LocalHyperSound, speech: Path | None, quick: bool
) -> tuple[list[tuple[str, str, System]], list[str]]:
    systems: list[tuple[str, str, System]] = []
    for kbps in OURS[1:3] if quick else OURS:
        systems.append(("local", f"{kbps:g}", lambda sound, kbps=kbps: _ours(network, sound, kbps)))
    missing = []
    for name, tools, settings, code in (
        ("Opus", ("opusenc", "opusdec"), OPUS, codecs.opus),
        ("Codec 2", ("c2enc", "c2dec"), CODEC2, codecs.codec2),
        ("MP3", ("lame",), MP3, codecs.mp3),
    ):
        if not codecs.available(*tools):
            print(f"{name} is left out: {' and '.join(tools)} are not installed")
            missing.append(name)
            continue
        for setting in settings[:1] if quick else settings:
            systems.append((name, f"{setting}", lambda sound, c=code, s=setting: _codec(c, sound, s)))
    voices = _training_voices(speech)
    gamma = _best_gamma(voices)
    for delta in FIXED[:1] if quick else FIXED:
        code = FixedCode(voices, delta, gamma)
        systems.append((f"fixed code, γ = {gamma}", f"{delta}", lambda sound, code=code: _fixed(code, sound)))
    return systems, missing


def _ours(network: LocalHyperSound, sound: Tensor, kbps: float) -> Copy:
    data = network.compress(sound, RATE, kbps=kbps)
    return Copy(network.decompress(data), len(data) / 125 / (len(sound) / RATE))


def _codec(code: Callable, sound: Tensor, setting: float) -> Copy:
    done = code(sound, RATE, setting)
    return Copy(done.copy, done.payload_bytes / 125 / (len(sound) / RATE))


def _fixed(code: FixedCode, sound: Tensor) -> Copy:
    played, size = code.copy(sound)
    return Copy(played, size / 125 / (len(sound) / RATE))


def _training_voices(speech: Path | None) -> list[Tensor]:
    folders = [speech / name for name in FOLDERS] if speech else ["mini"]
    voices = []
    for folder in folders:
        chosen, _ = choose_excerpts(folder, split="train", limit=12, seconds=SECONDS)
        voices += [_scaled(excerpt.at(RATE)) for excerpt in chosen]
    return voices


def _best_gamma(voices: Sequence[Tensor]) -> float:
    """Return the γ with the highest PESQ near 12 kbit/s on training voices."""
    found = {}
    for gamma in (0.0, 0.25, 0.5):
        points = []
        for delta in (0.04, 0.02, 0.01):
            code = FixedCode(voices, delta, gamma)
            copies = [_fixed(code, voice) for voice in voices[::8]]
            quality = _means(list(zip(voices[::8], copies, strict=True)), ("pesq",))["pesq"]
            points.append((sum(copy.kbps for copy in copies) / len(copies), quality))
        found[gamma] = _at(12.0, points)
    return max(found, key=found.__getitem__)


def _at(kbps: float, points: list[tuple[float, float]]) -> float:
    """Interpolate quality over the logarithm of the rate."""
    import numpy as np

    points = sorted(points)
    return float(np.interp(math.log(kbps), [math.log(k) for k, _ in points], [q for _, q in points]))


def _row(name: str, asked: str, system: System, clips: list[tuple[str, Tensor]]) -> dict[str, object]:
    done = []
    for group, sound in clips:
        try:
            done.append((group, sound, system(sound)))
        except ConfigError:  # no file is so small
            continue
    if not done:
        return {"system": name, "asked": asked, "clips": 0}
    pairs = [(sound, copy) for _, sound, copy in done]
    scores = score([(sound, copy.sound) for sound, copy in pairs], RATE, METRICS)
    intervals = {metric: bootstrap([s.values[metric] for s in scores]) for metric in METRICS}
    row: dict[str, object] = {"system": name, "asked": asked, "clips": len(done)}
    row["kbps"] = sum(copy.kbps for _, copy in pairs) / len(pairs)
    row |= {metric: interval.mean for metric, interval in intervals.items()}
    row["groups"] = {
        group: {metric: _mean([s.values[metric] for s, d in zip(scores, done, strict=True) if d[0] == group])
                for metric in METRICS}
        for group in dict.fromkeys(group for group, _, _ in done)
    }  # fmt: skip
    row["intervals"] = {metric: [interval.low, interval.high] for metric, interval in intervals.items()}
    return row | _judged(pairs[:: max(1, len(pairs) // JUDGED)])


def _judged(pairs: list[tuple[Tensor, Copy]]) -> dict[str, object]:
    try:
        return {
            "visqol": _mean([visqol(sound, copy.sound, RATE) for sound, copy in pairs]),
            "dnsmos": _mean([dnsmos(copy.sound, RATE) for _, copy in pairs]),
            "judged": len(pairs),
        }
    except ConfigError as error:
        print(f"ViSQOL and DNSMOS are left out: {error}")
        return {}


def _means(pairs: list[tuple[Tensor, Copy]], metrics: Sequence[str]) -> dict[str, float]:
    scores = score([(sound, copy.sound) for sound, copy in pairs], RATE, metrics)
    return {metric: _mean([s.values[metric] for s in scores]) for metric in metrics}


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _inr_protocol(network: LocalHyperSound, speech: Path | None, each: int) -> dict[str, object] | None:
    """Score LibriSpeech as papers on INR compression do: 16 kHz, first 3 s, PSNR = 10 log₁₀(1 / MSE) of (x + 1) / 2.

    Papers that leave audio in [-1, 1] divide 1 by an MSE four times as large, and read 6.02 dB less.
    """
    if speech is None:
        return None
    chosen, _ = choose_excerpts(speech / "libri16", split="test", limit=each, seconds=3.0)
    sounds = [excerpt.at(16000) for excerpt in chosen]
    rows = []
    for kbps in (5.6, 13.8, 27.5):
        sizes, psnrs = [], []
        for sound in sounds:
            data = network.compress(sound, 16000, kbps=kbps)
            copy = resample(network.decompress(data), RATE, 16000)[: len(sound)]
            error = (sound[: len(copy)] - copy).square().mean().item()
            sizes.append(len(data) / 125 / (len(sound) / 16000))
            psnrs.append(10 * math.log10(4 / error))
        rows.append({"kbps": _mean(sizes), "psnr_unit": _mean(psnrs), "psnr_signed": _mean(psnrs) - 20 * math.log10(2)})
    return {"clips": len(sounds), "rows": rows, "published": PUBLISHED}
