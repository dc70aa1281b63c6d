"""`torch.compile` finds one graph in model and loss, without a break, and it serves the windows of all steps."""

import dataclasses

import pytest
import torch

from hypersound_lib.coding import entropy
from hypersound_lib.losses import ReconstructionLoss
from hypersound_lib.models import build_model
from hypersound_lib.presets import PRESETS

SAMPLES = 2048  # of a clip: the graph does not depend on it


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_model_and_loss_are_one_graph(name, monkeypatch):
    monkeypatch.setattr(entropy, "_is_dense", lambda device: True)  # as on a GPU
    preset = PRESETS[name]
    config = dataclasses.replace(preset.model, num_samples=min(SAMPLES, preset.model.num_samples))
    torch.manual_seed(0)
    model = build_model(config).train()
    loss = ReconstructionLoss(preset.training.loss, config.sample_rate)
    clips = 0.3 * torch.randn(2, config.num_samples)
    # The local model compiles its windows one by one; its preset has none.
    whole = name == "local"
    count = config.num_samples if whole else max(loss.min_samples, config.num_samples // 2)

    def total(clips, start, reference):
        estimate, costs = model(clips, start, count, with_costs=True)
        return loss.total(loss(estimate.float(), reference)) + sum(costs.values())

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    graphs: list = []
    torch._dynamo.reset()
    compiled = torch.compile(total, backend=backend, fullgraph=True)
    for first in (0,) if whole else (0, 1, 2, config.num_samples - count):
        start, reference = first if whole else torch.tensor(first), clips[:, first : first + count]
        torch.manual_seed(1)  # of the local model's knob
        found = compiled(clips, start, reference)
        torch.manual_seed(1)
        torch.testing.assert_close(found, total(clips, first, reference))
    assert len(graphs) == 1
