"""Exact networks give the same numbers in whatever order their sums are taken, down to the last bit."""

from fractions import Fraction

import pytest
import torch

from hypersound_lib.coding.exact import ExactNetwork, snap

SIZES = (60, 33, 33, 7)


def make(seed=0, scale=0.3, sizes=SIZES):
    torch.manual_seed(seed)
    network = ExactNetwork(*sizes)
    with torch.no_grad():
        for p in network.parameters():
            p.normal_(std=scale)
    return network


def inputs(rows, seed=0, width=SIZES[0], scale=5.0):
    generator = torch.Generator().manual_seed(seed)
    return snap(scale * torch.randn(rows, width, generator=generator, dtype=torch.float64))


@pytest.fixture
def threads():
    """Let a test set the number of threads, and set it back."""
    count = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(count)


def test_threads_and_batches_change_no_bit(threads):
    network, x = make().exact(), inputs(5000)
    threads(1)
    whole = network(x)
    assert whole.std() > 0.1
    threads(2)
    assert torch.equal(network(x), whole)
    for size in (1, 7, 1024):
        assert torch.equal(torch.cat([network(part) for part in x[:2048].split(size)]), whole[:2048])
    columns = x.T.contiguous().T  # other memory, other kernels
    assert torch.equal(network(columns), whole)


@pytest.mark.parametrize("scale", [0.01, 0.3, 100.0])
def test_the_order_of_sums_changes_no_bit(scale):
    network, other, x = make(scale=scale).exact(), make(scale=scale).exact(), inputs(300, scale=50.0)
    with torch.no_grad():
        order = torch.randperm(SIZES[0])
        other.layers[0].weight.copy_(network.layers[0].weight[:, order])
        hidden = torch.randperm(SIZES[1])
        other.layers[0].weight.copy_(other.layers[0].weight[hidden])
        other.layers[0].bias.copy_(network.layers[0].bias[hidden])
        other.layers[1].weight.copy_(network.layers[1].weight[:, hidden])
    assert torch.equal(other(x[:, order]), network(x))


@pytest.mark.parametrize("scale", [0.3, 100.0])
def test_it_is_what_integers_give(scale):
    """The same with Python's integers, which know no rounding; with large weights at the ends of all ranges."""
    network, x = make(scale=scale, sizes=(1100, 9, 5)), inputs(3, width=1100, scale=60.0)
    layers = [[[on_grid(w, 16) for w in ws.tolist()] for ws in (*p.weight, p.bias)] for p in network.layers]
    for row, found in zip(x, network.exact()(x), strict=True):
        values = [Fraction(v) for v in row.tolist()]
        for number, (*rows, biases) in enumerate(layers):
            values = [max(v, Fraction(0)) for v in values] if number else values
            sums = (sum(w * v for w, v in zip(ws, values, strict=True)) for ws in rows)
            values = [on_grid(s + b, 64) for s, b in zip(sums, biases, strict=True)]
        assert [float(v) for v in values] == found.tolist()


def on_grid(number, most):
    return Fraction(round(1024 * min(max(Fraction(number), Fraction(-most)), Fraction(most))), 1024)


def test_exact_twice_is_exact_once():
    network, x = make().exact(), inputs(20)
    once = network(x)
    assert torch.equal(network.exact()(x), once)


@pytest.mark.parametrize("exact", [False, True])
def test_columns_are_the_same_as_rows(exact):
    network, x = make().exact() if exact else make().double(), inputs(20)
    columns = torch.cat([x.T, torch.ones(1, len(x)).double()])
    torch.testing.assert_close(network.columns(columns), network(x).T, rtol=0, atol=0 if exact else 1e-12)
    mirrored = torch.cat([-x[:, :2], x[:, 2:]], dim=1)
    difference = network.odd_columns(columns[:2], columns[2:])
    torch.testing.assert_close(difference, (network(x) - network(mirrored)).T, rtol=0, atol=0 if exact else 1e-12)
    assert difference.abs().max() > 0.1


def test_training_computes_nearly_the_same():
    x = inputs(500, scale=1.0)
    near, exact = make(scale=0.1)(x.float()), make(scale=0.1).exact()(x)
    torch.testing.assert_close(near.double(), exact, rtol=0, atol=0.01)
