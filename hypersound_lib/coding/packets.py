"""Packets of integers to bytes and back, by a range coder whose probabilities the entropy model says.

A packet's bytes hold, in this order: the side numbers, frame after frame; the magnitudes of the even, then the odd
waves of each frame; the signs of those that are not 0, of the waves that `SignModel` knows in the same order, then of
the others; and what is beyond the table, frame after frame: how many digits each number has, and then the digits. So
whatever the next probabilities depend on was decoded before.

`constriction` codes to within a fraction of a bit of -log₂ p. Probabilities reach it as float32 multiples of 2⁻¹⁶, or
of 2⁻¹⁷ for side numbers, whose sums are exact, so its own fixed-point tables come out the same everywhere.
"""

import copy
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.coding.entropy import MARGIN, EntropyModel, Past
from hypersound_lib.coding.exact import loudness, snap
from hypersound_lib.coding.excess import FRAMES, WAVES, Expected, join_digits, split_digits
from hypersound_lib.coding.signs import MARGIN as SIGNS
from hypersound_lib.coding.signs import PROBABILITIES, probability_rows
from hypersound_lib.coding.tensors import Places, Surrounded, frame_starts, runs
from hypersound_lib.errors import ConfigError

SEGMENT = 64  # packets that are coded at once: each is decoded step by step, and a step takes long for one
_CACHED = 8  # packets whose probabilities are computed at once before they are encoded: all stays in the cache

_GAMMA_DIGITS = 20  # of a side number beyond its table, at most


class PacketCoder:
    """Encodes and decodes packets with one model's probabilities.

    Args:
        model: whose tables are frozen; it is copied.

    Raises:
        ConfigError: they are not.
    """

    def __init__(self, model: EntropyModel):
        if not model.is_frozen:
            raise ConfigError("this model has no frequencies to code with: call model.entropy.freeze() after training")
        # Loaded where it is needed: who only trains does without.
        import constriction

        self._stream = constriction.stream
        self._symbols = constriction.stream.model.Categorical(perfect=False)
        self._halves = constriction.stream.model.Uniform(2)
        self.model = copy.deepcopy(model).cpu().exact().eval()
        self._waves = model.wave_table.probabilities()
        self._side = model.side_table.signed_probabilities()
        self._excess = model.excess.table.probabilities()
        self._signs = PROBABILITIES.float().numpy()
        self._order = np.r_[0 : model.waves : 2, 1 : model.waves : 2]  # even waves first
        self._low = self._order[self._order < model.signs.lowest]
        self._largest = model.wave_table.symbols - 1
        self._largest_side = model.side_table.symbols - 1

    @torch.inference_mode()
    def encode(self, side: Tensor, waves: Tensor, knobs: Tensor) -> list[bytes]:
        """Encode P packets of K frames: whole numbers `(P, K, D)`, `(P, K, M)`, and r `(P,)`."""
        payloads: list[bytes] = []
        for some in zip(*(part.double().cpu().split(_CACHED) for part in (side, waves, knobs)), strict=True):
            payloads += map(self._encode_one, *self._rows(*some))
        return payloads

    def _rows(self, side: Tensor, waves: Tensor, knobs: Tensor) -> tuple[np.ndarray, ...]:
        """Return what `_encode_one` takes of each packet."""
        mean, side_rows = self.model.side_rows(side, knobs)
        wave_rows = self.model.wave_table.nearest(self.model.wave_rows(waves, side, knobs))
        odds = probability_rows(self.model.signs(waves, knobs)).numpy()
        beyond = torch.stack(self.model.excess.numbers(waves), dim=1).long().numpy()
        residual, numbers = (part.long().numpy() for part in (side - mean, waves))
        return residual, self.model.side_table.nearest(side_rows), numbers, wave_rows, odds, beyond

    def _encode_one(self, *given: np.ndarray) -> bytes:
        residual, side_rows, waves, rows, odds, beyond = given
        encoder = self._stream.queue.RangeEncoder()
        bound, excess = self._largest_side, np.abs(residual) - self._largest_side
        # As many frames in one call as follow each other without an escape: a call takes longer than a number.
        ends = np.union1d(np.flatnonzero((excess >= 0).any(axis=1)) + 1, len(residual))
        for begin, end in pairwise([0, *ends.tolist()]):
            shown = (residual[begin:end].clip(-bound, bound) + bound).astype(np.int32).ravel()
            encoder.encode(shown, self._symbols, self._side.take(side_rows[begin:end].ravel(), axis=0))
            self._encode_gamma(encoder, excess[end - 1][excess[end - 1] >= 0])
        size = np.abs(waves)[:, self._order].ravel()
        shown = np.minimum(size, self._largest).astype(np.int32)
        encoder.encode(shown, self._symbols, self._waves.take(rows[:, self._order].ravel(), axis=0))
        low, high, odds = waves[:, self._low].ravel(), waves[:, len(self._low) :].ravel(), odds[:, self._low].ravel()
        encoder.encode((low[low != 0] < 0).astype(np.int32), self._symbols, self._signs.take(odds[low != 0], axis=0))
        encoder.encode((high[high != 0] < 0).astype(np.int32), self._halves)
        self._encode_excess(encoder, *beyond)
        words = encoder.get_compressed()
        return words.astype(">u4").tobytes().rstrip(b"\0")  # the decoder reads zeros beyond the end

    def _encode_excess(self, encoder: Any, numbers: np.ndarray, contexts: np.ndarray) -> None:
        """Encode, frame after frame, how many digits numbers `(K, M)` have, and then the digits; of those above 0."""
        sent = numbers > 0
        tables, (counts, digits) = self._excess.take(contexts[sent], axis=0), split_digits(numbers[sent])
        ends, behind = np.unique(sent.sum(axis=1).cumsum()), np.r_[0, counts.cumsum()]
        for begin, end in pairwise([0, *ends[ends > 0].tolist()]):
            encoder.encode(counts[begin:end], self._symbols, tables[begin:end])
            encoder.encode(digits[behind[begin] : behind[end]], self._halves)

    def _encode_gamma(self, encoder: Any, excess: np.ndarray) -> None:
        """Encode numbers ≥ 0 by Elias' gamma code: as many zeros as bits follow the first, then the bits of n + 1."""
        for number in excess.tolist():
            bits = f"{min(number, 2**_GAMMA_DIGITS - 2) + 1:b}"
            encoder.encode(np.array([0] * (len(bits) - 1) + [int(bit) for bit in bits], dtype=np.int32), self._halves)

    def decode(self, payloads: Sequence[bytes], knobs: Tensor, frames: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Decode P packets, the longest first: the inverse of `encode`, `-> (P, K, D), (P, K, M)`, float32.

        `frames` says how many each has; K is the most, and zeros follow the others. Bytes that no encoder wrote mostly
        give some integers, too; who must know keeps a checksum.

        Raises:
            ValueError: no encoder can have written one of the packets.
        """
        whole, knobs = (payload + b"\0" * (-len(payload) % 4) for payload in payloads), knobs.double().cpu()
        decoders = [self._stream.queue.RangeDecoder(np.frombuffer(x, ">u4").astype(np.uint32)) for x in whole]
        try:
            with torch.inference_mode():
                side = self._decode_side(decoders, knobs, frames)
                size = self._decode_sizes(decoders, side, knobs, frames)
                waves = self._decode_excess(decoders, size * self._decode_signs(decoders, size, knobs))
        except AssertionError as error:  # constriction's, of a word that no probabilities lead to
            raise ValueError(f"no encoder has written these bytes ({error})") from error
        return side.float(), torch.from_numpy(waves).float()  # copies, which a training may use

    def _decode_side(self, decoders: list, knobs: Tensor, frames: Sequence[int]) -> Tensor:
        bound, held = self._largest_side, self.model.held
        side = torch.zeros(len(decoders), -(-frames[0] // held), self.model.side, dtype=torch.float64)
        for k in range(side.shape[1]):
            some = slice(_longer(frames, k * held))
            # Two frames back are all that the network takes.
            begin = max(0, k - 2)
            mean, rows = (
                part[:, -1] for part in self.model.side_rows(side[some, begin : k + 1], knobs[some], starts=begin == 0)
            )
            tables = self._side.take(self.model.side_table.nearest(rows), axis=0)
            found = [decoder.decode(self._symbols, table) for decoder, table in zip(decoders, tables, strict=False)]
            values = np.stack(found).astype(np.int64) - bound
            for packet, number in np.argwhere(np.abs(values) >= bound):
                values[packet, number] += np.sign(values[packet, number]) * self._decode_gamma(decoders[packet])
            side[some, k] = mean + torch.from_numpy(values)
        return side

    def _decode_sizes(self, decoders: list, side: Tensor, knobs: Tensor, frames: Sequence[int]) -> np.ndarray:
        model, context = self.model, self._contexts(side, frames)
        size = np.zeros((len(decoders), frames[0], model.waves), dtype=np.int64)
        # Six frames before the first.
        padded = torch.zeros(len(decoders), 6 + frames[0], model.waves + 2 * MARGIN, dtype=torch.float64)
        loud, starts = padded[..., MARGIN:-MARGIN], frame_starts(padded, MARGIN, 6, 1)
        for k in range(frames[0]):
            some = slice(_longer(frames, k))
            *earlier, before, last = loud[some, k : k + 6].split(1, dim=1)
            near = Surrounded(padded, starts[some] + k * padded.shape[2])
            past = Past.of(near, last, before, snap(reduce(torch.add, earlier) / 4))
            whole = model.whole_rows(past.frames, context[some, k : k + 1], knobs[some], starts=k == 0)
            even = None
            for odd in (False, True):
                rows = model.wave_table.nearest(model.near_rows(odd, whole, past, knobs[some], even))
                tables = self._waves.take(rows[:, 0], axis=0)
                found = [decoder.decode(self._symbols, table) for decoder, table in zip(decoders, tables, strict=False)]
                size[some, k, odd::2] = found
                loud[some, k + 6, odd::2] = loudness(torch.from_numpy(size[some, k, odd::2]))
                even = loud[some, k + 6 : k + 7, ::2]
        return size

    def _contexts(self, side: Tensor, frames: Sequence[int]) -> Tensor:
        """Return what the entropy model's `context` says of packets, each to its own end: `(P, K, 3 D)`."""
        parts = []
        for count, some in runs(frames):
            context = self.model.context(side[some, : -(-count // self.model.held)], count)
            parts.append(functional.pad(context, (0, 0, 0, frames[0] - count)))
        return torch.cat(parts)

    def _decode_signs(self, decoders: list, size: np.ndarray, knobs: Tensor) -> np.ndarray:
        """Return -1, 0 or 1 for each wave: `(P, K, M) -> (P, K, M)`."""
        model, low = self.model.signs, len(self._low)
        # Frames 0 and 1, and the last, lie beyond the packet.
        loud = functional.pad(loudness(torch.from_numpy(size[..., :low])), (SIGNS, SIGNS, 2, 1))
        signed, starts = torch.zeros_like(loud), frame_starts(loud, SIGNS, 2, 1)
        for k in range(size.shape[1]):
            now = starts + k * loud.shape[2]
            known = Surrounded(signed, now), Surrounded(loud, now)
            for odd in (False, True):
                at = Places.of(loud[:, k + 2, SIGNS + int(odd) : SIGNS + low : 2] > 0)
                tables = self._signs.take(probability_rows(model.log_odds(odd, *known, knobs, at)).numpy(), axis=0)
                sign = 1 - 2 * torch.from_numpy(self._decode_each(decoders, at.row.numpy(), tables))
                wave = now.index_select(0, at.row) + 2 * at.column + int(odd)
                signed.view(-1)[wave] = sign * loud.view(-1)[wave]
        signs = np.sign(size)
        signs[..., :low] = signed[:, 2:-1, SIGNS : SIGNS + low].sign().numpy()
        for decoder, high in zip(decoders, signs[..., low:], strict=True):
            sent = np.nonzero(high)
            high[sent] = 1 - 2 * decoder.decode(self._halves, len(sent[0]))
        return signs

    def _decode_excess(self, decoders: list, y: np.ndarray) -> np.ndarray:
        """Return integers `(P, K, M)` with what they are beyond the table's largest one."""
        excess, y = self.model.excess, np.pad(y, ((0, 0), (0, 0), (WAVES, WAVES))).astype(np.float64)
        large = np.abs(y) == self._largest
        for k in np.flatnonzero(large.any(axis=(0, 2))).tolist():
            row, column = np.nonzero(large[:, k])
            frames, waves = np.arange(max(0, k - FRAMES), k + 1), np.arange(-WAVES, WAVES + 1)
            # Every integer with its own neighbours, (C, frames, waves), as there are few.
            near = torch.from_numpy(y[row[:, None, None], frames[:, None], column[:, None, None] + waves])
            expected = Expected(*(part[:, -1, WAVES] for part in excess.expected(near)))
            rows = self._excess.take(expected.context.long().numpy(), axis=0)
            counts = self._decode_each(decoders, row, rows).astype(np.int32)
            digits = [
                decoder.decode(self._halves, int(n))
                for decoder, n in zip(decoders, np.bincount(row, counts, len(decoders)), strict=True)
            ]
            numbers = excess.received(torch.from_numpy(join_digits(counts, np.concatenate(digits))), expected)
            y[row, k, column] += np.sign(y[row, k, column]) * numbers.numpy()
        return y[..., WAVES:-WAVES]

    def _decode_each(self, decoders: list, packet: np.ndarray, tables: np.ndarray) -> np.ndarray:
        """Decode a number for each row of probabilities, from that packet, `(C,)` in ascending order: `-> (C,)`."""
        ends = np.searchsorted(packet, np.arange(len(decoders) + 1)).tolist()
        parts = [
            decoder.decode(self._symbols, tables[first:last])
            for decoder, first, last in zip(decoders, ends, ends[1:], strict=False)
            if first < last
        ]
        return np.concatenate([np.zeros(0), *parts])

    def _decode_gamma(self, decoder: Any) -> int:
        zeros = 0
        while zeros < _GAMMA_DIGITS and not decoder.decode(self._halves):
            zeros += 1
        number = 1
        for _ in range(zeros):
            number = 2 * number + int(decoder.decode(self._halves))
        return number - 1


def _longer(frames: Sequence[int], k: int) -> int:
    """Return how many packets, the longest first, have a frame k."""
    return sum(count > k for count in frames)
