"""The kernels of `hypersound_lib.inr.fused`: a ReLU network forward, and its gradients backward, in Triton.

One program of the GPU takes `INSTANTS` instants of one clip, a tile, through all layers. A layer's units come in chunks
of `UNITS`: a chunk of activations is `(INSTANTS, UNITS)`, one of a weight matrix `(UNITS, UNITS)`. Forward, a layer's
chunks are a tuple, for which the compiler finds registers (not all, where six chunks are many). Backward, activations
are computed again, into a scratch memory of `(LAYERS, CHUNKS, INSTANTS, UNITS)` for each program. With A₀ the features
and Aᵢ₊₁ = relu(Aᵢ Wᵢᵀ + bᵢ),

    G = dL/dAᵢ₊₁ where Aᵢ₊₁ > 0, else 0;    dL/dWᵢ = Gᵀ Aᵢ;    dL/dbᵢ = Σₜ G;    dL/dAᵢ = G Wᵢ.

Programs add their dL/dWᵢ by atomic additions, in no fixed order, so its last bits differ from run to run. Nothing waits
for these sums but the end of the kernel, so they are `relaxed`: any other order would empty caches at each of them.
"""

import triton
import triton.language as tl

INSTANTS, UNITS = tl.constexpr(128), tl.constexpr(64)


@triton.jit
def _relu(x):
    """Return max(x, 0); NaN stays NaN, as in torch, so that a training sees it."""
    return tl.maximum(x, 0.0, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def _first_layer(x, weight, bias, CHUNKS: tl.constexpr, INPUTS: tl.constexpr):
    """Return relu(x Wᵀ + b) as a tuple of chunks."""
    unit, column = tl.arange(0, UNITS), tl.arange(0, INPUTS)
    out = ()
    for n in tl.static_range(CHUNKS):
        w = tl.load(weight + (unit + n * UNITS)[None, :] * INPUTS + column[:, None])  # of Wᵀ
        total = tl.dot(x, w, input_precision="ieee") + tl.load(bias + n * UNITS + unit)[None, :].to(tl.float32)
        out = out + (_relu(total).to(x.dtype),)  # noqa: RUF005 - Triton knows no other way
    return out


@triton.jit
def _next_layer(h, weight, bias, CHUNKS: tl.constexpr):
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
def _load_features(features, tile, num_samples, INPUTS: tl.constexpr):
    """Return a tile's features `(INSTANTS, INPUTS)`, 0 beyond the end, and the numbers of its instants."""
    t = tile * INSTANTS + tl.arange(0, INSTANTS)
    place = t[:, None] * INPUTS + tl.arange(0, INPUTS)[None, :]
    return tl.load(features + place, mask=(t < num_samples)[:, None], other=0.0), t


@triton.jit
def play(
    features: tl.tensor,
    first: tl.tensor,
    hidden: tl.tensor,
    last: tl.tensor,
    biases: tl.tensor,
    sound: tl.tensor,
    num_samples: tl.tensor,
    LAYERS: tl.constexpr,
    CHUNKS: tl.constexpr,
    INPUTS: tl.constexpr,
) -> None:
    """Play a tile of an item: grid (tiles, B)."""
    WIDTH: tl.constexpr = CHUNKS * UNITS
    item = tl.program_id(1).to(tl.int64)
    x, t = _load_features(features, tl.program_id(0), num_samples, INPUTS)
    biases += item * LAYERS * WIDTH
    hidden += item * (LAYERS - 1) * WIDTH * WIDTH
    h = _first_layer(x, first + item * WIDTH * INPUTS, biases, CHUNKS, INPUTS)
    for layer in range(LAYERS - 1):
        h = _next_layer(h, hidden + layer * WIDTH * WIDTH, biases + (layer + 1) * WIDTH, CHUNKS)
    y = tl.zeros((INSTANTS,), tl.float32)
    for k in tl.static_range(CHUNKS):
        w = tl.load(last + item * WIDTH + k * UNITS + tl.arange(0, UNITS)).to(tl.float32)
        y += tl.sum(h[k].to(tl.float32) * w[None, :], axis=1)
    tl.store(sound + item * num_samples + t, y, mask=t < num_samples)


@triton.jit
def _write_activations(
    x, first, hidden, biases, scratch, LAYERS: tl.constexpr, CHUNKS: tl.constexpr, INPUTS: tl.constexpr
):
    """Write the activations of all layers of one item, A₁ first, a chunk after another."""
    at = tl.arange(0, INSTANTS)[:, None] * UNITS + tl.arange(0, UNITS)[None, :]
    WIDTH: tl.constexpr = CHUNKS * UNITS
    h = _first_layer(x, first, biases, CHUNKS, INPUTS)
    for layer in range(LAYERS):
        for k in tl.static_range(CHUNKS):
            tl.store(scratch + layer * INSTANTS * WIDTH + k * INSTANTS * UNITS + at, h[k])
        if layer + 1 < LAYERS:
            h = _next_layer(h, hidden + layer * WIDTH * WIDTH, biases + (layer + 1) * WIDTH, CHUNKS)
    tl.debug_barrier()  # what one thread has written, others read


@triton.jit
def _differentiate_last(dy, last, d_last, activations, CHUNKS: tl.constexpr):
    """Put G of the last hidden layer, `(INSTANTS, W)`, in the place of its activations."""
    unit = tl.arange(0, UNITS)
    at = tl.arange(0, INSTANTS)[:, None] * UNITS + unit[None, :]
    for k in range(CHUNKS):
        w = tl.load(last + k * UNITS + unit).to(tl.float32)
        h = tl.load(activations + k * INSTANTS * UNITS + at)
        tl.atomic_add(d_last + k * UNITS + unit, tl.sum(h.to(tl.float32) * dy[:, None], axis=0), sem="relaxed")
        tl.debug_barrier()
        g = tl.where(h <= 0, 0.0, dy[:, None] * w[None, :])
        tl.store(activations + k * INSTANTS * UNITS + at, g.to(h.dtype))
    tl.debug_barrier()


@triton.jit
def _differentiate_layer(weight, d_weight, below, CHUNKS: tl.constexpr):
    """Add Gᵀ A to `d_weight`, and put the G of the layer below in the place of A; G lies behind A in memory."""
    unit = tl.arange(0, UNITS)
    at = tl.arange(0, INSTANTS)[:, None] * UNITS + unit[None, :]
    above = below + CHUNKS * INSTANTS * UNITS
    for k in range(CHUNKS):
        h = tl.load(below + k * INSTANTS * UNITS + at)
        total = tl.zeros((INSTANTS, UNITS), tl.float32)
        for n in tl.range(CHUNKS, num_stages=2):
            g = tl.load(above + n * INSTANTS * UNITS + at)
            place = (unit + n * UNITS)[:, None] * (CHUNKS * UNITS) + (unit + k * UNITS)[None, :]
            total = tl.dot(g, tl.load(weight + place), total, input_precision="ieee")
            tl.atomic_add(d_weight + place, tl.dot(tl.trans(g), h, input_precision="ieee"), sem="relaxed")
        tl.debug_barrier()
        tl.store(below + k * INSTANTS * UNITS + at, tl.where(h <= 0, 0.0, total).to(h.dtype))
    tl.debug_barrier()


@triton.jit
def _differentiate_first(
    x, d_first, d_biases, scratch, LAYERS: tl.constexpr, CHUNKS: tl.constexpr, INPUTS: tl.constexpr
):
    """Add Gᵀ x of the first layer to `d_first`, and Σₜ G of all layers to `d_biases`."""
    unit, column = tl.arange(0, UNITS), tl.arange(0, INPUTS)
    at = tl.arange(0, INSTANTS)[:, None] * UNITS + unit[None, :]
    for chunk in range(LAYERS * CHUNKS):
        g = tl.load(scratch + chunk * INSTANTS * UNITS + at)
        tl.atomic_add(d_biases + chunk * UNITS + unit, tl.sum(g.to(tl.float32), axis=0), sem="relaxed")
    for n in range(CHUNKS):
        g = tl.load(scratch + n * INSTANTS * UNITS + at)
        place = (unit + n * UNITS)[:, None] * INPUTS + column[None, :]
        tl.atomic_add(d_first + place, tl.dot(tl.trans(g), x, input_precision="ieee"), sem="relaxed")
    tl.debug_barrier()


@triton.jit
def differentiate(
    features: tl.tensor,
    first: tl.tensor,
    hidden: tl.tensor,
    last: tl.tensor,
    biases: tl.tensor,
    given: tl.tensor,
    d_first: tl.tensor,
    d_hidden: tl.tensor,
    d_last: tl.tensor,
    d_biases: tl.tensor,
    scratch: tl.tensor,
    num_samples: tl.tensor,
    tiles: tl.tensor,
    items: tl.tensor,
    LAYERS: tl.constexpr,
    CHUNKS: tl.constexpr,
    INPUTS: tl.constexpr,
) -> None:
    """Add up the gradients of one tile after another: grid (programs,)."""
    WIDTH: tl.constexpr = CHUNKS * UNITS
    scratch += tl.program_id(0).to(tl.int64) * LAYERS * INSTANTS * WIDTH
    tile = tl.program_id(0)
    while tile < items * tiles:
        item = (tile // tiles).to(tl.int64)
        x, t = _load_features(features, tile % tiles, num_samples, INPUTS)
        dy = tl.load(given + item * num_samples + t, mask=t < num_samples, other=0.0)
        at_first, at_bias = item * WIDTH * INPUTS, item * LAYERS * WIDTH
        at_hidden = item * (LAYERS - 1) * WIDTH * WIDTH
        _write_activations(x, first + at_first, hidden + at_hidden, biases + at_bias, scratch, LAYERS, CHUNKS, INPUTS)
        top = scratch + (LAYERS - 1) * INSTANTS * WIDTH
        _differentiate_last(dy, last + item * WIDTH, d_last + item * WIDTH, top, CHUNKS)
        for down in range(LAYERS - 1):
            layer = LAYERS - 2 - down
            at = at_hidden + layer * WIDTH * WIDTH
            _differentiate_layer(hidden + at, d_hidden + at, scratch + layer * INSTANTS * WIDTH, CHUNKS)
        _differentiate_first(x, d_first + at_first, d_biases + at_bias, scratch, LAYERS, CHUNKS, INPUTS)
        tile += tl.num_programs(0)
