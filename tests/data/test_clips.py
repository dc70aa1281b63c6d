"""Random clips are reproducible, never repeat between workers, and come evenly from the whole corpus."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from hypersound_lib.data import AudioStore, RandomClips, paper_augmentation
from hypersound_lib.errors import ConfigError

T, STEPS = 64, paper_augmentation(22050)


def make_store(*lengths: int) -> AudioStore:
    """Return a store whose samples count up from 0 across all recordings: a sample tells where it comes from."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    samples = torch.arange(offsets[-1], dtype=torch.int16)
    return AudioStore(samples, offsets, 22050, [f"{n}.wav" for n in range(len(lengths))], [""] * len(lengths))


def positions(clip: torch.Tensor) -> torch.Tensor:
    return (clip * 32768).round().int()


def stream(num_workers: int = 0, seed: int = 0, num_clips: int = 48, context=None):
    clips = RandomClips(make_store(3000, 1000), T, num_clips, STEPS, seed=seed)
    loader = DataLoader(clips, batch_size=4, num_workers=num_workers, multiprocessing_context=context)
    return torch.cat(list(loader))  # (num_clips, T)


@pytest.mark.parametrize("num_workers", [1, 2])
def test_the_stream_does_not_depend_on_the_number_of_workers(num_workers):
    assert torch.equal(stream(num_workers), stream(0))


@pytest.mark.slow
def test_workers_that_are_not_forked_give_the_same_stream():
    assert torch.equal(stream(1, num_clips=8, context="spawn"), stream(0, num_clips=8))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_no_two_clips_of_a_stream_are_the_same(num_workers):
    clips = stream(num_workers, num_clips=200)
    assert clips.shape == (200, T)
    assert len(torch.unique(clips, dim=0)) == 200
    assert len(torch.unique(torch.cat([clips, stream(seed=1)]), dim=0)) == 248


def test_a_clip_depends_on_its_number_alone_so_that_training_resumes_where_it_stopped():
    clips = RandomClips(make_store(3000, 1000), T, 100, STEPS)
    assert torch.equal(stream(num_clips=48)[20:], torch.stack([clips[i] for i in range(20, 48)]))


def test_a_clip_is_consecutive_samples_of_one_recording():
    store = make_store(100, 64, 300)
    clips = RandomClips(store, T, 500)
    starts = set()
    for number in range(500):
        where = positions(clips[number])
        assert torch.equal(where, torch.arange(T, dtype=torch.int32) + where[0])
        first, last = np.searchsorted(store.offsets, [where[0].item(), where[-1].item()], side="right")
        assert first == last
        starts.add(where[0].item())
    assert {0, 36, 100} <= starts, "the first start, the last start and the only start of a recording are reached"


@pytest.mark.filterwarnings("ignore:.*are left out")
def test_a_clip_s_description_names_the_file_and_the_instant_it_begins_at():
    store = make_store(3000, 10, 5000)
    clips = RandomClips(store, T, 50, STEPS)
    plain = RandomClips(store, T, 50)
    for number in (*range(50), -1):
        first = positions(plain[number])[0].item()
        recording = int(np.searchsorted(store.offsets, first, side="right")) - 1
        start = first - int(store.offsets[recording])
        assert clips.describe(number) == f"{recording}.wav from {start / 22050:.3f} s on"
    assert len(clips) == 50
    assert torch.equal(clips[-1], clips[49])
    for use in (clips.describe, clips.__getitem__):
        with pytest.raises(IndexError):
            use(50)


def test_recordings_are_drawn_in_proportion_to_their_length():
    store = make_store(1000, 3000)
    clips = RandomClips(store, T, 4000)
    first = sum(positions(clips[number])[0].item() < 1000 for number in range(4000))
    assert first / 4000 == pytest.approx(0.25, abs=0.03)


def test_short_recordings_are_left_out_with_a_warning():
    store = make_store(10, 500)
    with pytest.warns(UserWarning, match=r"1 of 2 recordings are shorter than 64 samples.*0\.wav with 10"):
        clips = RandomClips(store, T, 200)
    assert all(positions(clips[number])[0] >= 10 for number in range(200))


def test_no_recording_long_enough_names_the_longest_and_a_remedy():
    with pytest.raises(ConfigError, match=r"none of 2 recordings has 64 samples; .*1\.wav, has 20\. Ask for shorter"):
        RandomClips(make_store(10, 20), T, 5)


@pytest.mark.parametrize("change", [{"num_samples": 0}, {"num_clips": 0}, {"seed": -1}], ids=lambda c: next(iter(c)))
def test_settings_that_cannot_work_are_refused(change):
    with pytest.raises(ConfigError, match="not"):
        RandomClips(**({"store": make_store(640), "num_samples": T, "num_clips": 10} | change))
