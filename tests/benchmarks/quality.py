"""How well a model speaks in voices that it has not met: whole recordings, through `reconstruct`."""

import torch
from torch import Tensor

from hypersound_lib.data import AudioStore
from hypersound_lib.metrics import lsd, nmse, si_snr, stoi
from hypersound_lib.model import HyperSound
from hypersound_lib.reconstruction import reconstruct


def held_out(store: AudioStore, count: int, seconds: float = 5.0) -> list[Tensor]:
    """Return the first seconds of `count` recordings, spread evenly over a store and so over its speakers."""
    chosen = torch.linspace(0, len(store) - 1, min(count, len(store))).round().long().unique().tolist()
    return [store.read(i, 0, int(seconds * store.sample_rate)) for i in chosen]


def quality(model: HyperSound, sounds: list[Tensor], sample_rate: int) -> dict[str, float]:
    """Return the mean STOI, NMSE, SI-SNR (dB) and LSD of reconstructions at the sounds' own rate."""
    rows = []
    for sound in sounds:
        copy = reconstruct(model.eval(), sound, sample_rate, sample_rate)
        rows.append(
            {
                "stoi": stoi(sound, copy, sample_rate).item(),
                "nmse": nmse(sound, copy).item(),
                "si_snr": si_snr(sound, copy).item(),
                "lsd": lsd(sound, copy, sample_rate).item(),
            }
        )
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]} | {"recordings": len(rows)}
