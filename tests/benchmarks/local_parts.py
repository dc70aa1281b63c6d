"""Parts of the local model replaced by plainer ones, or by other learnt ones, for bench_local_ablation.

Each public function changes a built model in place. What replaces networks by a few numbers of its own scales them, so
that steps of the optimiser that suit networks move them far enough, too.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from hypersound_lib.coding.entropy import EntropyModel
from hypersound_lib.coding.excess import ExcessModel, digits
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.local.networks import Generator
from hypersound_lib.local.waves import LappedTransform

_ROWS = 4.0  # what an output of 1 stands for in `EntropyModel.whole_rows`
_STEP_SCALE, _ROW_SCALE = 30.0, 100.0
_FIRST_STEP, _FIRST_ROW = 3.5, 16.0  # as the networks start


def to_the_nearest(model: LocalHyperSound) -> None:
    """Round to the nearest integer; training had the dead zone."""
    model.dead_zone = 0.0


def plain(model: LocalHyperSound) -> None:
    """Multiply every integer by its step, and leave 0 where nothing was sent."""
    model.generator = _Apply(lambda y, steps, side, knob: y * torch.exp(-steps))


def only_shrink(model: LocalHyperSound) -> None:
    """Let the generator move amplitudes towards 0 alone, and put nothing where nothing was sent."""
    without_leak(model)
    model.generator.__class__ = _Shrink


def without_leak(model: LocalHyperSound) -> None:
    """Do not guess what was not sent from what was."""
    model.generator.leak = _Apply(torch.zeros_like)


def without_side(model: LocalHyperSound) -> None:
    """Send no side numbers."""
    side = model.config.side
    model.encoder = _Apply(lambda amplitudes, knob: amplitudes.new_zeros(*amplitudes.shape[:2], side))
    model.entropy = _FreeSide(model.entropy)


def without_near(model: LocalHyperSound) -> None:
    """Take probabilities from the network for all waves, without the ones for each."""
    model.entropy.__class__ = _WithoutNear
    del model.entropy.near


def without_signs(model: LocalHyperSound) -> None:
    """Count a bit for each sign."""
    model.entropy.signs = _Halves()


def without_excess(model: LocalHyperSound) -> None:
    """Code by Elias' gamma code what is beyond the table."""
    excess = model.entropy.excess
    excess.__class__ = _Gamma
    logits = excess.table.logits.detach()
    del excess.table.logits
    excess.table.register_buffer("logits", logits, persistent=False)  # nothing to learn


def without_context(model: LocalHyperSound) -> None:
    """Take probabilities from the side numbers alone."""
    without_signs(model)
    without_excess(model)
    model.entropy.__class__ = _WithoutContext
    del model.entropy.near


def memoryless(model: LocalHyperSound) -> None:
    """Give every wave one row of the probability table, which depends on nothing but the knob."""
    without_signs(model)
    without_excess(model)
    model.entropy.__class__ = _Memoryless
    del model.entropy.near, model.entropy.whole
    model.entropy.row = nn.Parameter(torch.zeros(2, model.config.hop))


def fixed_steps(model: LocalHyperSound) -> None:
    """Give every wave one step."""
    model.steps = _FixedSteps(model.config.hop)


def learnt_analysis(model: LocalHyperSound) -> None:
    """Learn the transform in front of the analysis network: a convolution, which starts as lapped waves."""
    model.transform = _LearntTransform(model.config.hop, random=False)


def random_analysis(model: LocalHyperSound) -> None:
    """Learn it from random weights."""
    model.transform = _LearntTransform(model.config.hop, random=True)


class _Apply(nn.Module):
    """A function that learns nothing, in the place of a network."""

    def __init__(self, function: Callable[..., Tensor]):
        super().__init__()
        self.forward = function


class _Shrink(Generator):
    def forward(self, y: Tensor, steps: Tensor, side: Tensor, knob: Tensor) -> Tensor:
        place, *_ = self.look(y, steps, side, knob)
        return y * torch.sigmoid(place + 3) * torch.exp(-steps)  # a product, so that zeros pass gradients, too


class _FreeSide(nn.Module):
    """An entropy model whose side numbers are known to be 0, and cost nothing."""

    def __init__(self, inner: EntropyModel):
        super().__init__()
        self.inner = inner

    def bits(self, h: Tensor, y: Tensor, knob: Tensor) -> tuple[Tensor, Tensor]:
        side, waves = self.inner.bits(h, y, knob)
        return torch.zeros_like(side), waves

    def freeze(self) -> None:
        self.inner.freeze()


class _Halves(nn.Module):
    def bits(self, y: Tensor, knob: Tensor) -> Tensor:
        return torch.ones_like(y)


class _Gamma(ExcessModel):
    def bits(self, y: Tensor) -> Tensor:
        count = digits((y.abs() - self.largest + 1).clamp(min=0))
        return (count > 0) * (2 * count - 1)


class _WithoutNear(EntropyModel):
    def near_rows(self, odd: bool, whole: Tensor, *_: object) -> Tensor:
        return whole[..., odd::2] * _ROWS


class _WithoutContext(_WithoutNear):
    def whole_rows(self, past: list[Tensor], *given: Tensor) -> Tensor:
        return super().whole_rows([torch.zeros_like(part) for part in past], *given)


class _Memoryless(_WithoutNear):
    row: nn.Parameter  # (2, M): at r = 0, and for each unit of r

    def whole_rows(self, past: list[Tensor], context: Tensor, knob: Tensor) -> Tensor:
        base, slope = _ROW_SCALE * self.row
        return ((_FIRST_ROW + base + slope * knob.to(base)[:, None, None]) / _ROWS).expand_as(past[0])


class _FixedSteps(nn.Module):
    def __init__(self, waves: int):
        super().__init__()
        self.common = nn.Parameter(torch.zeros(waves))

    def forward(self, side: Tensor, knob: Tensor) -> Tensor:
        steps = _FIRST_STEP + _STEP_SCALE * self.common - knob[:, None, None]
        return steps.expand(*side.shape[:2], -1)


class _LearntTransform(LappedTransform):
    """The transform with a table (2 · hop, hop) that training changes; the step is a part of the table's own size."""

    def __init__(self, hop: int, random: bool):
        super().__init__(hop)
        lapped = self.table.clone()
        self.size = float(lapped.std())
        self.register_buffer("first", self.size * torch.randn_like(lapped) if random else lapped)
        self.scale = 10.0 if random else 1.0
        self.change = nn.Parameter(torch.zeros_like(lapped))

    def forward(self, waveform: Tensor) -> Tensor:
        self.table = self.first + self.scale * self.size * self.change
        return super().forward(waveform)
