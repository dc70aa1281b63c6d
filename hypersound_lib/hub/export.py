"""Models for programs that have no `hypersound_lib`: `encode` and `decode` as two graphs, by torch.export.

A graph holds weights, constants and operations alone. `torch.export.load` reads it where there is torch, AOTInductor
compiles it for C++, and with the packages onnx and onnxscript `torch.onnx.export` turns it into ONNX. Around the graphs
remains what `reconstruct` does: resampling, and scale and overlap of clips; for local models the coder of `.hs` files.
"""

import copy
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram

from hypersound_lib.coords import clip_duration, samples_in
from hypersound_lib.errors import ConfigError
from hypersound_lib.hub.model import PretrainedModel


class _Method(nn.Module):
    """A method of a model, with its settings, without the `parts` that it does not need: a graph would hold them."""

    def __init__(self, model: PretrainedModel, name: str, settings: tuple[int, ...], parts: Sequence[str]):
        super().__init__()
        self.model, self.name, self.settings = copy.copy(model), name, settings
        self.model._modules = {key: part for key, part in model._modules.items() if key not in parts}

    def forward(self, given: Any) -> Any:
        return getattr(self.model, self.name)(given, *self.settings)


@torch.no_grad()
def export_programs(
    model: PretrainedModel, *, num_samples: int | None = None, sample_rate: int | None = None, knob: int | None = None
) -> dict[str, ExportedProgram]:
    """Return `{"encode": (1, T) -> code, "decode": code -> (1, T')}`, with what the model's own methods give.

    Args:
        model: a `HyperSound` or a `LocalHyperSound`, on the CPU.
        num_samples: T, at the model's rate; None, as a `HyperSound` wants it: the length of its training clips.
        sample_rate: at which rate `decode` plays, in Hz; None stands for the model's own.
        knob: of a local model, which takes as input one position of its rate knob, from 0, the finest, to 255.

    Raises:
        ConfigError: the model cannot be asked for that.

    >>> from hypersound_lib import HyperSound
    >>> from hypersound_lib.presets import preset
    >>> programs = export_programs(HyperSound(preset("tutorial").model), sample_rate=44100)
    >>> code = programs["encode"].module()(torch.zeros(1, 2048))
    >>> programs["decode"].module()(code).shape
    torch.Size([1, 11290])
    """
    if model.kind not in ("HyperSound", "LocalHyperSound"):
        raise ConfigError(f"a {model.kind} cannot be exported; export a HyperSound or a LocalHyperSound")
    if knob is not None and model.kind == "HyperSound":
        raise ConfigError(f"a HyperSound has no rate knob: leave knob={knob} out")
    rate = model.config.sample_rate if sample_rate is None else sample_rate
    count = model.config.num_samples if num_samples is None else num_samples
    played = samples_in(clip_duration(count, model.config.sample_rate), rate)
    encode = _Method(model, "encode", () if knob is None else (knob,), ("target", "entropy")).eval()
    writers = ("encoder", "steps", "entropy", "hypernetwork", "generator")
    decode = _Method(model, "decode", (played, rate), writers).eval()
    waveform = torch.zeros(1, count)
    code = encode(waveform)
    decode(code)  # what cannot be played is refused by the model, in its own words
    return {
        "encode": torch.export.export(encode, (waveform,)),
        "decode": torch.export.export(decode, (code,)),
    }


def save_programs(programs: dict[str, ExportedProgram], folder: str | os.PathLike) -> dict[str, int]:
    """Write each program as `NAME.pt2` for `torch.export.load`, and return their sizes in bytes."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, program in programs.items():
        torch.export.save(program, folder / f"{name}.pt2")
    return {name: (folder / f"{name}.pt2").stat().st_size for name in programs}
