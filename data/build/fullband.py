"""``data/fullband``: 48 kHz sounds from formulas, as 16-bit FLAC, for experiments with sample rates.

    fullband/
      manifest.csv     one line per sound
      pluck.flac       …

Recordings of this bandwidth with a free licence are rare; a formula says exactly what lies above 11 kHz.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from storage import describe_audio, encode_flac, write_csv
from strokes import cricket, cymbal, drum, fire, glass, rain, shaker
from tones import SAMPLE_RATE, bar, bell, bird, brass, comb, flute, pluck, saw_glide, sweep
from voiced import breath, sibilants, vowels_high, vowels_low

Generator = Callable[[], np.ndarray]
PITCHED: tuple[Generator, ...] = (pluck, bar, bell, sweep, saw_glide, brass, flute, comb, bird)
VOICED: tuple[Generator, ...] = (vowels_low, vowels_high, sibilants, breath)
STRUCK: tuple[Generator, ...] = (drum, cymbal, glass, rain, fire, shaker, cricket)
SOUNDS: dict[str, Generator] = {generator.__name__: generator for generator in PITCHED + VOICED + STRUCK}

COLUMNS = ["path", "name", "seconds", "num_samples", "sample_rate", "description", "sha256", "pcm_sha256"]
PEAK = 0.8  # of full scale
FADE = SAMPLE_RATE // 100  # samples of fade at the end: 10 ms


def finish(waveform: np.ndarray) -> np.ndarray:
    """Remove DC, fade the end, set the peak to ``PEAK`` and round to 16 bits: ``(T,)`` float to ``(T,)`` int16.

    Only the end is faded: an attack at sample 0 stays as sharp as the formula made it.
    """
    waveform = waveform - waveform.mean()
    waveform[-FADE:] *= np.linspace(1.0, 0.0, FADE)
    return np.round(waveform * (PEAK * 32767 / np.abs(waveform).max())).astype(np.int16)


def build_fullband(root: Path) -> None:
    """Write every sound and the manifest into the empty folder ``root``."""
    rows = []
    for name, generator in SOUNDS.items():
        path = root / f"{name}.flac"
        path.write_bytes(encode_flac(finish(generator()), SAMPLE_RATE))
        description = generator.__doc__.splitlines()[0].rstrip(".")
        rows.append({"name": name, "description": description} | describe_audio(root, path))
    write_csv(root / "manifest.csv", COLUMNS, rows)
    print(f"fullband: {len(rows)} sounds", flush=True)
