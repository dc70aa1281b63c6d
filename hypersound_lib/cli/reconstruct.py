"""`hypersound reconstruct [MODEL] IN OUT`: send a recording through a trained model.

Encode a recording with a trained model, play it at any sample rate, and say how far the two are apart. A local model
compresses and decompresses it.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from hypersound_lib.cli.shared import kbps, report_band, report_channels, report_finest, save_picture, write_sound
from hypersound_lib.coding.files import compress_file, decompress_file, survey_file, watched
from hypersound_lib.coding.rate import Rate
from hypersound_lib.data.audio import opened, read_blocks
from hypersound_lib.data.waveforms import exactly, resample_blocks, resampled_length
from hypersound_lib.devices import choose_device
from hypersound_lib.errors import ConfigError
from hypersound_lib.files import refuse_same
from hypersound_lib.metrics.blocks import compare_blocks
from hypersound_lib.models import load_model

_DRAWN = 10.0  # seconds of both that a picture shows


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    of_model = "a training run's folder, a model's folder or name, or owner/name on the hub (default: local)"
    parser.add_argument("model", nargs="?", default="local", help=of_model)
    parser.add_argument("file", type=Path, metavar="in", help="WAV, FLAC, Ogg, Opus or MP3")
    parser.add_argument("out", type=Path, help="audio file to write: .flac, .wav or .ogg")
    parser.add_argument("--kbps", type=float, metavar="N", help="kbit/s of a local model, at most (default: 6)")
    parser.add_argument("--sample-rate", type=int, help="of OUT, in Hz (default: the model's own)")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="draw both, as waveforms above spectrograms")
    parser.add_argument("--device", default="auto", help="auto takes a GPU if there is one; or cpu, cuda, …")


def run(options: argparse.Namespace) -> None:
    """Reconstruct, write, and compare; neither sound is held in memory."""
    refuse_same([options.file], [options.out] + ([] if options.picture is None else [options.picture]))
    device = choose_device(options.device)
    model = load_model(options.model).to(device)
    model_rate = model.config.sample_rate
    rate = model_rate if options.sample_rate is None else options.sample_rate
    report_channels(options.file)
    reconstruct = _by_blocks if model.default_kbps is None else _through_bytes
    samples, file_rate, seconds = reconstruct(model, options, rate)
    print(f"wrote {options.out}: {samples} samples at {rate} Hz, {samples / rate:.2f} s")
    report_band(options.file, file_rate, model_rate)
    if rate in (file_rate, model_rate):
        print(_compare(options, file_rate, rate, seconds))
    if options.picture is not None:
        original, copy = _beginning(options.file, file_rate, rate), _beginning(options.out, rate, rate)
        save_picture(options.picture, {options.file.name: original, Path(options.model).name: copy}, rate)
        print(f"wrote {options.picture}")


def _by_blocks(model, options: argparse.Namespace, rate: int) -> tuple[int, int, float]:
    """Write the copy; return its samples, and the original's rate and seconds."""
    if options.kbps is not None:
        raise ConfigError(f"--kbps is for local models, which write files; {options.model} is none")
    with opened(options.file) as file:
        file_rate, seconds = file.samplerate, file.num_frames / file.samplerate
    played = model.reconstruct_blocks(lambda: read_blocks(options.file), file_rate, rate)
    return write_sound(options.out, played, rate), file_rate, seconds


def _through_bytes(model, options: argparse.Namespace, rate: int) -> tuple[int, int, float]:
    """Do what `_by_blocks` does by a file's content, which is held in memory."""
    limit, source, data = Rate.of(options.kbps, None), survey_file(model, options.file), b""

    def copied() -> Iterator[Tensor]:  # once OUT can be written
        nonlocal data
        data = b"".join(compress_file(model, source, limit))
        total = resampled_length(source.num_samples, source.sample_rate, rate)
        yield from exactly(total, decompress_file(model, data, rate))

    samples = write_sound(options.out, copied(), rate)
    print(f"through {len(data)} bytes, {kbps(len(data), source.seconds):.2f} kbit/s")
    report_finest(model, data, options.kbps)
    return samples, source.sample_rate, source.seconds


def _beginning(path: Path, file_rate: int, rate: int) -> Tensor:
    """Return what a picture shows of a recording, at a rate; no more of it is read."""
    parts: list[Tensor] = []
    for block in resample_blocks(read_blocks(path), file_rate, rate):
        parts.append(block)
        if sum(map(len, parts)) >= _DRAWN * rate:
            break
    return torch.cat(parts)[: round(_DRAWN * rate)]


def _compare(options: argparse.Namespace, file_rate: int, rate: int, seconds: float) -> str:
    """Say how far the copy is from the original at the same rate."""
    read = watched(read_blocks(options.file), file_rate, seconds, "compare")
    values = compare_blocks(resample_blocks(read, file_rate, rate), read_blocks(options.out), rate)
    numbers = f"SNR {values['snr']:.2f} dB, NMSE {values['nmse']:.4g}"
    distance = values["lsd"]  # or why a short sound has none
    return f"{numbers}, LSD {distance:.3g}" if isinstance(distance, float) else f"{numbers} ({distance})"
