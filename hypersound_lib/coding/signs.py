"""How probable it is that a wave's integer is negative, from its neighbours' signs and all magnitudes.

A tone lies between two waves and leaks into both and all others (`local.networks.Leak`): in the frame where its phase
is φ, wave m has the amplitude A · Re(e^{i(φ - p_m)} W(ν - f_m)), and to the next frame φ grows by 2πν. How much larger
one wave is than the next tells ν, and with it the signs of some fix φ, and so those of the others: of one frame by the
two before, of odd waves by the even ones, too. What one wave tells of another depends on their distance and on whether
m is even, so one small network serves all even waves and one all odd ones:

    wave        -5 -4 -3 -2 -1  m +1 +2 +3 +4 +5       what the sign of wave m in frame k is told from:
    frame k-2             s  s  s  s  s                s   integers with their signs
    frame k-1             s  s  s  s  s                a   magnitudes, which were all decoded before
    frame k      *     *  a a* a a* a  *     *         *   even waves with their signs, if m is odd
    frame k+1                a  a  a

A sound whose samples all change their signs is as likely, so the log-odds are odd in the signs: f(s, a) - f(-s, a).
As everywhere in the entropy model the networks are exact, and a packet takes no memory from the one before.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from hypersound_lib.coding.exact import ExactNetwork, loudness
from hypersound_lib.coding.tensors import Places, Surrounded, bound

# Neighbours: frames, and waves in them.
_SIGNED = (-1, range(-2, 3)), (-2, range(-2, 3))
_EVEN = ((0, range(-5, 6, 2)),)  # even waves around an odd one
_SIZES = (0, range(-2, 3)), (1, range(-1, 2))
MARGIN = 5  # waves beyond the ends that are looked at
_PER_UNIT, _MOST = 8, 6  # log-odds are coded in eighths, up to ±6

# Multiples of 2⁻¹⁶. Another machine's exponential, if it differs in the last digit, rounds to the same ones (tested).
_LEVELS = torch.arange(-_MOST * _PER_UNIT, _MOST * _PER_UNIT + 1, dtype=torch.float64) / _PER_UNIT
PROBABILITIES = torch.stack([torch.sigmoid(-_LEVELS), torch.sigmoid(_LEVELS)], dim=-1).mul(2**16).round().div(2**16)


class SignModel(nn.Module):
    """Log-odds of being negative, of the lowest waves' integers that are not 0.

    From `lowest` waves on, 3.3 kHz of `local`, a sign takes a bit: steady tones are rare there, and each sign that is
    told takes time. In a trial with all waves at least six sevenths of what was saved lay below.

    Args:
        waves: M, even.
        width: of the first layer; the second is half as wide.
        lowest: m, even.
    """

    def __init__(self, waves: int, width: int = 32, lowest: int = 96):
        super().__init__()
        self.lowest = min(waves, lowest)
        sizes = width, max(1, width // 2), 1
        self.networks = nn.ModuleList(
            [
                ExactNetwork(2 + sum(len(some) for _, some in offsets), *sizes, offset=False)
                for offsets in (_SIGNED + _SIZES, _SIGNED + _EVEN + _SIZES)
            ]
        )

    def log_odds(self, odd: bool, signs: Surrounded, sizes: Surrounded, knob: Tensor, at: Places) -> Tensor:
        """Return those of the even or the odd waves at `places`, of frames and every second wave: `(C,)`.

        `signs` are loudness with signs, of which frames before are taken and, by odd waves, the even ones of the same
        frame; `sizes` are loudness; `knob` is that of each frame, `(B · K,)`.
        """
        wave = 2 * at.column + int(odd)
        known = signs.around(at.row, wave, _SIGNED + _EVEN if odd else _SIGNED)
        loud = sizes.around(at.row, wave, _SIZES)
        knobs = knob.to(loud).index_select(0, at.row)
        others = torch.cat([loud, torch.stack([wave.to(loud) / 128, knobs, torch.ones_like(knobs)])])
        return cast(ExactNetwork, self.networks[odd]).odd_columns(known, others)[0]

    def forward(self, y: Tensor, knob: Tensor) -> Tensor:
        """Return those of all waves of whole packets, 0 where the integer is: `(B, K, M), (B,) -> (B, K, m)`."""
        now = y[..., : self.lowest]
        now = loudness(now) * now.sign()
        signs = Surrounded.of(now, MARGIN, 2, 1)
        sizes, now = Surrounded(signs.rows.abs(), signs.starts), now.flatten(0, 1)
        knobs, found = knob.repeat_interleave(y.shape[1]), []
        for odd in (False, True):
            at = Places.of(now[:, int(odd) :: 2] != 0)
            found.append(at.put(self.log_odds(odd, signs, sizes, knobs, at)))
        return torch.stack(found, dim=-1).view(*y.shape[:2], -1)

    def bits(self, y: Tensor, knob: Tensor) -> Tensor:
        """Return the code length of each sign in bits: `(B, K, M), (B,) -> (B, K, M)`."""
        odds = bound(self(y, knob), -_MOST, _MOST)
        bits = functional.softplus(y[..., : self.lowest].sign() * odds) / math.log(2)
        return functional.pad(bits, (0, y.shape[-1] - self.lowest), value=1.0)

    def exact(self) -> None:
        """Turn both networks to exact arithmetic, in place."""
        for network in self.networks:
            cast(ExactNetwork, network).exact()


def probability_rows(log_odds: Tensor) -> Tensor:
    """Return the row of `PROBABILITIES`, of positive and of negative, for exact log-odds: `(…) -> (…)`."""
    return (log_odds * _PER_UNIT + 0.5).floor().clamp(-_MOST * _PER_UNIT, _MOST * _PER_UNIT).long() + _MOST * _PER_UNIT
