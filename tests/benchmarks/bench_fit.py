"""How soon an INR reaches 30 dB SNR on 1.4861 s of speech: our best setting against the plain recipe, one by one.

Every run of a clip sees the same samples and stops at the same SNR; runs alternate, so that a slow minute of the
machine touches both. A run cut by the time limit counts as "more than" that limit.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from hypersound_lib.data import load_audio, load_dataset, peak_normalize
from hypersound_lib.fitting import FitConfig, fit_inr
from hypersound_lib.inr import INR, SIREN, SPECTRAL, FourierMLP, FourierMLPConfig, SIRENConfig
from tests.benchmarks.common import told

SAMPLE_RATE, NUM_SAMPLES = 22050, 32768  # the paper's clip
TARGET_SNR = 30.0  # dB


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A network for a clip, and how to train it."""

    name: str
    build: Callable[[Tensor], INR]
    config: FitConfig


def recipe(name: str, build: Callable[[Tensor], INR], learning_rate: float, **changes) -> Recipe:
    """Return a recipe whose every step takes all samples, by Adam, in float32 unless it is changed."""
    config = FitConfig(learning_rate=learning_rate, steps=10**6, target_snr=TARGET_SNR)
    return Recipe(name, build, dataclasses.replace(config, **changes))


def siren(clip: Tensor) -> INR:
    return SIREN()


def uniform_frequencies(clip: Tensor) -> INR:
    """Build our network with frequencies drawn evenly up to Nyquist."""
    frequencies = torch.rand(SPECTRAL.num_frequencies).sort().values * len(clip) / 2
    return FourierMLP(SPECTRAL, frequencies)


PLAIN = recipe("plain: SIREN 5 × 256, Adam 1e-4", siren, 1e-4)
OURS = recipe("ours: spectral frequencies, Adam 5e-3", FourierMLP.for_sound, 5e-3)
# From the plain recipe to ours, one change after the other; and bfloat16, which could be added.
LADDER = (
    PLAIN,
    recipe("SIREN, Adam 5e-4", siren, 5e-4),
    recipe("SIREN, Adam 5e-3", siren, 5e-3),
    recipe("SIREN, Adam 5e-4, ω₀ 24 000", lambda clip: SIREN(SIRENConfig(omega_0=24000.0)), 5e-4),
    recipe("octaves: the paper's 4 × 256, Adam 1e-3", lambda clip: FourierMLP(FourierMLPConfig()), 1e-3),
    recipe("uniform frequencies, 1 × 128, Adam 5e-3", uniform_frequencies, 5e-3),
    OURS,
    recipe("ours in bfloat16", FourierMLP.for_sound, 5e-3, precision="bfloat16"),
)


def run(quick: bool = False, speech: Path | None = None, limit: float = 900.0) -> dict:
    """Measure; return clips, runs and ratios.

    Args:
        quick: only see that everything runs.
        speech: folder with one subfolder per speaker; None takes the embedded corpus.
        limit: seconds for each run of the comparison; a run of the ladder gets a fifth.
    """
    limit = 15.0 if quick else limit
    clips = _clips(speech, count=1 if quick else 4)
    name, clip = next(iter(clips.items()))
    fit_once(OURS, clip[:4096], limit=2.0)  # the first call of anything is slow
    rows = [told(compared(key, sound, limit)) for key, sound in clips.items()]
    ladder = [fit_once(one, clip, limit / 5) for one in LADDER]
    return {
        "target_snr_db": TARGET_SNR,
        "limit_seconds": limit,
        "num_samples": NUM_SAMPLES,
        "sample_rate": SAMPLE_RATE,
        "clips": rows,
        "smallest_ratio": min(row["ratio"] for row in rows),
        "ladder": {"clip": name, "limit_seconds": limit / 5, "runs": ladder},
    }


def compared(name: str, clip: Tensor, limit: float) -> dict:
    ours, plain = fit_once(OURS, clip, limit), fit_once(PLAIN, clip, limit)
    return {"clip": name, "ours": ours, "plain": plain, "ratio": plain["seconds"] / ours["seconds"]}


def fit_once(chosen: Recipe, clip: Tensor, limit: float) -> dict:
    """Fit one clip by one recipe; return what it took, with the curve of SNR over seconds."""
    torch.manual_seed(0)
    config = dataclasses.replace(chosen.config, max_seconds=limit)
    result = fit_inr(clip, SAMPLE_RATE, chosen.build(clip), config, progress=False)
    row = {
        "recipe": chosen.name,
        "reached": result.stop_reason == "target",
        "seconds": round(result.seconds, 3),
        "steps": result.steps,
        "num_params": result.sound.inr.num_params,
        "metrics": result.metrics,
    }
    return told(row) | {"curve": [[round(r["seconds"], 2), round(r["snr"], 2)] for r in result.history]}


def _clips(speech: Path | None, count: int) -> dict[str, Tensor]:
    """Cut the loudest clip-length part out of one recording each of `count` speakers."""
    if speech is None:
        by_speaker = {r.speaker: r.path for r in reversed(load_dataset("mini", split="test").recordings)}
        files = list(by_speaker.values())
    else:
        files = [min(folder.glob("*.flac")) for folder in sorted(speech.iterdir()) if folder.is_dir()]
    clips = {}
    for file in files[:count]:
        waveform, _ = load_audio(file, SAMPLE_RATE)
        if len(waveform) < NUM_SAMPLES:
            waveform = torch.nn.functional.pad(waveform, (0, NUM_SAMPLES - len(waveform)))
        windows = waveform.unfold(0, NUM_SAMPLES, 256)
        clips[f"{file.parent.name}/{file.name}"] = peak_normalize(windows[windows.square().sum(dim=1).argmax()])
    return clips
