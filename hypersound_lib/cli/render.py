"""`hypersound render WEIGHTS OUT`: turn an INR back into a sound."""

import argparse
from pathlib import Path


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    render = commands.add_parser(
        "render",
        help="evaluate an INR at any sample rate",
        description="Evaluate an INR that `hypersound fit` wrote, at any sample rate.",
    )
    render.add_argument("weights", type=Path, help="a .safetensors file that `hypersound fit` wrote")
    render.add_argument("out", type=Path, help="audio file to write: .flac, .wav or .ogg")
    render.add_argument("--sample-rate", type=int, help="in Hz (default: the recording's own)")
    render.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Evaluate and write."""
    from hypersound_lib.data import save_audio
    from hypersound_lib.data.writing import format_of
    from hypersound_lib.files import refuse_same
    from hypersound_lib.fitting.fitted_sound import FittedSound

    refuse_same([options.weights], [options.out])
    sound = FittedSound.load(options.weights)
    rate = sound.sample_rate if options.sample_rate is None else options.sample_rate
    format_of(options.out, rate)  # so that what cannot be written shows before the work, not after
    waveform = sound.render(rate)
    save_audio(options.out, waveform, rate)
    print(f"wrote {options.out}: {len(waveform)} samples at {rate} Hz")
