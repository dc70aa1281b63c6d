"""The fused kernels compute what the layers of `FourierMLP` compute, and fit the GPUs that they are made for."""

import dataclasses
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from hypersound_lib.errors import ConfigError
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.inr import BASE, LARGE, SMALL, FourierMLP, FourierMLPConfig, SIRENConfig
from hypersound_lib.training.processes import Processes
from hypersound_lib.training.run import Run, _check_fusable
from tests.simulated_device import simulated_device
from tests.training.tiny import MODEL, changed, make_model, run_training

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not importlib.util.find_spec("triton"), reason="Triton comes with torch for CUDA on Linux"),
]
# Bytes of memory that a program may share, and the most that a thread may put aside for want of registers.
SHARED = {80: 163 * 1024, 86: 99 * 1024, 90: 227 * 1024, 120: 99 * 1024}
ASIDE = 2048
FLOATS = ("sound", "given")
NUMBERS = ("num_samples",)


@pytest.fixture(scope="module")
def interpreted():
    """What the interpreter finds, by case; in a process of its own, since Triton must be told before it is imported."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.inr.interpreted"]
    settings = os.environ | {"TRITON_INTERPRET": "1"}
    child = subprocess.run(command, cwd=root, env=settings, capture_output=True, text=True, timeout=600)
    assert child.returncode == 0, child.stderr[-2000:]
    return json.loads(child.stdout)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_the_kernels_compute_what_the_layers_compute(interpreted, precision):
    """For widths, lengths and depths that do and do not fill a chunk or a tile; about as near to float64.

    Not nearer: a unit whose sum is rounded to the other side of 0 has another gradient.
    """
    rows = {case: errors for case, errors in interpreted.items() if case.endswith(precision) and "model" not in case}
    assert len(rows) == 4
    for case, errors in rows.items():
        for i in (0, 1):
            assert 0 < errors[f"kernels {i}"] < 1.5 * errors[f"layers {i}"] < 0.02, case


def test_it_compiles_into_one_graph_and_hides_no_nan(interpreted):
    assert interpreted["compiled"] < 1e-6
    assert interpreted["nan"] == [False, True, True]


def test_a_model_learns_the_same(interpreted):
    """Its sound, and the gradients of all parameters; both ways round to float16."""
    assert 0 < interpreted["model float16"]["kernels 0"] < 0.001
    assert 0 < interpreted["model float16"]["kernels 1"] < 0.01


@pytest.mark.parametrize(
    ("config", "capability"), [(SMALL, 80), (BASE, 80), (BASE, 86), (BASE, 90), (LARGE, 90), (BASE, 120)]
)
def test_the_kernels_fit_a_gpu(config, capability, tmp_path, monkeypatch):
    """They are compiled for it, here, without it."""
    if not _tool().exists():
        pytest.skip("this Triton comes without NVIDIA's cuobjdump, which says what a thread puts aside")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    from hypersound_lib.inr import fused, fused_kernels

    units = 128 if capability == 90 and config.width > 64 else 64  # see fused.chunk_units
    sizes = {"LAYERS": config.hidden_layers, "CHUNKS": config.width // units, "UNITS": units}
    assert capability // 10 in fused.CAPABILITIES
    of_play = {"INPUTS": 2 * config.num_octaves, "KEEP": True}
    for kernel, more in ((fused_kernels.play, of_play), (fused_kernels.differentiate, {})):
        code = _compile(kernel, sizes | more, capability, fused.OPTIONS)
        assert code.metadata.shared <= SHARED[capability]
        assert "mma" in code.asm["ptx"]  # products go to the tensor cores
        assert ("max.NaN" in code.asm["ptx"]) == (kernel is fused_kernels.play)
        assert _aside(code.asm["cubin"], tmp_path) <= ASIDE


def _compile(kernel, sizes, capability, options):
    """Compile a kernel in bfloat16 for pointers that are multiples of 16, as torch's are."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = [p.name for p in kernel.params]
    kinds = dict.fromkeys(names, "*bf16") | dict.fromkeys(FLOATS, "*fp32") | dict.fromkeys(NUMBERS, "i32")
    signature = {name: "constexpr" if name in sizes else kinds[name] for name in names}
    aligned = {(i,): [["tt.divisibility", 16]] for i, name in enumerate(names) if signature[name][0] == "*"}
    source = ASTSource(kernel, signature=signature, constexprs=sizes, attrs=aligned)
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)


def _tool():
    """Return where NVIDIA's tool lies that comes with Triton."""
    return Path(importlib.util.find_spec("triton").origin).parent / "backends" / "nvidia" / "bin" / "cuobjdump"


def _aside(cubin, folder):
    """Return how many bytes a thread puts aside."""
    file = folder / "kernel.cubin"
    file.write_bytes(cubin)
    text = subprocess.run([_tool(), "-res-usage", file], capture_output=True, text=True, check=True).stdout
    return int(text.split("STACK:")[1].split()[0])


@pytest.mark.parametrize("wanted", [True, False])
def test_a_model_is_fused_for_a_training_alone(wanted):
    model, bar = make_model(), SimpleNamespace(disable=True)
    run = SimpleNamespace(config=changed(fused=wanted), model=model, log=SimpleNamespace(bar=bar))
    run.accelerator, run.processes = SimpleNamespace(device=torch.device("cpu")), Processes()
    with Run.learning(run):
        assert model.target.fused is wanted
    assert not model.target.fused
    with pytest.raises(ZeroDivisionError), Run.learning(run):
        1 / 0  # noqa: B018 - a training that fails
    assert not model.target.fused


def test_what_cannot_be_fused_is_refused(tmp_path, monkeypatch):
    """On a CPU, in float32, for other networks, and for weights that all items share."""
    from hypersound_lib.inr import fused

    with pytest.raises(ConfigError, match=r"here are cpu .* bfloat16 and FourierMLP"):
        run_training(tmp_path, fused=True, precision="bfloat16")

    def on_gpu(precision="bfloat16", **changes):
        with simulated_device():
            _check_fusable(HyperSound(dataclasses.replace(MODEL, **changes)), precision, torch.device("cuda", 0))

    on_gpu()
    for changes, message in (
        ({"precision": "float32"}, "float32 and FourierMLP"),
        ({"target": SIRENConfig(1, 8)}, "bfloat16 and SIREN"),
        ({"shared": ("layers.0.weight",)}, "shares no weights"),
        ({"target": FourierMLPConfig(1, 400, 4)}, "at most 384 units and 128 inputs, not 400 and 8"),
    ):
        with pytest.raises(ConfigError, match=message):
            on_gpu(**changes)
    for capability in ((7, 5), (10, 0)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, found=capability: found)
        with pytest.raises(ConfigError, match=re.escape(str(capability))):
            _check_fusable(make_model(), "float16", torch.device("cuda", 0))
    target = FourierMLP(FourierMLPConfig(1, 8, 4))
    params, features = dict(target.named_parameters()), torch.zeros(16, 8)
    with pytest.raises(ConfigError, match="all weights generated"):
        fused.play(features, params, 1)
