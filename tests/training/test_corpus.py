"""Training and validation stores: no voice in two of them, and none of the test split."""

import shutil

import pytest
import torch

from hypersound_lib.data import load_dataset
from hypersound_lib.errors import ConfigError
from hypersound_lib.training import training_stores


@pytest.mark.slow
def test_voices_are_kept_apart():
    train, validation = training_stores("mini", 8000)
    speakers = set(train.speakers), set(validation.speakers), set(load_dataset("mini", "test").speakers)
    assert all(speakers)
    assert not speakers[0] & speakers[1]
    assert not (speakers[0] | speakers[1]) & speakers[2]
    assert train.sample_rate == validation.sample_rate == 8000
    peaks = [train.read(i).abs().max() for i in range(0, len(train), 40)]
    assert min(peaks) > 0.999, "each recording is at full scale"


def make_folder(folder, speakers, files=4):
    """Write a corpus of a few short recordings of the embedded one."""
    sources = [recording.path for recording in load_dataset("mini", "test").recordings]
    for speaker in range(speakers):
        for number in range(files):
            target = folder / f"speaker{speaker}" / f"{number}.ogg"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(sources[number], target)
    return folder


def test_several_corpora_each_hold_voices_out(tmp_path):
    first, second = (make_folder(tmp_path / name, speakers=3) for name in ("a", "b"))
    train, validation = training_stores([first, second], 8000)
    alone = training_stores(first, 8000)
    assert len(train) == 2 * len(alone[0])
    assert len(validation) == 2 * len(alone[1])
    for store in (train, validation):
        assert {name.removeprefix(str(tmp_path))[1] for name in store.names} == {"a", "b"}


def test_one_speaker_is_divided_by_files(tmp_path):
    train, validation = training_stores(make_folder(tmp_path / "one", speakers=1, files=6), 8000)
    assert len(train) > len(validation) > 0
    assert not set(train.names) & set(validation.names)


def test_a_folder_memory_maps_the_same_samples(tmp_path):
    corpus = make_folder(tmp_path / "corpus", speakers=3)
    in_memory = training_stores(corpus, 8000)
    on_disk = training_stores(corpus, 8000, folder=tmp_path / "store")
    for a, b in zip(in_memory, on_disk, strict=True):
        assert b.folder is not None
        assert torch.equal(a.read(0), b.read(0))
        assert a.names == b.names


def test_damaged_recordings_are_left_out_also_where_minutes_are_counted(tmp_path):
    corpus = make_folder(tmp_path / "corpus", speakers=3)
    (corpus / "speaker0" / "0.ogg").write_bytes(b"broken")
    (corpus / "speaker1" / "1.ogg").write_bytes(b"broken")
    with pytest.warns(UserWarning, match="1 of .* recordings are left out") as warned:
        train, validation = training_stores(corpus, 8000, minutes=60)
    assert len(warned) == 2
    assert len(train) == len(validation) == 3  # the third speaker is for tests


@pytest.mark.slow
def test_minutes_are_an_upper_bound_and_the_choice_is_the_same_each_time():
    whole, validation = training_stores("mini", 8000)
    some, same = (training_stores("mini", 8000, minutes=2) for _ in range(2))
    seconds = some[0].lengths.sum() / 8000
    assert 110 < seconds <= 120.5, "as near as whole recordings come"
    assert some[0].names == same[0].names
    assert set(some[0].names) < set(whole.names)
    assert some[1].names == validation.names, "what validates stays"
    with pytest.raises(ConfigError, match=r"no recording is as short as 0\.001 minutes"):
        training_stores("mini", 8000, minutes=0.001)
