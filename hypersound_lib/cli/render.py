"""`hypersound render WEIGHTS OUT`: evaluate an INR at any sample rate.

Evaluate an INR that `hypersound fit` wrote, at any sample rate.
"""

import argparse
from pathlib import Path

from hypersound_lib.data.writing import format_of, save_audio
from hypersound_lib.files import refuse_same
from hypersound_lib.fitting.fitted_sound import FittedSound


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("weights", type=Path, help="a .safetensors file that `hypersound fit` wrote")
    parser.add_argument("out", type=Path, help="audio file to write: .flac, .wav or .ogg")
    parser.add_argument("--sample-rate", type=int, help="in Hz (default: the recording's own)")


def run(options: argparse.Namespace) -> None:
    """Evaluate and write."""
    refuse_same([options.weights], [options.out])
    sound = FittedSound.load(options.weights)
    rate = sound.sample_rate if options.sample_rate is None else options.sample_rate
    format_of(options.out, rate)  # so that what cannot be written shows before the work, not after
    waveform = sound.render(rate)
    save_audio(options.out, waveform, rate)
    print(f"wrote {options.out}: {len(waveform)} samples at {rate} Hz")
