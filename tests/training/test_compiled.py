"""`torch.compile` finds one graph in model and loss, without a break, and it serves the windows of all steps."""

import pytest
import torch

from hypersound_lib.coding import entropy
from hypersound_lib.presets import PRESETS
from tests.training.tiny import shortened


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_model_and_loss_are_one_graph(name, monkeypatch):
    monkeypatch.setattr(entropy, "_is_dense", lambda device: True)  # as on a GPU
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
        found = compiled(clips, start, reference)
        torch.manual_seed(1)
        torch.testing.assert_close(found, total(clips, first, reference))
    assert len(graphs) == 1
