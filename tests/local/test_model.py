"""LocalHyperSound: any length, packets that do not need each other, bounded amplitudes, and folders."""

import pytest
import torch

from hypersound_lib.coding.entropy import Packets
from hypersound_lib.coding.rate import knob_value
from hypersound_lib.coding.tensors import hold, round_through
from hypersound_lib.errors import ConfigError
from hypersound_lib.evaluation.systems import load_system
from hypersound_lib.local.config import LocalHyperSoundConfig
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.local.networks import Leak, settled
from hypersound_lib.local.streaming import look_ahead
from tests.local.small import CONFIG, HOP, RATE, make_model, sound


@pytest.mark.parametrize("num_samples", [1, 15, 16, 17, 100, 333, 1000])
def test_any_length_comes_back_as_long(num_samples):
    model, x = make_model(), sound(num_samples)[None]
    theta = model.encode(x, knob=50)
    assert theta.shape == (1, (num_samples - 1) // HOP + 2, HOP)
    for copy in (model(x), model.decode(theta, num_samples)):
        assert copy.shape == (1, num_samples)
        assert copy.isfinite().all()


def test_without_a_knob_nothing_is_rounded_and_nothing_lost():
    model, x = make_model(), torch.stack([sound(1000, 1), sound(1000, 2)])
    torch.testing.assert_close(model.decode(model.encode(x), 1000), x, rtol=0, atol=1e-5)


def test_items_of_a_batch_do_not_mix_and_windows_are_parts_of_the_whole():
    model, x = make_model(), torch.stack([sound(300, 1), sound(300, 2)])
    whole = model(x, knob=80)
    assert not torch.allclose(whole[0], whole[1], atol=1e-3)
    torch.testing.assert_close(whole[1:], model(x[1:], knob=80), rtol=0, atol=1e-6)
    torch.testing.assert_close(whole[:, 37:90], model(x, 37, 53, knob=80), rtol=0, atol=1e-6)
    torch.testing.assert_close(whole, model.decode(model.encode(x, 80), 300), rtol=0, atol=1e-6)


@pytest.mark.parametrize("rest", [0, 5])
def test_frames_that_reach_beyond_a_clip_are_played_as_they_were_and_cost_nothing(rest):
    hops, value = CONFIG.packet, knob_value(60)[None]
    model, x = make_model(), sound(hops * HOP + rest)[None]
    copy, costs = model(x, with_costs=True, knob=60)
    amplitudes = model.amplitudes(x)
    real, theta = model.quantise_and_generate(amplitudes[:, 1:hops], value)
    kbps = sum(model.entropy.bits(*real, value)) / 1000 / ((hops - 1) * HOP / RATE)
    torch.testing.assert_close(costs["rate"], (CONFIG.price * torch.exp(CONFIG.price_slope * value) * kbps)[0])
    ends = amplitudes / model.unit
    expected = model.decode(torch.cat([ends[:, :1], theta, ends[:, hops:]], dim=1), x.shape[1])
    torch.testing.assert_close(copy, expected, rtol=0, atol=1e-6)
    assert not torch.allclose(copy, model(x, knob=60), atol=1e-3), "all frames of a file are sent"


def test_no_packet_depends_on_another():
    model, size = make_model(), CONFIG.packet
    x = sound(3 * size * HOP)[None]
    other = x.clone()
    other[:, (size + 1) * HOP :] += sound(2 * size * HOP - HOP, 1)  # under frames size + 1 … and no earlier one
    a, b = model.encode(x, 60), model.encode(other, 60)
    torch.testing.assert_close(a[:, :size], b[:, :size], rtol=0, atol=0)
    assert not torch.allclose(a[:, size:], b[:, size:])


def test_a_frame_depends_on_the_look_ahead_and_on_no_later_frame():
    model = make_model(packet=64)
    amplitudes = torch.randn(1, 64, HOP, requires_grad=True)
    knob = knob_value(0)[None]
    sent = Packets(*map(round_through, model.quantise(amplitudes, knob)))
    theta = model.generate(sent, knob)[0]
    reached = []
    for k in range(20, 20 + CONFIG.side_held):
        (grad,) = torch.autograd.grad(theta[k].square().sum(), amplitudes, retain_graph=True)
        reached.append(int(grad[0].abs().sum(dim=-1).nonzero().max()) - k)
    assert max(reached) == look_ahead(model), "neither less, nor overstated"


@torch.no_grad()
def test_no_amplitude_leaves_its_cell_by_more_than_half_a_step():
    """So nothing in the copy is louder than what was sent allows, whatever the weights are."""
    torch.manual_seed(0)
    model = make_model()
    for p in model.generator.parameters():
        p.normal_(std=3.0)
    side, waves = torch.randn(4, 10, 3).mul(3).round(), torch.randn(4, 20, HOP).mul(3).round()
    knob = knob_value(torch.tensor([0, 100, 200, 255]))
    steps = torch.exp(-model.steps(hold(side, 2, 20), knob))
    error = (model.generate(Packets(side, waves), knob) * model.unit / steps - waves).abs()
    assert error[waves != 0].max() <= 0.5 + 1e-4
    assert 0.5 < error[waves == 0].max() <= 1 + 1e-4, "noise may add half a step, where nothing was sent"


@torch.no_grad()
def test_what_a_wave_tells_of_others_depends_on_their_distance_and_on_whether_it_is_even():
    torch.manual_seed(0)
    leak = Leak(60, reach=6)
    leak.kernel.weight.normal_()
    sent = torch.zeros(1, 5, 60)
    sent[0, 2, 20] = 1.0
    found = leak(sent)
    torch.testing.assert_close(leak(sent.roll(4, dims=-1)), found.roll(4, dims=-1))
    assert not torch.allclose(leak(sent.roll(1, dims=-1)), found.roll(1, dims=-1), atol=1e-3)
    torch.testing.assert_close(leak(-3 * sent), -3 * found)
    frames, waves = found[0].nonzero().unbind(-1)
    assert (frames.min(), frames.max(), waves.min(), waves.max()) == (1, 3, 14, 27), "a frame and three pairs around"


@torch.no_grad()
def test_beyond_both_ends_the_waves_go_on_as_in_a_mirror():
    torch.manual_seed(0)
    leak, longer = Leak(60, reach=40), Leak(180, reach=40)
    longer.kernel.weight.copy_(leak.kernel.weight.normal_())
    sent = torch.randn(2, 5, 60)
    around = torch.cat([sent.flip(-1), sent, sent.flip(-1)], dim=-1)
    torch.testing.assert_close(leak(sent), longer(around)[..., 60:120], rtol=0, atol=1e-5)


def test_side_numbers_near_a_half_are_not_rounded_up_and_down_in_turn_where_a_sound_is_steady():
    generator = torch.Generator().manual_seed(0)
    hovering = 3.5 + 0.04 * torch.randn(2, 40, 8, generator=generator)
    assert hovering.round().diff(dim=1).any()
    chosen = settled(hovering).round()
    assert not chosen.diff(dim=1).any()
    assert torch.equal(chosen[:, 0], hovering[:, 0].round())
    assert torch.equal(settled(hovering)[:, :15], settled(hovering[:, :15])), "later numbers have no say"


def test_side_numbers_of_other_sounds_stay_and_none_is_far_from_what_is_sent():
    generator = torch.Generator().manual_seed(0)
    changing = torch.randn(2, 40, 8, generator=generator).cumsum(dim=1)
    assert torch.equal(settled(changing), changing)
    slow = 0.1 * changing  # a steady sound that strays
    assert not torch.equal(settled(slow).round(), slow.round())
    assert (settled(slow).round() - slow).abs().max() <= 0.75


def test_gradients_of_side_numbers_pass_as_if_none_were_settled():
    side = (0.1 * torch.randn(1, 40, 8, generator=torch.Generator().manual_seed(0)).cumsum(dim=1)).requires_grad_()
    (settled(side) * torch.arange(40.0)[:, None]).sum().backward()
    assert torch.equal(side.grad, torch.arange(40.0)[:, None].expand(1, 40, 8))


def test_a_folder_holds_the_model_that_files_name_and_a_system_plays_at_its_rate(tmp_path):
    model = make_model()
    model.save_pretrained(tmp_path / "local")
    assert LocalHyperSound.from_pretrained(tmp_path / "local").identity() == model.identity()
    assert make_model(seed=1).identity() != model.identity()
    system = load_system(str(tmp_path / "local"), kbps=70.0)
    copy = system.reconstruct(sound(4000), RATE, RATE)
    assert torch.equal(copy, model.reconstruct(sound(4000), RATE, kbps=70.0))


def test_every_weight_learns():
    model, x = make_model().train(), sound(3000).expand(2, -1)
    # With fine steps and with coarse ones: a network of signs that had too few of them has no gradient.
    copy, costs = model(x, with_costs=True, knob=torch.tensor([0, 128]))
    ((copy - x).square().mean() + sum(costs.values())).backward()
    for key, p in model.named_parameters():
        assert p.grad is not None, key
        assert p.grad.any(), key


LONG = {"sample_rate": 8000, "hop": 80, "packet": 101}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *(({name: 0}, "sizes must be positive") for name in ("hop", "side", "packet")),
        ({"hop": 7}, "hop even"),
        *(({"price": price}, "price of bits is a number of at least 0") for price in (-1.0, 1e999)),
        (LONG, r"101 frames of 80 samples last 1\.01 s; at 8000 Hz packet is at most 100"),
    ],
)
def test_impossible_configs_are_refused(change, message):
    assert LocalHyperSoundConfig(**LONG | {"packet": 100}).packet == 100
    with pytest.raises(ConfigError, match=message):
        LocalHyperSoundConfig(**change)


def test_what_cannot_be_encoded_or_played_is_refused():
    model = make_model()
    with pytest.raises(ConfigError, match="positions 0 to 255"):
        model.encode(sound(50)[None], 256)
    with pytest.raises(ConfigError, match="positive number of Hz"):
        model.decode(model.encode(torch.zeros(1, 50)), sample_rate=0)


def test_a_rate_that_was_asked_for_is_not_exceeded_by_a_short_sound():
    model = make_model()
    assert model.reconstruct(sound(100), RATE).shape == (100,)
    with pytest.raises(ConfigError, match="6 kbit/s is too little"):
        model.reconstruct(sound(100), RATE, kbps=6)
