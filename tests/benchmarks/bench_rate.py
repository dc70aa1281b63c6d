"""Quality over kbit/s: the local model through real files, beside Opus, Codec 2, MP3 and the best fixed code.

make bench ARGS="rate --speech FOLDER"

Voices that were not trained on, at 22 050 Hz; original and copy at one gain. The model and the fixed code are judged by
the size of their files, headers included; Opus and Codec 2 by their payload, which favours them (`file_kbps` tells the
size of files). Tools and packages that are not installed are named and left out.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from hypersound_lib.data import resample
from hypersound_lib.errors import ConfigError
from hypersound_lib.evaluation import Interval, bootstrap, choose_excerpts
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.metrics import score
from tests.benchmarks import codecs
from tests.benchmarks.codecs import CodecCopy, through_file
from tests.benchmarks.common import CORPORA, told
from tests.benchmarks.fixed_code import FixedCode

RATE = 22050
METRICS = ("pesq", "stoi", "lsd", "si_snr")
JUDGES = ("visqol", "dnsmos")  # they take about a second for each clip, so that they have fewer
OURS = (2, 3.2, 6, 9, 12, 16, 24, 32)
OPUS, CODEC2, MP3 = (6, 8, 10, 12, 16, 24), (3200, 1600), (8, 16, 24, 32)
FIXED = (3.2, 6, 9, 12, 16, 24)  # kbit/s of training voices
SECONDS, EACH = 4.0, 10  # of a clip, at most; and clips of each corpus
JUDGED = 6  # clips for the judges, or one more
# COIN++ (Dupont et al. 2022), fitted to each clip; LibriSpeech, 16 kHz, first 3 s, PSNR of audio mapped to [0, 1].
PUBLISHED = {"COIN++, published, fitted to each clip": [(5.6, 36.0), (13.8, 39.4), (27.5, 42.9)]}


class Clip(NamedTuple):
    """A sound `(T,)` at 22 050 Hz."""

    group: str
    sound: Tensor
    is_judged: bool


class System(NamedTuple):
    """Something that sends sounds, at one setting."""

    name: str
    asked: str
    copy: Callable[[Tensor], CodecCopy | None]  # None where no file is so small


def run(
    quick: bool = False, speech: Path | None = None, limit: float | None = None, model: str = "local"
) -> dict[str, object]:
    """Return a row for each system, and the protocol of the papers on INR compression.

    `limit` is the number of clips of each corpus.
    """
    torch.manual_seed(0)
    each = 1 if quick else int(limit or EACH)
    clips = _clips(speech, each)
    network = LocalHyperSound.from_pretrained(model)
    tools, missing = _codecs(quick)
    choices, fixed = _fixed_codes(speech, quick)
    judges = _installed_judges()
    ours = [
        System("local", f"{kbps:g}", lambda sound, kbps=kbps: through_file(network, sound, kbps))
        for kbps in (OURS[1:3] if quick else OURS)
    ]
    return {
        "clips": {name: sum(clip.group == name for clip in clips) for name in dict.fromkeys(c.group for c in clips)},
        "seconds": SECONDS,
        "missing": missing + [judge for judge in JUDGES if judge not in judges],
        "fixed_code": choices,
        "originals": _means(_values([(clip.sound, clip.sound) for clip in clips if clip.is_judged], judges)),
        "rows": [told(_row(system, clips, judges)) for system in [*ours, *tools, *fixed]],
        "inr_protocol": _inr_protocol(network, speech, each),
    }


def _clips(speech: Path | None, each: int) -> list[Clip]:
    found = _voices(speech, "test", each)
    every = max(1, len(found) // JUDGED)
    return [Clip(*clip, is_judged=number % every == 0) for number, clip in enumerate(found)]


def _voices(speech: Path | None, split: str, each: int) -> list[tuple[str, Tensor]]:
    """Return so many sounds of each corpus, with its name."""
    found = []
    for folder in [speech / name for name in reversed(CORPORA)] if speech else ["mini"]:
        chosen, _ = choose_excerpts(folder, split=split, limit=each, seconds=SECONDS)
        found += [(Path(folder).name, 0.9 * excerpt.at(RATE)) for excerpt in chosen]
    return found


def _codecs(quick: bool) -> tuple[list[System], list[str]]:
    """Return the codecs that are installed, and the names of the others."""
    systems, missing = [], []
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
            systems.append(System(name, f"{setting}", lambda sound, c=code, s=setting: c(sound, RATE, s)))
    return systems, missing


def _fixed_codes(speech: Path | None, quick: bool) -> tuple[dict[str, float], list[System]]:
    """Return what was chosen on training voices, and the codes for all rates."""

    def through(sound: Tensor, code: FixedCode) -> CodecCopy:
        data = code.encode(sound)
        return CodecCopy(code.decode(data), len(data), len(data))

    voices = [sound for _, sound in _voices(speech, "train", 12 if speech else 48)]
    some, heard = voices[::4], voices[1 :: 12 if quick else 6]

    def quality(choices: dict[str, float]) -> float:
        code = FixedCode.of_rate(some, 9.0, RATE, **choices)
        return _means(_values([(voice, through(voice, code).copy) for voice in heard], ("pesq",)))["pesq"]

    grid = [{"gamma": gamma, "power": power, "noise": 0.4} for gamma in (-0.25, 0.0, 0.25) for power in (1.0, 0.75)]
    best = max(grid[2:4] if quick else grid, key=quality)
    best = max((best | {"noise": noise} for noise in (0.0, 0.2, 0.4, 0.6)), key=quality)
    best = max((best | {"dead_zone": zone} for zone in (0.0, 0.1, 0.2, 0.3)), key=quality)
    print(f"the best fixed code for training voices: {best}")
    codes = [(kbps, FixedCode.of_rate(voices, kbps, RATE, **best)) for kbps in (FIXED[1:2] if quick else FIXED)]
    return best, [System("fixed code", f"{kbps:g}", lambda s, code=code: through(s, code)) for kbps, code in codes]


def _row(system: System, clips: Sequence[Clip], judges: Sequence[str]) -> dict[str, object]:
    """Return a system's rates and means, with intervals, over those clips that it has a file for."""
    coded = [(clip, system.copy(clip.sound)) for clip in clips]
    done = [(clip, copy) for clip, copy in coded if copy is not None]
    row: dict[str, object] = {"system": system.name, "asked": system.asked, "clips": len(done)}
    if not done:
        return row
    values = _values([(clip.sound, copy.copy) for clip, copy in done], METRICS)
    judged = _values([(clip.sound, copy.copy) for clip, copy in done if clip.is_judged], judges)
    values = [_rates(copy) | value for (_, copy), value in zip(done, values, strict=True)]
    groups = {}
    for group in dict.fromkeys(clip.group for clip, _ in done):
        own = [value for value, (clip, _) in zip(values, done, strict=True) if clip.group == group]
        groups[group] = {"clips": len(own)} | _means(own)
    row |= _means(values) | _means(judged)
    found = _summary(values) | _summary(judged)
    intervals = {name: [interval.low, interval.high] for name, interval in found.items() if interval.count}
    return row | {"judged": len(judged), "groups": groups, "intervals": intervals}


def _rates(coded: CodecCopy) -> dict[str, float]:
    seconds = len(coded.copy) / RATE
    return {"kbps": coded.payload_bytes / 125 / seconds, "file_kbps": coded.file_bytes / 125 / seconds}


def _values(pairs: Sequence[tuple[Tensor, Tensor]], metrics: Sequence[str]) -> list[dict[str, float]]:
    return [scores.values for scores in score(pairs, RATE, metrics)]


def _means(values: Sequence[dict[str, float]]) -> dict[str, float | None]:
    """Return the mean of each value over clips that have it, None where none has."""
    return {name: interval.mean if interval.count else None for name, interval in _summary(values).items()}


def _summary(values: Sequence[dict[str, float]]) -> dict[str, Interval]:
    return {name: bootstrap([value[name] for value in values]) for name in (values[0] if values else ())}


def _installed_judges() -> list[str]:
    """Return those of ViSQOL and DNSMOS whose packages are there."""
    found = []
    for judge in JUDGES:
        try:
            score([(torch.ones(RATE), torch.ones(RATE))], RATE, [judge])
        except ConfigError as error:
            print(f"{judge} is left out: {error}")
        else:
            found.append(judge)
    return found


def _inr_protocol(network: LocalHyperSound, speech: Path | None, each: int) -> dict[str, object] | None:
    """Score LibriSpeech as papers on INR compression do: 16 kHz, first 3 s, PSNR = 10 log₁₀(1 / MSE) of (x + 1) / 2.

    The recordings keep their own level, on which the PSNR depends. Papers that leave audio in [-1, 1] divide 1 by an
    MSE four times as large, and read 6.02 dB less.
    """
    if speech is None:
        return None
    chosen, _ = choose_excerpts(speech / "libri16", split="test", limit=each, seconds=3.0)
    sounds = [excerpt.at(16000) / excerpt.gain for excerpt in chosen]
    rows = []
    for kbps in (5.6, 13.8, 27.5):
        sizes, decibels = [], []
        for sound in sounds:
            data = network.compress(sound, 16000, kbps=kbps)
            copy = resample(network.decompress(data), RATE, 16000)[: len(sound)]
            sizes.append(len(data) / 125 / (len(sound) / 16000))
            decibels.append(10 * math.log10(4 / (sound[: len(copy)] - copy).square().mean().item()))
        unit = bootstrap(decibels)
        row = {"asked": kbps, "kbps": sum(sizes) / len(sizes), "psnr_unit": unit.mean}
        rows.append(row | {"interval": [unit.low, unit.high], "psnr_signed": unit.mean - 20 * math.log10(2)})
    return {"clips": len(sounds), "rows": rows, "published": PUBLISHED}
