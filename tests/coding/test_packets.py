"""Packets: every integer comes back, on any machine's settings, in about as many bits as the model says."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hypersound_lib.coding.entropy import EntropyModel
from hypersound_lib.coding.packets import PacketCoder
from hypersound_lib.coding.rate import knob_value
from hypersound_lib.errors import ConfigError
from tests.coding.small import HELD, SIDE, WAVES, integers, make_entropy

HUGE = 2**19  # what a number may be beyond its table


@pytest.fixture(scope="module")
def coder():
    return PacketCoder(make_entropy())


def knobs(packets):
    return knob_value(torch.arange(packets) * 37 % 256)


def assert_round_trip(coder, h, y):
    count, frames = y.shape[:2]
    found = coder.decode(coder.encode(h, y, knobs(count)), knobs(count), count * [frames])
    assert torch.equal(found[0], h)
    assert torch.equal(found[1], y)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([0.0, 0.3, 2.0, 30.0, 1000.0, 60000.0]),
    packets=st.integers(1, 4),
    frames=st.integers(1, 23),
)
def test_all_integers_come_back(coder, seed, scale, packets, frames):
    assert_round_trip(coder, *integers(packets, frames, seed, scale))


@settings(max_examples=20)
@given(st.data())
def test_single_huge_integers_come_back(coder, data):
    h, y = integers(2, 6)
    for part, width in ((h, SIDE), (y, WAVES)):
        for _ in range(data.draw(st.integers(0, 3))):
            place = data.draw(
                st.tuples(st.integers(0, 1), st.integers(0, part.shape[1] - 1), st.integers(0, width - 1))
            )
            part[place] = data.draw(st.one_of(st.integers(-HUGE, HUGE), st.integers(-25, 25)))
    assert_round_trip(coder, h, y)


def test_numbers_around_the_ends_of_the_tables_come_back(coder):
    y = torch.arange(-4 * WAVES, 4 * WAVES).float().reshape(1, 8, WAVES)
    h = torch.zeros(1, 4, SIDE)
    for size in range(15, 45):
        h[0, 1::2] = size  # there and back again: differences of both signs
        assert_round_trip(coder, h, y)


def test_batches_equal_one_by_one(coder):
    h, y = integers(5, 11, scale=20.0)
    together = coder.encode(h, y, knobs(5))
    alone = [coder.encode(h[i : i + 1], y[i : i + 1], knobs(5)[i : i + 1])[0] for i in range(5)]
    assert together == alone
    for i in range(5):
        side, waves = coder.decode(alone[i : i + 1], knobs(5)[i : i + 1], [11])
        assert torch.equal(side[0], h[i])
        assert torch.equal(waves[0], y[i])


@given(seed=st.integers(0, 10**6), frames=st.lists(st.integers(1, 23), min_size=2, max_size=4))
@settings(max_examples=20)
def test_packets_of_different_lengths_are_decoded_at_once(coder, seed, frames):
    frames = sorted(frames, reverse=True)
    sent = [integers(1, count, seed + i, 20.0) for i, count in enumerate(frames)]
    payloads = [coder.encode(h, y, knobs(i + 1)[i:])[0] for i, (h, y) in enumerate(sent)]
    side, waves = coder.decode(payloads, knobs(len(frames)), frames)
    for count, (h, y), one_side, one in zip(frames, sent, side, waves, strict=True):
        assert torch.equal(one_side[: h.shape[1]], h[0])
        assert torch.equal(one[:count], y[0])
        assert not one[count:].any()
        assert not one_side[h.shape[1] :].any()


@pytest.mark.slow
def test_threads_and_default_dtypes_change_no_byte_and_no_integer():
    model = make_entropy(waves=320, side=20)
    h, y = integers(4, 30, waves=320, side=20)
    count, dtype = torch.get_num_threads(), torch.get_default_dtype()
    written, read = [], []
    try:
        for threads in (1, 2):
            for default in (torch.float32, torch.float64):
                torch.set_num_threads(threads)
                torch.set_default_dtype(default)
                coder = PacketCoder(model)
                for given in (torch.float32, torch.float64):
                    written.append(coder.encode(h.to(given), y.to(given), knobs(4)))
                read.append(coder.decode(written[0], knobs(4), 4 * [30]))
    finally:
        torch.set_num_threads(count)
        torch.set_default_dtype(dtype)
    assert all(payloads == written[0] for payloads in written)
    for side, waves in read:
        assert torch.equal(side.float(), h)
        assert torch.equal(waves.float(), y)


@pytest.mark.parametrize("scale", [0.3, 2.0, 30.0])
def test_bytes_are_what_the_model_says(scale):
    model = make_entropy(waves=64)
    h, y = integers(3, 60, scale=scale, waves=64)
    said = sum(part for part in model.bits(h, y, knobs(3))) / 8
    payloads = PacketCoder(model).encode(h, y, knobs(3))
    for estimate, payload in zip(said.tolist(), payloads, strict=True):
        # Exact rows are whole numbers, and the range coder may end a word late.
        assert len(payload) == pytest.approx(estimate, rel=0.03, abs=6)


def test_zeros_at_the_end_are_not_kept(coder):
    silent, loud = (coder.encode(*integers(1, 20, scale=scale), knobs(1))[0] for scale in (0.0, 5.0))
    assert len(silent) < len(loud) / 4


@pytest.mark.slow
@settings(max_examples=150)
@example(payload=b"\xff" * 3000, knob=0, frames=20)
@example(payload=b"\0" * 3000, knob=255, frames=20)
@example(payload=b"", knob=100, frames=20)
@given(payload=st.binary(max_size=300), knob=st.integers(0, 255), frames=st.integers(1, 20))
def test_any_bytes_give_some_integers_or_are_refused(coder, payload, knob, frames):
    try:
        side, waves = coder.decode([payload], knob_value(torch.tensor([knob])), [frames])
    except ValueError:
        return
    assert side.shape == (1, -(-frames // HELD), SIDE)
    assert waves.shape == (1, frames, WAVES)
    for part in (side, waves):
        assert part.isfinite().all()
        assert torch.equal(part, part.round())
    assert waves.abs().max() <= 2**21


@pytest.mark.parametrize("held", [1, 2, 3])
def test_side_numbers_may_stand_for_some_frames(held):
    coder = PacketCoder(make_entropy(held=held))
    for frames in (1, 2, 3, 7):
        assert_round_trip(coder, *integers(2, frames, scale=5.0, held=held))


def test_without_frequencies_there_is_no_coder():
    with pytest.raises(ConfigError, match=r"call model\.entropy\.freeze"):
        PacketCoder(EntropyModel(SIDE, WAVES))


def test_a_coder_keeps_the_weights_it_was_made_of():
    model = make_entropy()
    coder, (h, y) = PacketCoder(model), integers(1, 8)
    before = coder.encode(h, y, knobs(1))
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)
    assert coder.encode(h, y, knobs(1)) == before
    assert next(model.parameters()).dtype == torch.float32, "and leaves the model as it is"
