"""`torch.compile` finds one graph in model and loss, without a break, and it serves the windows of all steps."""

import pytest
import torch
from torch._dynamo.utils import counters
from torch._inductor import cpp_builder
from torch._inductor.exc import InvalidCxxCompiler

from hypersound_lib.coding import tensors
from hypersound_lib.presets import PRESETS
from hypersound_lib.training.run import Run
from tests.local.small import make_model as make_local
from tests.training.tiny import run_training, shortened


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_model_and_loss_are_one_graph(name, monkeypatch):
    monkeypatch.setattr(tensors, "_is_dense", lambda device: True)  # as on a GPU
    model, loss, clips = shortened(name)  # neither graph nor counts depend on length and width
    # The local model compiles its windows one by one; its preset has none.
    whole = name == "local"
    count = clips.shape[-1] if whole else max(loss.min_samples, clips.shape[-1] // 2)

    def total(clips, start, reference):
        estimate, costs = model(clips, start, count, with_costs=True)
        return loss.total(loss(estimate.float(), reference)) + sum(costs.values())

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    graphs: list = []
    torch._dynamo.reset()
    compiled = torch.compile(total, backend=backend, fullgraph=True)
    for first in (0,) if whole else (0, 1, 2, clips.shape[-1] - count):
        start, reference = first if whole else torch.tensor(first), clips[:, first : first + count]
        torch.manual_seed(1)  # of the local model's knob
        expected = total(clips, first, reference)  # before, as a training runs its model once before it is compiled
        torch.manual_seed(1)
        torch.testing.assert_close(compiled(clips, start, reference), expected)
    assert len(graphs) == 1


@pytest.mark.slow
def test_a_compiled_training_learns_what_a_plain_one_does_from_one_graph_for_all_windows(tmp_path, monkeypatch):
    try:
        cpp_builder.get_cpp_compiler()
    except InvalidCxxCompiler:
        pytest.skip("torch.compile needs a C++ compiler, and there is none here: install g++")
    windows, draw_window = [], Run.draw_window

    def draw_and_note(self):
        windows.append(draw_window(self))
        return windows[-1]

    monkeypatch.setattr(Run, "draw_window", draw_and_note)
    plain = run_training(tmp_path / "plain", steps=4)
    torch._dynamo.reset()
    counters.clear()
    compiled = run_training(tmp_path / "compiled", steps=4, compile=True)
    assert len({int(first) for first, _ in windows}) > 2
    assert counters["stats"]["unique_graphs"] == 1
    assert not counters["graph_break"]
    expected = dict(plain.model.named_parameters())
    for name, p in compiled.model.named_parameters():
        torch.testing.assert_close(p, expected[name], rtol=0, atol=1e-5)


def test_a_local_model_that_has_run_once_compiles_with_its_gradients():
    """Of what a compiler must assume, AOTAutograd takes one tensor only; the model keeps several."""
    model, clips = make_local().train(), torch.randn(2, 1600, generator=torch.Generator().manual_seed(0)) / 8

    def gradients(play):
        model.zero_grad()
        torch.manual_seed(1)  # of the knob
        sound, costs = play(clips, with_costs=True)
        (sound.square().mean() + sum(costs.values())).backward()
        return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}

    expected = gradients(model)
    torch._dynamo.reset()
    found = gradients(torch.compile(model, backend="aot_eager"))
    assert found.keys() == expected.keys() != set()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient)
