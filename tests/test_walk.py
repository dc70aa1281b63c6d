"""A sound's way to θ and back passes through few files, and through none of them twice."""

import sys
from pathlib import Path

import pytest
import torch

import hypersound_lib
from hypersound_lib import load_model

LIBRARY = Path(hypersound_lib.__file__).parent
# The folders of the models. A file elsewhere is a helper: it checks what it is given (errors, data/waveforms, and the
# base class in hub/model), makes the instants that are asked for (coords), or is a short function that PyTorch lacks
# (coding/tensors rounds, clamps and shifts; coding/rate scales a number; devices looks up a constant that was made).
MODELS = ("hypersound/", "local/", "inr/")
HELPERS = {
    "errors.py",
    "coords.py",
    "devices.py",
    "data/waveforms.py",
    "hub/model.py",
    "coding/tensors.py",
    "coding/rate.py",
}


def called(frame) -> str | None:
    """Return the library's file whose code a frame runs, as a path in it."""
    path = Path(frame.f_code.co_filename)
    return path.relative_to(LIBRARY).as_posix() if path.is_relative_to(LIBRARY) else None


def walk(call) -> tuple[list[str], set[str]]:
    """Return the models' files that a call enters, in order and once for each time, and the helpers that it uses.

    A file is entered where one of its functions is called from another of the models' files, or from outside; PyTorch
    and helpers on the way are looked through. To return to a caller is not to enter it.
    """
    entered, helpers = [], set()

    def note(frame, event, _):
        file = called(frame) if event == "call" else None
        if file is None:
            return
        if not file.startswith(MODELS):
            helpers.add(file)
            return
        caller = frame.f_back
        while caller is not None and not (called(caller) or "").startswith(MODELS):
            caller = caller.f_back
        if caller is None or called(caller) != file:
            entered.append(file)

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return entered, helpers


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hypersound-small", ["hypersound/model", "hypersound/encoder", "hypersound/hypernetwork", "inr/fourier_mlp"]),
        ("local", ["local/model", "local/waves", "local/networks", "local/target"]),
    ],
)
@torch.no_grad()
def test_a_waveform_to_theta_and_back_enters_four_files_once_each(name, expected):
    """`model(waveform)` is what the paper describes, and what training calls; of the local model, integers included.

    Tables of waves and windows are made for the first sound of a rate, so the second one is followed.
    """
    model = load_model(name)
    waveform = 0.1 * torch.randn(1, model.config.num_samples, generator=torch.Generator().manual_seed(0))
    model(waveform)
    entered, helpers = walk(lambda: model(waveform))
    assert entered == [f"{file}.py" for file in expected]
    assert helpers <= HELPERS


def test_entering_twice_is_counted_twice():
    theta, waveform = torch.zeros(1, 4, 320), torch.zeros(1, 640)
    model = load_model("local")
    model.decode(theta, 640)
    entered, _ = walk(lambda: (model.transform(waveform), model.decode(theta, 640), model.transform(waveform)))
    assert entered == ["local/waves.py", "local/model.py", "local/target.py", "local/waves.py"]
