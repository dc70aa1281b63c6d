"""The kernels of `hypersound_lib.inr.fused`: a ReLU network forward, and backward through its activations, in Triton.

One program of the GPU takes `INSTANTS` instants of one clip, a tile, through all layers. A layer's units come in chunks
of `UNITS`: a chunk of activations is `(INSTANTS, UNITS)`, one of a weight matrix `(UNITS, UNITS)`. A layer's chunks are
a tuple, for which the compiler finds registers (not all, where six chunks are many). With A₀ the features and
Aᵢ₊₁ = relu(Aᵢ Wᵢᵀ + bᵢ), the kernels write, for each layer,

    forward:  Aᵢ₊₁, if it is wanted;
    backward: Gᵢ = dL/dAᵢ₊₁ where Aᵢ₊₁ > 0, else 0, from the layer above it: dL/dAᵢ = Gᵢ Wᵢ.

What remains are plain matrix products over all instants: dL/dWᵢ = Gᵢᵀ Aᵢ, and dL/dbᵢ = Σₜ Gᵢ.
"""

import triton
import triton.language as tl

INSTANTS = tl.constexpr(64)


@triton.jit
def _relu(x):
    """Return max(x, 0); NaN stays NaN, as in torch, so that a training sees it."""
    return tl.maximum(x, 0.0, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def _first_layer(x, weight, bias, CHUNKS: tl.constexpr, UNITS: tl.constexpr, INPUTS: tl.constexpr):
    """Return relu(x Wᵀ + b) as a tuple of chunks."""
    unit, column = tl.arange(0, UNITS), tl.arange(0, INPUTS)
    out = ()
    for n in tl.static_range(CHUNKS):
        w = tl.load(weight + (unit + n * UNITS)[None, :] * INPUTS + column[:, None])  # of Wᵀ
        total = tl.dot(x, w, input_precision="ieee") + tl.load(bias + n * UNITS + unit)[None, :].to(tl.float32)
        out = out + (_relu(total).to(x.dtype),)  # noqa: RUF005 - Triton knows no other way
    return out


@triton.jit
def _next_layer(h, weight, bias, CHUNKS: tl.constexpr, UNITS: tl.constexpr):
    """Return relu(h Wᵀ + b); h and the result are tuples of chunks."""
    unit = tl.arange(0, UNITS)
    out = ()
    for n in tl.static_range(CHUNKS):
        total = tl.zeros((INSTANTS, UNITS), tl.float32) + tl.load(bias + n * UNITS + unit)[None, :].to(tl.float32)
        for k in tl.static_range(CHUNKS):
            w = tl.load(weight + (unit + n * UNITS)[None, :] * (CHUNKS * UNITS) + (unit + k * UNITS)[:, None])
            total = tl.dot(h[k], w, total, input_precision="ieee")
        out = out + (_relu(total).to(h[0].dtype),)  # noqa: RUF005
    return out


@triton.jit
def _layer_below(g, weight, activations, at, inside, CHUNKS: tl.constexpr, UNITS: tl.constexpr):
    """Return G W where the activations of the layer below are above 0; g and the result are tuples of chunks."""
    unit = tl.arange(0, UNITS)
    out = ()
    for k in tl.static_range(CHUNKS):
        total = tl.zeros((INSTANTS, UNITS), tl.float32)
        for n in tl.static_range(CHUNKS):
            w = tl.load(weight + (unit + n * UNITS)[:, None] * (CHUNKS * UNITS) + (unit + k * UNITS)[None, :])
            total = tl.dot(g[n], w, total, input_precision="ieee")
        h = tl.load(activations + at + k * UNITS, mask=inside, other=0.0)
        out = out + (tl.where(h <= 0, 0.0, total).to(h.dtype),)  # noqa: RUF005
    return out


@triton.jit
def _store(h, place, inside, CHUNKS: tl.constexpr, UNITS: tl.constexpr):
    """Write a layer's chunks beside each other."""
    for k in tl.static_range(CHUNKS):
        tl.store(place + k * UNITS, h[k], mask=inside)


@triton.jit
def _tile(num_samples):
    """Return this program's instants, their places in the sounds of a batch, and which of them there are."""
    t = tl.program_id(0) * INSTANTS + tl.arange(0, INSTANTS)
    return t, tl.program_id(1).to(tl.int64) * num_samples + t, t < num_samples


@triton.jit
def play(
    features: tl.tensor,
    first: tl.tensor,
    hidden: tl.tensor,
    last: tl.tensor,
    biases: tl.tensor,
    sound: tl.tensor,
    activations: tl.tensor,
    num_samples: tl.tensor,
    LAYERS: tl.constexpr,
    CHUNKS: tl.constexpr,
    UNITS: tl.constexpr,
    INPUTS: tl.constexpr,
    KEEP: tl.constexpr,
) -> None:
    """Play a tile of an item, and write its activations if asked to: grid (tiles, B)."""
    WIDTH: tl.constexpr = CHUNKS * UNITS
    item, items, unit = tl.program_id(1).to(tl.int64), tl.num_programs(1).to(tl.int64), tl.arange(0, UNITS)
    t, place, inside = _tile(num_samples)
    at = place[:, None] * WIDTH + unit[None, :]
    x = tl.load(features + t[:, None] * INPUTS + tl.arange(0, INPUTS)[None, :], mask=inside[:, None], other=0.0)
    biases += item * WIDTH
    hidden += item * WIDTH * WIDTH
    h = _first_layer(x, first + item * WIDTH * INPUTS, biases, CHUNKS, UNITS, INPUTS)
    if KEEP:
        _store(h, activations + at, inside[:, None], CHUNKS, UNITS)
    for layer in range(1, LAYERS):
        h = _next_layer(h, hidden + (layer - 1) * items * WIDTH * WIDTH, biases + layer * items * WIDTH, CHUNKS, UNITS)
        if KEEP:
            _store(h, activations + layer * items * num_samples * WIDTH + at, inside[:, None], CHUNKS, UNITS)
    y = tl.zeros((INSTANTS,), tl.float32)
    for k in tl.static_range(CHUNKS):
        y += tl.sum(
            h[k].to(tl.float32) * tl.load(last + item * WIDTH + k * UNITS + unit).to(tl.float32)[None, :], axis=1
        )
    tl.store(sound + place, y, mask=inside)


@triton.jit
def differentiate(
    hidden: tl.tensor,
    last: tl.tensor,
    activations: tl.tensor,
    given: tl.tensor,
    gradients: tl.tensor,
    num_samples: tl.tensor,
    LAYERS: tl.constexpr,
    CHUNKS: tl.constexpr,
    UNITS: tl.constexpr,
) -> None:
    """Write the G of all layers for a tile of an item: grid (tiles, B)."""
    WIDTH: tl.constexpr = CHUNKS * UNITS
    item, items, unit = tl.program_id(1).to(tl.int64), tl.num_programs(1).to(tl.int64), tl.arange(0, UNITS)
    _, place, inside = _tile(num_samples)
    at = place[:, None] * WIDTH + unit[None, :]
    dy = tl.load(given + place, mask=inside, other=0.0)
    step = items * num_samples * WIDTH
    g = ()
    for k in tl.static_range(CHUNKS):
        h = tl.load(activations + (LAYERS - 1) * step + at + k * UNITS, mask=inside[:, None], other=0.0)
        w = tl.load(last + item * WIDTH + k * UNITS + unit).to(tl.float32)
        g = g + (tl.where(h <= 0, 0.0, dy[:, None] * w[None, :]).to(h.dtype),)  # noqa: RUF005
    _store(g, gradients + (LAYERS - 1) * step + at, inside[:, None], CHUNKS, UNITS)
    for down in range(1, LAYERS):
        layer = LAYERS - 1 - down
        weight = hidden + (layer * items + item) * WIDTH * WIDTH
        g = _layer_below(g, weight, activations + layer * step, at, inside[:, None], CHUNKS, UNITS)
        _store(g, gradients + layer * step + at, inside[:, None], CHUNKS, UNITS)
