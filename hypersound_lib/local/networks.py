"""The networks of the local model: which integers are sent for a sound, and which θ are written from them.

    c (K, M) ── |·|, log ──► blocks ──► h = round(·)    D side numbers a frame
    h, knob ──────────────► blocks ──► G               log of 1 / step, for each wave
    y = round(c · e^G)                                 what is sent of the waves
    y, G, h, knob ────────► blocks ──► θ               where in its cell each amplitude is likely to be, and, where
    y · e^-G ─────────────► Leak ───┘                  nothing was sent, what strong waves tell of it, and noise

Both ends compute G, the encoder to divide and the decoder to multiply, from what is sent. An amplitude that was rounded
to y lies in the cell [y - ½, y + ½] steps, or a seventh of a step beyond. Nothing that is generated leaves the cell by
more than half a step, so no band of the copy can be louder than what was sent allows.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from hypersound_lib.coding.entropy import SIDE_UNIT, EntropyModel, Packets
from hypersound_lib.coding.tensors import asinh, bound, hold, round_through, side_by_side, spread
from hypersound_lib.hub.model import PretrainedModel
from hypersound_lib.local.config import LocalHyperSoundConfig

_BRANCH = 0.1  # what all residual branches together add at the start, as part of what they find
_LARGEST = 12.0  # side number
_GAIN = 4.0  # of a unit of `gain`: it is to move faster than other weights
_LEAK = 0.02  # of a weight of `Leak`: it is to move less far than other weights
_STEADY, _KEPT = 0.15, 0.75  # by how much side numbers of steady sounds change, and how far from one that is kept
_STEP_RANGE = (-2.0, 7.0)  # of G less the knob's part: where nothing ever was, it would grow without end


class CodedWaves(PretrainedModel):
    """What a local model does between its two fixed transforms: amplitudes to integers, and integers to θ."""

    # A number just beyond a half goes to the smaller integer, not the larger one: its error is hardly larger, and its
    # bits are fewer. A rule, not learnt; its size, in steps, was chosen by PESQ of training voices at equal bits.
    dead_zone = 0.14

    def __init__(self, config: LocalHyperSoundConfig):
        super().__init__(config)
        waves, side = config.hop, config.side
        self.encoder = SideEncoder(waves, side, config.encoder_width)
        self.steps = StepNetwork(waves, side, config.encoder_width)
        widths = config.entropy_width, config.near_width, config.sign_width
        self.entropy = EntropyModel(side, waves, *widths, held=config.side_held)
        self.generator = Generator(waves, side, config.generator_width, config.packet)
        # The waves' table plays amplitudes of cosines; an orthonormal transform's numbers are so many times as large.
        self.unit = math.sqrt(config.hop / 2)

    @property
    def packet_seconds(self) -> float:
        """How long a packet lasts, at most."""
        return self.config.packet * self.config.hop / self.config.sample_rate

    def quantise(self, amplitudes: Tensor, knob: Tensor) -> Packets:
        """Choose what is sent: amplitudes `(P, K, M)` and the knob `(P,)` as `knob_value` has it.

        The numbers are not yet rounded, so that gradients pass and so that their cost has one; `round_through` both.
        Side numbers of steady sounds alone are: see `settled`. Those of the waves lie nearer to zero than the
        amplitudes have them: see `dead_zone`.
        """
        held = self.config.side_held
        side = settled(self.encoder(amplitudes, knob)[:, ::held])
        waves = amplitudes * self.steps(hold(round_through(side), held, amplitudes.shape[1]), knob).exp()
        return Packets(side, functional.softshrink(waves, self.dead_zone))

    def generate(self, packets: Packets, knob: Tensor) -> Tensor:
        """Write θ from what was sent: packets of whole numbers and the knob `(P,)` to `(P, K, M)`."""
        side = hold(packets.side, self.config.side_held, packets.waves.shape[1])
        return self.generator(packets.waves, self.steps(side, knob), side, knob) / self.unit

    def quantise_and_generate(self, amplitudes: Tensor, knob: Tensor) -> tuple[Packets, Tensor]:
        """Return what is sent, not yet rounded, and the θ of what was: `(P, K, M), (P,) -> (P, K, M)`."""
        real = self.quantise(amplitudes, knob)
        return real, self.generate(Packets(*map(round_through, real)), knob)

    def priced(self, real: Packets, knob: Tensor) -> Tensor:
        """Return λ(r) · kbit/s of what `quantise` returned, summed over all packets and their frames."""
        price = self.config.price * torch.exp(self.config.price_slope * knob)
        bits = (price * sum(self.entropy.bits(*real, knob))).sum()
        return bits * self.config.sample_rate / (1000 * self.config.hop)


def settled(side: Tensor) -> Tensor:
    """Return side numbers of which those of steady sounds are whole, and stay the same: `(P, K, D) -> (P, K, D)`.

    Where a sound is steady, a number near a half would be rounded up and down in turn. That costs bits, and with it
    change the steps: a wave's integers then tell less of its next ones. So while all numbers together change by little
    from one set to the next, each stays what it was in the first of these sets, unless it strays too far. A rule, not
    learnt; those of speech hardly ever change by so little.
    """
    change = (side[:, 1:] - side[:, :-1]).square().mean(dim=-1, keepdim=True)
    steady = functional.pad(change < _STEADY**2, (0, 0, 1, 0))
    number = torch.arange(side.shape[1], device=side.device)[:, None]
    first = torch.where(steady, 0, number).cummax(dim=1).values  # set of the same steady stretch
    kept = side.detach().round().gather(1, first.expand_as(side))
    return torch.where(steady & ((side - kept).abs() <= _KEPT), kept + (side - side.detach()), side)


class SideEncoder(nn.Module):
    """Find the side numbers, not yet rounded: `(B, K, M), (B,) -> (B, K, D)`. Its look-ahead is one frame."""

    def __init__(self, waves: int, side: int, width: int):
        super().__init__()
        self.network = residual_network(waves + 1, width, side, ((-1, 0, 1), (-4, -2, 0)))
        last = cast(nn.Linear, self.network[-1])
        nn.init.normal_(last.weight, std=0.15 / math.sqrt(width))  # few bits at first
        self.gain = nn.Parameter(torch.zeros(2, side))  # of each number's logarithm: offset, slope over the knob

    def forward(self, amplitudes: Tensor, knob: Tensor) -> Tensor:
        """Take amplitudes and the rate knob as input."""
        levels = asinh(amplitudes.abs() * 2e3) / 6
        numbers = self.network(torch.cat([levels, spread(knob, levels)], dim=-1))
        # Where bits are dear, all variation of a number may be worth less than its bits: so its size follows the knob.
        size = torch.exp(_GAIN * (self.gain[0] + self.gain[1] * knob[:, None]))
        # Bounded: what nothing holds back grows, and takes the networks that have it as input with it.
        return _LARGEST * torch.tanh(numbers * size[:, None] * (SIDE_UNIT / _LARGEST))


class StepNetwork(nn.Module):
    """Choose every wave's step: side numbers `(B, K, D)` and knob `(B,)` to G = -log step, `(B, K, M)`.

    The knob is the logarithm of a common coarseness; the network adds to it. It looks at no later frame.
    """

    def __init__(self, waves: int, side: int, width: int):
        super().__init__()
        self.network = residual_network(side + 1, width, waves, ((-1, 0), (-4, -2, 0)))
        self.common = nn.Parameter(torch.full((waves,), 3.5))

    def forward(self, side: Tensor, knob: Tensor) -> Tensor:
        """Take rounded side numbers as input."""
        coarseness = spread(knob, side)
        steps = 2 * self.network(torch.cat([side / SIDE_UNIT, coarseness], dim=-1)) + self.common
        return bound(steps, *_STEP_RANGE) - coarseness


class Generator(nn.Module):
    """Generate the waves' amplitudes from what was sent: `(B, K, M) × 2, (B, K, D), (B,) -> (B, K, M)`.

    A packet has `frames` at most: so many rows of signs are kept.
    """

    signs: Tensor

    def __init__(self, waves: int, side: int, width: int, frames: int):
        super().__init__()
        self.network = residual_network(3 * waves + side + 1, width, 3 * waves, ((-1, 0, 1), (-2, 0, 2), (-8, -4, 0)))
        with torch.no_grad():
            cast(nn.Linear, self.network[-1]).bias[waves : 2 * waves] = -2.0  # hardly any noise
        self.leak = Leak(waves)
        with torch.device("cpu"):
            signs = torch.randn(frames, waves, generator=torch.Generator().manual_seed(0)).sign()
        self.register_buffer("signs", signs, persistent=False)

    def forward(self, y: Tensor, steps: Tensor, side: Tensor, knob: Tensor) -> Tensor:
        """Generate θ. Args: integers, G of `StepNetwork`, side numbers, knob."""
        place, level, trust = self.look(y, steps, side, knob)
        step, unsent = torch.exp(-steps), y == 0
        # ½ tanh(2x) is about x: half trusted, as at the start, a guess counts as it is.
        leaked = unsent * 4 * torch.sigmoid(trust) * self.leak(y * step) / step
        noise = 0.5 * torch.sigmoid(level) * self.signs[: y.shape[1]].to(y)
        inside = y + 0.5 * torch.tanh(place + leaked) + unsent * noise
        return inside * step

    def look(self, y: Tensor, steps: Tensor, side: Tensor, knob: Tensor) -> tuple[Tensor, ...]:
        """Return where in its cell each amplitude is, how much noise to add, and how far to trust `Leak`."""
        size = asinh(y.abs())
        inputs = [size * y.sign(), size, (steps - 3.5) / 4, side / SIDE_UNIT, spread(knob, side)]
        return self.network(torch.cat(inputs, dim=-1)).chunk(3, dim=-1)


class Leak(nn.Module):
    """Guess what was too small to be sent from what was: amplitudes to amplitudes, `(B, K, M) -> (B, K, M)`.

    A tone A cos(2πνu + φ), u in hops, lies between two waves and leaks into all others. In the frame where its phase
    is φ, wave m has the amplitude A · Re(e^{i(φ - p_m)} W(ν - f_m)), where W is the spectrum of the analysis window:
    real, and small, but not zero, far away. The strong amplitudes of that frame and its neighbours fix A, φ and ν, and
    so the weak ones; left out, they are missing where they should cancel what the strong waves' own windows leak, and
    the copy is louder there than the original.

    To the neighbouring frame φ grows by 2πν, with ν = f_m plus less than a wave, and 2πf_m = π(m + ½): what one wave
    tells of another depends on their distance, and on whether m is even. So one kernel of weights serves all pairs of
    an even and an odd wave: a convolution over pairs. Beyond both ends the waves go on as in a mirror, as f_{-1-m} is
    -f_m, p_{-1-m} is -p_m, and the cosine is even. The look-ahead is one frame.
    """

    def __init__(self, waves: int, reach: int = 40):
        super().__init__()
        self.reach = min(reach, waves)
        self.kernel = nn.Conv1d(6, 2, self.reach + 1, bias=False)
        nn.init.zeros_(self.kernel.weight)

    def forward(self, sent: Tensor) -> Tensor:
        """Take the amplitudes that were sent, zeros elsewhere."""
        waves = torch.cat([sent[..., : self.reach].flip(-1), sent, sent[..., -self.reach :].flip(-1)], dim=-1)
        return side_by_side(waves, (-1, 0, 1)) @ self._matrix(sent.shape[-1] // 2)

    def _matrix(self, pairs: int) -> Tensor:
        """Return the convolution as a matrix `(3 · (M + 2 · reach), M)`, which is mostly zeros.

        With so few channels its product takes half as long on a CPU, with its gradients a fifth.
        """
        row = pairs + self.reach
        # Rows of the same numbers, one longer than the matrix': so each begins one later in the matrix than the last.
        kernel = functional.pad(_LEAK * self.kernel.weight, (0, row - self.reach))
        rows = kernel.unsqueeze(2).expand(-1, -1, pairs, -1).flatten(2)[..., : pairs * row]
        # (to odd, frame, from odd, to pair, from pair)
        return rows.reshape(2, 3, 2, pairs, row).permute(1, 4, 2, 3, 0).reshape(6 * row, 2 * pairs)


class ResidualBlock(nn.Module):
    """x_k + W₁ gelu(W₃ gelu(x_{k+o} for three offsets o)), of `count` in a row: `(B, K, W) -> (B, K, W)`.

    The three frames lie side by side in one matrix product: on a CPU a third faster than a convolution. Frames beyond
    the ends count as zeros. The look-ahead is the largest offset.
    """

    def __init__(self, width: int, offsets: tuple[int, ...], count: int = 1):
        super().__init__()
        self.offsets = offsets
        self.take = nn.Linear(len(offsets) * width, width)
        self.mix = nn.Linear(width, width)
        with torch.no_grad():
            # Quiet branches: as loud as what they add to, they let the first hundred steps undo each other.
            self.mix.weight.normal_(std=_BRANCH / math.sqrt(width * count))
            self.mix.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Add what the two layers make of x."""
        now = functional.gelu(x)
        return x + self.mix(functional.gelu(self.take(side_by_side(now, self.offsets))))


def residual_network(inputs: int, width: int, outputs: int, offsets: tuple[tuple[int, ...], ...]) -> nn.Sequential:
    """Return linear, one block for each tuple of offsets, gelu, linear: `(B, K, inputs) -> (B, K, outputs)`.

    The last layer starts at zero: at the start the network has no say.
    """
    blocks = [ResidualBlock(width, taken, len(offsets)) for taken in offsets]
    last = nn.Linear(width, outputs)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(inputs, width), *blocks, nn.GELU(), last)
