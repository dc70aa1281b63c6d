"""A small entropy model, integers as packets hold them, and what is in a file."""

import torch

from hypersound_lib.coding.container import Header, read_packets
from hypersound_lib.coding.entropy import EntropyModel

SIDE, WAVES, HELD = 3, 16, 2


def make_entropy(seed=0, side=SIDE, waves=WAVES, held=HELD):
    """Return a model with random weights, all of which have a say, and fixed tables."""
    torch.manual_seed(seed)
    model = EntropyModel(side, waves, width=20, near=6, sign=6, held=held)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith("weight"):
                p.normal_(std=1.5 * p.shape[1] ** -0.5)
        for table in (model.side_table, model.wave_table, model.excess.table):
            table.logits += 0.3 * torch.randn_like(table.logits)
    model.freeze()
    return model.eval()


def integers(packets, frames, seed=0, scale=2.0, side=SIDE, waves=WAVES, held=HELD):
    """Return side numbers `(P, ⌈K / held⌉, D)` and waves `(P, K, M)`; most are small, lower waves larger."""
    generator = torch.Generator().manual_seed(seed)
    h = scale * torch.randn(packets, -(-frames // held), side, generator=generator)
    y = scale * torch.randn(packets, frames, waves, generator=generator) * torch.linspace(2, 0, waves)
    return h.round(), y.round()


def contents(data, count):
    """Return the header of a file, and its packets, so many."""
    header, at = Header.from_bytes(data)
    return header, list(read_packets(data, at, count))
