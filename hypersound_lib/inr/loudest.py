"""Which waves of a frame get numbers of their own: those that its bands' levels and its pitch say are the loudest.

Amplitudes of which nobody says where they belong go to the lowest waves, whatever sounds there. A transform codec sends
its numbers to where the sound is, and does not send the places: both ends compute them from the levels, which were sent
anyway (backward-adaptive bit allocation: Davidson, Fielder and Antill 1990). Pitch and how sure it is, two numbers
more, tell of all harmonics at once:

    env_m = Σ_b E_bm gains_b + comb_m,     comb_m = ½ sure log(ε + exp(-(d_m / 0.6)²)) e^(-f_m / f_0)

with d_m the distance of f_m from the next multiple of the pitch, in cycles per hop, in which a window's spectral line
is about one wide. The comb moves loudness within bands, and leaves each band's own as it is.

Two waves may be equally loud but for rounding, and a product of matrices rounds in its own way for each shape. So all
of this is computed in float64 from the float32 numbers that were sent: whoever asks gets the same order.
"""

import torch
from torch import Tensor

_LINE = 0.6  # half a spectral line's width, in cycles per hop
_BETWEEN = 1e-2  # ε: power between harmonics: -20 dB
_FADE = 0.7  # f₀ as part of the trained Nyquist frequency: higher harmonics blur, as pitch moves within a frame
_TILT = 4.0  # by how many nepers interest falls up to the Nyquist frequency: ears follow low waves more closely
_SLOPE = 24.0  # above the ceiling it falls faster: by so many nepers more up to twice the ceiling


def log_comb(pitch: Tensor, frequencies: Tensor, bands: Tensor) -> Tensor:
    """Return the log-amplitudes of harmonics within their bands: `(..., 2), (M,), (bands, M) -> (..., M)`.

    Args:
        pitch: log ν, ν in harmonics per cycle per hop, and how sure it is, from 0 (no comb) to 1.
        frequencies: of the waves, in cycles per hop.
        bands: as `band_weights` makes them.
    """
    nu, sure = pitch[..., :1].exp(), pitch[..., 1:]
    harmonic = frequencies / nu
    distance = (harmonic - harmonic.round()) * nu
    line = torch.log(_BETWEEN + torch.exp(-(distance / _LINE).square()))
    comb = 0.5 * sure * line * torch.exp(-frequencies / (_FADE * frequencies[-1]))
    means = bands / bands.sum(dim=-1, keepdim=True)
    return comb - 0.5 * torch.log(torch.exp(2 * comb) @ means.mT) @ bands


@torch.no_grad()
def loudest(envelope: Tensor, count: int, ceiling: float) -> tuple[Tensor, Tensor]:
    """Return how much the most wanted waves are wanted, and their numbers: `(..., M) -> (..., count)` each, in order.

    Args:
        envelope: log-amplitudes of waves whose frequencies are evenly spaced up to the trained Nyquist frequency.
        count: how many.
        ceiling: a part of the trained Nyquist frequency, above which ears do not follow a waveform.
    """
    place = torch.arange(envelope.shape[-1], dtype=envelope.dtype, device=envelope.device) / envelope.shape[-1]
    wanted = envelope - _TILT * place - _SLOPE * (place / ceiling - 1).clamp(min=0)
    return tuple(wanted.topk(count, dim=-1))


@torch.no_grad()
def share_among_frames(wanted: Tensor, block: int, each: int) -> Tensor:
    """Return how many waves of each frame are sent, where blocks of frames share: `(B, K, R) -> (B, K)`, int64.

    Frames `i · block … (i + 1) · block - 1` send `each` waves per frame between them, those wanted most: loud frames
    get more than quiet ones.

    Args:
        wanted: how much each frame's waves are wanted, the most wanted first.
        block: frames that share.
        each: waves per frame, on average; at most R.

    >>> share_among_frames(torch.tensor([[[9.0, 8.0, 7.0], [6.0, 5.0, 4.0], [3.0, 2.0, 1.0]]]), 2, 2)
    tensor([[3, 1, 2]])
    """
    batch, frames, size = wanted.shape
    missing = -frames % block
    pooled = torch.nn.functional.pad(wanted, (0, 0, 0, missing), value=-torch.inf)
    pooled = pooled.reshape(batch, -1, block * size)
    places = pooled.topk(each * block, dim=-1).indices
    sent = torch.zeros_like(pooled, dtype=torch.int64).scatter(-1, places, 1)
    if missing:  # the last block has fewer frames, and as much less to send
        last = places[:, -1, : each * (block - missing)]
        sent[:, -1] = torch.zeros_like(sent[:, -1]).scatter(-1, last, 1)
    return sent.reshape(batch, -1, size).sum(dim=-1)[:, :frames]
