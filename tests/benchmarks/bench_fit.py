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
from hypersound_lib.fitting import FitConfig, FitResult, fit_inr
from hypersound_lib.inr import INR, SIREN, SPECTRAL, FourierMLP, FourierMLPConfig, SIRENConfig

SAMPLE_RATE, NUM_SAMPLES = 22050, 32768  # the paper's clip
TARGET_SNR = 30.0  # dB
LIMIT = 900.0  # seconds for a run, unless told otherwise


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A network for a clip, and how to train it."""

    name: str
    build: Callable[[Tensor], INR]
    config: FitConfig


def plain_config(**changes) -> FitConfig:
    """Return the plain recipe's training: Adam 1e-4, all samples in every step, float32."""
    return dataclasses.replace(FitConfig(learning_rate=1e-4, steps=10**6, target_snr=TARGET_SNR), **changes)


def uniform_frequencies(clip: Tensor) -> INR:
    """Build our network with frequencies drawn evenly up to Nyquist."""
    frequencies = torch.rand(SPECTRAL.num_frequencies).sort().values * len(clip) / 2
    return FourierMLP(SPECTRAL, frequencies)


PLAIN = Recipe("plain: SIREN 5 × 256, Adam 1e-4", lambda clip: SIREN(), plain_config())
OURS = Recipe("ours: spectral frequencies, Adam 5e-3", FourierMLP.for_sound, plain_config(learning_rate=5e-3))
# From the plain recipe to ours, one change after the other; and bfloat16, which could be added.
LADDER = (
    PLAIN,
    Recipe("SIREN, Adam 5e-4", lambda clip: SIREN(), plain_config(learning_rate=5e-4)),
    Recipe("SIREN, Adam 5e-3", lambda clip: SIREN(), plain_config(learning_rate=5e-3)),
    Recipe(
        "SIREN, Adam 5e-4, ω₀ 24 000",
        lambda clip: SIREN(SIRENConfig(omega_0=24000.0)),
        plain_config(learning_rate=5e-4),
    ),
    Recipe(
        "octaves: the paper's 4 × 256, Adam 1e-3",
        lambda clip: FourierMLP(FourierMLPConfig()),
        plain_config(learning_rate=1e-3),
    ),
    Recipe("uniform frequencies, 1 × 128, Adam 5e-3", uniform_frequencies, plain_config(learning_rate=5e-3)),
    OURS,
    Recipe("ours in bfloat16", FourierMLP.for_sound, plain_config(learning_rate=5e-3, precision="bfloat16")),
)


def run(quick: bool = False, speech: Path | None = None, limit: float = LIMIT) -> dict:
    """Measure; return clips, runs and ratios.

    Args:
        quick: only see that everything runs.
        speech: folder with one subfolder per speaker; None takes the embedded corpus.
        limit: seconds for each run of the comparison; a run of the ladder gets a fifth.
    """
    limit = 15.0 if quick else limit
    ladder_limit = limit / 5
    clips = _clips(speech, count=1 if quick else 4)
    fit_once(OURS, next(iter(clips.values()))[:4096], limit=2.0)  # the first call of anything is slow
    rows = []
    for name, clip in clips.items():
        ours, plain = fit_once(OURS, clip, limit), fit_once(PLAIN, clip, limit)
        rows.append({"clip": name, "ours": ours, "plain": plain, "ratio": plain["seconds"] / ours["seconds"]})
        more = "" if plain["reached"] else "more than "
        print(f"{name}: {ours['seconds']:.1f} s, plain {more}{plain['seconds']:.1f} s, {more}{rows[-1]['ratio']:.1f} ×")
    name, clip = next(iter(clips.items()))
    ladder = [fit_once(recipe, clip, ladder_limit) for recipe in LADDER]
    return {
        "target_snr_db": TARGET_SNR,
        "limit_seconds": limit,
        "num_samples": NUM_SAMPLES,
        "sample_rate": SAMPLE_RATE,
        "clips": rows,
        "smallest_ratio": min(row["ratio"] for row in rows),
        "ladder": {"clip": name, "limit_seconds": ladder_limit, "runs": ladder},
    }


def fit_once(recipe: Recipe, clip: Tensor, limit: float) -> dict:
    """Fit one clip by one recipe; return what it took, with the curve of SNR over seconds."""
    torch.manual_seed(0)
    config = dataclasses.replace(recipe.config, max_seconds=limit)
    result: FitResult = fit_inr(clip, SAMPLE_RATE, recipe.build(clip), config, progress=False)
    print(f"   {recipe.name}: {result.metrics['snr']:.1f} dB, {result.steps} steps, {result.seconds:.1f} s", flush=True)
    return {
        "recipe": recipe.name,
        "reached": result.stop_reason == "target",
        "seconds": round(result.seconds, 3),
        "steps": result.steps,
        "num_params": result.sound.inr.num_params,
        "metrics": result.metrics,
        "curve": [[round(row["seconds"], 2), round(row["snr"], 2)] for row in result.history],
    }


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
