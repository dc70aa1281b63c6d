"""`hypersound fit FILE`: fit an INR to a recording.

Fit an INR to a recording. Writes the reconstruction (NAME.inr.flac), the weights (NAME.inr.safetensors) and a figure of
both sounds (NAME.inr.png). Ctrl-C stops it and keeps what there is.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from hypersound_lib.cli.flags import add_flags, given_fields
from hypersound_lib.cli.shared import report_channels, save_picture
from hypersound_lib.data import load_audio, save_audio
from hypersound_lib.data.writing import format_of
from hypersound_lib.errors import ConfigError
from hypersound_lib.files import refuse_same
from hypersound_lib.fitting import FitConfig, fit_inr
from hypersound_lib.inr import BASE, INR, LARGE, SIREN, SMALL, FourierMLP, ModulatedSIREN, spectral_config


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.formatter_class = argparse.ArgumentDefaultsHelpFormatter
    parser.add_argument("file", type=Path, help="WAV, FLAC, Ogg, Opus or MP3")
    parser.add_argument("--out", type=Path, default=Path("."), help="folder for the results")
    parser.add_argument("--network", choices=list(_NETWORKS), default="spectral", help="kind of INR")
    parser.add_argument("--start", type=float, default=0.0, help="where to start in the recording, in seconds")
    parser.add_argument("--seconds", type=float, default=3.0, help="how much of it to fit")
    parser.add_argument("--sample-rate", type=int, help="resample to this rate in Hz first (default: the file's own)")
    add_flags(parser, FitConfig, defaults={"learning_rate": "the network's own"})


def run(options: argparse.Namespace) -> int:
    """Fit, print how it goes, and write sound, weights and figure; return 130 when interrupted, else 0."""
    base = options.out / f"{options.file.stem}.inr"
    outputs = [base.with_name(base.name + suffix) for suffix in (".safetensors", ".flac", ".png")]
    refuse_same([options.file], outputs)
    config = FitConfig(**given_fields(options, FitConfig))
    report_channels(options.file)
    waveform, sample_rate = load_audio(options.file, options.sample_rate)
    waveform = _part(waveform, sample_rate, options)
    # So that a bad folder, or a rate that cannot be written, shows before the work, not after.
    format_of(outputs[1], sample_rate)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    build, learning_rate = _NETWORKS[options.network]
    inr = build(waveform, config.seed)
    if "learning_rate" not in options:
        config = replace(config, learning_rate=learning_rate)
    print(f"{len(waveform)} samples at {sample_rate} Hz; {type(inr).__name__} with {inr.num_params} parameters")
    result = fit_inr(waveform, sample_rate, inr, config, callback=_print_row, progress=False)

    reconstruction = result.sound.render()
    result.sound.save(outputs[0])
    save_audio(outputs[1], reconstruction, sample_rate)
    save_picture(outputs[2], {options.file.name: waveform, "INR": reconstruction}, sample_rate, config.seed)
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in result.metrics.items())
    print(f"{numbers}; {result.steps} steps in {result.seconds:.1f} s, stopped by {result.stop_reason}")
    print(f"wrote {base}.safetensors, .flac and .png")
    return 130 if result.stop_reason == "interrupted" else 0


def _part(waveform, sample_rate: int, options: argparse.Namespace):
    """Return the part of the recording that was asked for; say so when something is left out."""
    whole = len(waveform) / sample_rate
    first, count = (round(min(max(0.0, given), whole) * sample_rate) for given in (options.start, options.seconds))
    part = waveform[first : first + count]
    if options.start < 0 or not len(part):
        given = f"--start {options.start}, --seconds {options.seconds}"
        raise ConfigError(f"{given}: not one sample lies there; {options.file} ends after {whole:.2f} s")
    if len(part) < len(waveform):
        print(
            f"fitting {len(part) / sample_rate:.2f} s from {options.start:.2f} s on, of {whole:.2f} s; "
            "--start and --seconds choose another part"
        )
    return part


def _print_row(row: dict[str, float]) -> None:
    terms = [f"{name} {value:.3g}" for name, value in row.items() if name not in ("step", "seconds", "snr")]
    print(f"step {row['step']:5d}  {row['seconds']:7.1f} s  SNR {row['snr']:6.2f} dB  {'  '.join(terms)}", flush=True)


# What builds a network for a waveform and a seed, and the learning rate that suits it.
_NETWORKS: dict[str, tuple[Callable[[Tensor, int], INR], float]] = {
    "spectral": (lambda x, seed: FourierMLP.for_sound(x, spectral_config(len(x)), seed), 5e-3),
    "small": (lambda x, seed: FourierMLP(SMALL), 1e-3),
    "base": (lambda x, seed: FourierMLP(BASE), 1e-3),
    "large": (lambda x, seed: FourierMLP(LARGE), 1e-3),
    "siren": (lambda x, seed: SIREN(), 1e-4),
    "modulated": (lambda x, seed: ModulatedSIREN(), 1e-4),
}
