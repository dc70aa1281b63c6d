"""Compression: files are no larger than asked for, better when larger, and the same for the same sound at any level."""

import pytest
import torch

from hypersound_lib.coding.compression import compress_blocks
from hypersound_lib.coding.container import Header
from hypersound_lib.coding.packets import SEGMENT
from hypersound_lib.coding.rate import DEFAULT_KBPS, Rate, quality_of, survey
from hypersound_lib.errors import HIGHEST_RATE, CodeFileError, ConfigError
from tests.coding.small import contents
from tests.local.shipped import load_shipped, voice
from tests.local.small import CONFIG, HOP, RATE, make_model, sound

SECONDS = [0.11, 0.5, 1.0, 3.7]


def kbps(data, num_samples):
    return len(data) / 125 / (num_samples / RATE)


@pytest.mark.parametrize("seconds", SECONDS)
@pytest.mark.parametrize("asked", [32.0, 47.3, 64.0])
def test_a_file_is_at_most_as_large_as_asked_and_little_smaller(model, seconds, asked):
    x = sound(round(seconds * RATE))
    data = model.compress(x, RATE, kbps=asked)
    assert 0.85 * asked < kbps(data, len(x)) <= asked


@pytest.mark.slow
def test_silence_takes_little_and_loud_parts_may_use_what_quiet_ones_left(model):
    x = sound(4 * RATE)
    x[: 2 * RATE] = 0
    asked = 48.0
    data = model.compress(x, RATE, kbps=asked)
    assert kbps(data, len(x)) <= asked
    half = x[2 * RATE :]
    (error, alone) = (
        (model.decompress(model.compress(part, RATE, kbps=asked))[-len(half) :] - half).square().mean()
        for part in (x, half)
    )
    assert error < 0.9 * alone


def test_quality_sets_the_size_and_the_error(model):
    x = sound(RATE)
    sizes, errors = [], []
    for quality in (0, 2.5, 5, 7.5, 10):
        data = model.compress(x, RATE, quality=quality)
        sizes.append(len(data))
        errors.append((model.decompress(data) - x).square().mean().item())
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert sizes[-1] > 1.3 * sizes[0]


@pytest.mark.parametrize("octaves", [-20, -7, -1, 1, 6])
def test_the_same_sound_at_another_level_gives_the_same_packets(model, octaves):
    x = sound(RATE)
    data, other = model.compress(x, RATE, kbps=64), model.compress(2.0**octaves * x, RATE, kbps=64)
    (header, at), (other_header, _) = Header.from_bytes(data), Header.from_bytes(other)
    assert other[at:] == data[at:]
    assert other_header.level - header.level == 8 * octaves


@pytest.mark.parametrize("gain", [1e-2, 0.13, 100.0, 1e-6])
def test_levels_between_change_little(model, gain):
    """A level is told in eighths of an octave, so the model may take a sound as up to 0.75 dB louder than another.

    The logarithm of that is 0.087, as much as 6.3 positions of the knob, 0.25 of quality, change in every step.
    """
    x = sound(RATE)
    data, other = model.compress(x, RATE, quality=5), model.compress(gain * x, RATE, quality=5)
    coarser, finer = (len(model.compress(x, RATE, quality=quality)) for quality in (4.75, 5.25))
    assert coarser <= len(other) <= finer
    error = (model.decompress(data) - x).square().mean()
    there = (model.decompress(other) / gain - x).square().mean()
    assert there.item() == pytest.approx(error.item(), rel=0.2)


def test_silence_has_the_lowest_level_and_a_lone_click_is_what_there_is():
    lonely = torch.zeros(RATE)
    assert survey([lonely], HOP).level == 0
    lonely[5] = 0.5
    assert survey([lonely], HOP).level > 100


def test_the_loudest_level_comes_back(model):
    x = 260 * sound(RATE)
    data = model.compress(x, RATE, quality=10)
    assert Header.from_bytes(data)[0].level == 255
    assert (model.decompress(data) - x).square().mean() < 0.1 * x.square().mean()


def test_a_click_changes_its_own_packet_alone(model):
    """60 dB above the sound. At a rate instead of a quality its bits are missing elsewhere, and nothing else is."""
    packet = CONFIG.packet * HOP
    x = 1e-3 * sound(8 * packet)
    clicked = x.clone()
    clicked[3 * packet + packet // 2] = 1.0
    (header, plain), (other_header, other) = (contents(model.compress(y, RATE, quality=5), 9) for y in (x, clicked))
    assert header.level == other_header.level
    assert [number for number in range(9) if plain[number] != other[number]] == [3]


@pytest.mark.slow
def test_a_click_beside_speech_takes_about_one_or_two_kilobytes_at_any_quality():
    """Why a short file at a fixed rate is the worse for it: with the coarsest steps, too, it costs that much."""
    model = load_shipped()
    x = 1e-3 * voice()[: 2 * 22050] / voice().abs().max()
    clicked = x.clone()
    clicked[len(x) * 3 // 4] += 1
    for quality in (0, 5, 10):
        files = (contents(model.compress(y, 22050, quality=quality), 3)[1] for y in (x, clicked))
        plain, other = ([len(packet.payload) for packet in packets] for packets in files)
        assert other[0] == pytest.approx(plain[0], rel=0.05), "what is before keeps its bits"
        assert 600 < sum(other) - sum(plain) < 1800


@pytest.mark.parametrize("size", [1, 37, 1000])
def test_blocks_of_any_size_give_the_same_bytes(model, size):
    """The number of samples in a block may change sums in their last digit, but no integer of these."""
    x = sound(3000)
    whole = model.compress(x, RATE, kbps=64)
    blocks = x.split(size)
    measured = survey(blocks, HOP)
    assert b"".join(compress_blocks(model, iter(blocks), measured, RATE, Rate(kbps=64))) == whole
    assert measured.num_samples == 3000


@pytest.mark.parametrize("levels", [(1,), (1, 1, 1), (0.01, 1, 0.3), (1, 0.01, 0.01), (0, 0, 1), (0.3, 0.01, 1)])
def test_a_rate_that_is_too_low_is_refused_with_one_that_is_enough_wherever_the_loud_part_is(model, levels):
    x = sound(len(levels) * SEGMENT * CONFIG.packet * HOP * 2 // 3).chunk(len(levels))
    x = torch.cat([level * part for level, part in zip(levels, x, strict=True)])
    message = r"0\.3 kbit/s is too little.*with its coarsest steps this model takes .*; give at least that"
    with pytest.raises(ConfigError, match=message) as error:
        model.compress(x, RATE, kbps=0.3)
    least = float(str(error.value).split("takes ")[1].split(";")[0])
    found = kbps(model.compress(x, RATE, kbps=least), len(x))
    assert found <= least
    assert found > least - 0.011 or len(levels) > 1, "in one segment it is the least"


def test_parts_come_segment_by_segment(model):
    x = sound(5 * SEGMENT * CONFIG.packet * HOP)
    taken = 0

    def blocks():
        nonlocal taken
        for block in x.split(50):
            taken += len(block)
            yield block

    parts = compress_blocks(model, blocks(), survey([x], HOP), RATE, Rate(knob=100))
    assert Header.from_bytes(next(parts))[0].num_samples == len(x)
    assert taken == 0
    assert len(next(parts)) > 1000
    assert taken < 1.1 * SEGMENT * CONFIG.packet * HOP


def test_the_original_rate_is_kept_and_the_length_is_that_of_resampling(model):
    header, _ = Header.from_bytes(model.compress(sound(1001), 11025, quality=5))
    assert (header.original_rate, header.num_samples) == (11025, round(1001 * RATE / 11025))


def test_rates_and_qualities():
    assert Rate.of(None, None) == Rate(kbps=DEFAULT_KBPS)
    assert Rate.of(None, 0) == Rate(knob=255)
    assert Rate.of(None, 10) == Rate(knob=0)
    assert [Rate.of(None, quality_of(knob)).knob for knob in range(256)] == list(range(256))
    for wrong in ((6, 5), (None, 11), (None, -0.1), (0, None), (-3, None), (float("nan"), None), (float("inf"), None)):
        with pytest.raises(ConfigError):
            Rate.of(*wrong)


@pytest.mark.parametrize(
    ("waveform", "rate", "message"),
    [
        (32768 * sound(500), RATE, r"RMS of .*, and 35\.2 is the most.*divide 16-bit samples by 32768"),
        (torch.zeros(100), 0, "positive number of Hz"),
        (torch.zeros(100000), HIGHEST_RATE + 1, f"100 to {HIGHEST_RATE}"),
        (torch.zeros(1), 100 * RATE, "no sample"),
    ],
)
def test_what_is_no_sound_is_refused(model, waveform, rate, message):
    with pytest.raises(ConfigError, match=message):
        model.compress(waveform, rate, quality=5)


@pytest.mark.parametrize("level", [1e25, torch.inf, torch.nan])
def test_a_survey_of_no_sound_is_refused(level):
    with pytest.raises(ConfigError, match=r"RMS of (inf|nan)"):
        survey([torch.full((500,), level)], HOP)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_weights_of_any_precision_code_a_sound(model, dtype):
    """Weights that were rounded are another model's, whose steps differ; those that were not are the same model's."""
    x, narrow = sound(3000), make_model().to(dtype)
    data = narrow.compress(x, RATE, quality=5)
    if dtype == torch.float64:
        torch.testing.assert_close(model.decompress(data), narrow.decompress(data), rtol=0, atol=1e-5)
        again = narrow.decompress(model.compress(x, RATE, quality=5))
        torch.testing.assert_close(again, narrow.decompress(data), rtol=0, atol=1e-5)
    else:
        with pytest.raises(CodeFileError, match="another model"):
            model.decompress(data)
    error, expected = (
        (m.decompress(m.compress(x, RATE, quality=5)) - x).square().mean().item() for m in (narrow, model)
    )
    assert error == pytest.approx(expected, rel=0.1)
    assert len(data) == pytest.approx(len(model.compress(x, RATE, quality=5)), rel=0.05)
    assert len(narrow.compress(x, RATE, kbps=64)) <= 64 * 125 * 3000 / RATE


def test_sizes_of_many_packets_are_estimated_in_half_precision_too():
    x = 0.1 * sound(60 * 20 * HOP)
    assert 0.95 < len(make_model().half().compress(x, RATE, kbps=40)) / (40 * 125 * len(x) / RATE) <= 1


def test_what_half_precision_cannot_hold_is_refused():
    click = 1e-3 * sound(3000)
    click[500] = 1000.0
    with pytest.raises(ConfigError, match=r"beyond torch\.float16.*model\.float\(\)"):
        make_model().half().compress(click, RATE, quality=10)
