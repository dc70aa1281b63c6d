"""Excerpts: one instant and one gain at every rate, spread over the dataset; what cannot be used is named."""

import pytest
import torch

from hypersound_lib.data import load_dataset, resample, save_audio
from hypersound_lib.errors import ConfigError, DatasetError
from hypersound_lib.evaluation import Excerpt, choose_excerpts


def test_every_rate_is_the_whole_recording_resampled_then_cut_with_one_gain():
    recording = 0.25 * torch.randn(48000, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    excerpt = Excerpt("noise", recording, 48000, seconds=0.5)
    assert excerpt.at(48000).abs().max().item() == pytest.approx(1)
    for rate in (8000, 22050, 44100):
        expected = excerpt.gain * resample(recording, 48000, rate)[: rate // 2]
        assert torch.equal(excerpt.at(rate), expected)
        assert len(excerpt.at(rate)) == rate // 2


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 12345])
@pytest.mark.parametrize("start", [0, 4, 17640, 20003])
def test_an_excerpt_begins_at_one_instant_at_every_rate(rate, start):
    t = torch.arange(44100, dtype=torch.float64) / 44100
    excerpt = Excerpt("tone", torch.sin(2 * torch.pi * 1000 * t).float(), 44100, seconds=0.4, start=start)
    t = start / 44100 + torch.arange(int(0.4 * rate), dtype=torch.float64) / rate
    middle = slice(rate // 20, -rate // 20)
    wanted = torch.sin(2 * torch.pi * 1000 * t).float()
    torch.testing.assert_close(excerpt.at(rate)[middle] / excerpt.gain, wanted[middle], rtol=0, atol=2e-3)


@pytest.mark.parametrize("noise_db", [-90, -74, -40])
def test_the_loudest_window_is_taken_and_noise_alone_is_left_out_with_a_reason(tmp_path, noise_db):
    noise = 10 ** (noise_db / 20) * (2 * torch.rand(32000, generator=torch.Generator().manual_seed(0)) - 1)
    speech = 0.3 * torch.sin(torch.arange(32000) / 5)
    save_audio(tmp_path / "late.flac", torch.cat([noise, speech, noise]), 16000)
    save_audio(tmp_path / "noise.flac", noise, 16000)
    excerpts, skipped = choose_excerpts(tmp_path, seconds=1.5)
    late = excerpts[0]
    assert 32000 - 640 <= late.start <= 40000 + 640
    assert late.at(16000).square().mean().sqrt() > 0.65  # a full-scale tone's is 0.707
    assert len(late.at(8000)) == 12000
    quiet = noise_db < -70
    assert ("noise.flac" in skipped) == quiet
    if quiet:
        assert "below -70 dBFS" in skipped["noise.flac"]


@pytest.mark.slow
def test_a_limit_spreads_over_the_speakers_of_the_test_split():
    excerpts, skipped = choose_excerpts("mini", limit=8, seconds=0.5)
    recordings = load_dataset("mini", "test").recordings
    assert [e.name for e in (excerpts[0], excerpts[-1])] == [recordings[0].path.name, recordings[-1].path.name]
    assert {e.speaker for e in excerpts} == {r.speaker for r in recordings}
    assert not skipped
    assert len(choose_excerpts("mini", limit=10**6)[0]) == len(recordings)


def test_what_cannot_be_used_is_skipped_with_a_reason(tmp_path):
    noise = 0.1 * torch.randn(16000, generator=torch.Generator().manual_seed(0))
    save_audio(tmp_path / "good.wav", noise, 16000)
    save_audio(tmp_path / "short.wav", noise[:100], 16000)
    save_audio(tmp_path / "silent.wav", torch.zeros(16000), 16000)
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    excerpts, skipped = choose_excerpts(tmp_path)
    assert [e.name for e in excerpts] == ["good.wav"]
    assert set(skipped) == {"short.wav", "silent.wav", "broken.wav"}
    assert "silence" in skipped["silent.wav"]
    assert "0.006 s" in skipped["short.wav"]


def test_files_of_one_name_in_two_folders_keep_apart(tmp_path):
    for speaker in ("a", "b"):
        save_audio(tmp_path / speaker / "x.wav", torch.ones(8000) / 2, 8000)
    assert [e.name for e in choose_excerpts(tmp_path)[0]] == ["a/x.wav", "b/x.wav"]


@pytest.mark.parametrize("seconds", [1e15, 1e20, float("inf")])
def test_more_seconds_than_there_are_take_the_whole(tmp_path, seconds):
    noise = 0.1 * torch.randn(16000, generator=torch.Generator().manual_seed(0))
    save_audio(tmp_path / "a.wav", noise, 16000)
    save_audio(tmp_path / "quiet.wav", noise / 1e4, 16000)
    (whole,), skipped = choose_excerpts(tmp_path, seconds=seconds)
    (least,), _ = choose_excerpts(tmp_path, seconds=1.0)
    for rate in (16000, 11025, 48000):
        assert torch.equal(whole.at(rate), least.at(rate))
    assert "its loudest 1 s: peaks" in skipped["quiet.wav"]


def test_impossible_wishes_are_refused(tmp_path):
    save_audio(tmp_path / "silent.wav", torch.zeros(16000), 16000)
    with pytest.raises(ConfigError, match="silence"):
        choose_excerpts(tmp_path)
    with pytest.raises(ConfigError, match="at least one recording"):
        choose_excerpts("mini", limit=0)
    with pytest.raises(ConfigError, match="not None of nan s"):
        choose_excerpts("mini", seconds=float("nan"))
    with pytest.raises(DatasetError, match="did you mean"):
        choose_excerpts("mimi")
