"""Each public corpus' folder is read as it lies; no group is in two splits, which together hold every recording."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypersound_lib.data import CORPORA, Recording
from hypersound_lib.data.catalogue import hold_out_last, split_any_folder, split_speechcommands
from hypersound_lib.data.layouts import index_folder, index_speechcommands, index_vctk

from .miniatures import corpus_files, write_files

SPOKEN = {  # how many recordings there are, and some by their numbers: file, speaker, transcript
    "vctk": (
        14,
        {
            0: ("wav48_silence_trimmed/p225/p225_001_mic2.flac", "p225", "Text of p225."),
            12: ("wav48_silence_trimmed/p280/p280_001_mic1.flac", "p280", "Text of p280."),  # it has no other
            13: ("wav48_silence_trimmed/p315/p315_001_mic2.flac", "p315", ""),
        },
    ),
    "ljspeech": (
        40,
        {n: (f"wavs/LJ{n // 2 + 1:03d}-{n % 2 + 1:04d}.wav", "LJ", 'In eighteen "it') for n in range(40)},
    ),
    "librispeech-dev-clean": (20, {3: ("103/7/103-7-0000.flac", "103", "SPOKEN BY 103")}),
    "speechcommands": (
        6,  # and none of the background
        {
            0: ("no/aaa_nohash_0.wav", "aaa", "no"),
            1: ("no/ccc_nohash_0.wav", "ccc", "no"),
            2: ("no/ddd_nohash_0.wav", "ddd", "no"),
            3: ("yes/aaa_nohash_0.wav", "aaa", "yes"),
            4: ("yes/bbb_nohash_0.wav", "bbb", "yes"),
            5: ("yes/ddd_nohash_0.wav", "ddd", "yes"),
        },
    ),
    "yesno": (8, {0: ("0_1_0_0_0_0_1_1.wav", "yesno", "no yes no no no no yes yes")}),
}


@pytest.mark.parametrize("name", SPOKEN)
def test_a_public_corpus_is_read_as_it_lies(tmp_path, name):
    folder = write_files(tmp_path, corpus_files(name)) / CORPORA[name].archive.inside
    recordings = CORPORA[name].index(folder)
    count, some = SPOKEN[name]
    assert len(recordings) == count
    assert all(recording.path.is_file() for recording in recordings)
    assert recordings == sorted(recordings, key=lambda recording: recording.path)
    for number, (file, speaker, transcript) in some.items():
        assert recordings[number] == Recording(folder / file, speaker, transcript)


@pytest.mark.parametrize("suffix", [".ogg", ".flac", ".wav"])
def test_a_corpus_in_vctk_s_layout_may_have_one_microphone_and_any_format(tmp_path, suffix):
    names = [f"wav48_silence_trimmed/s{n:02d}/s{n:02d}_001_mic1{suffix}" for n in (1, 2)]
    write_files(tmp_path, dict.fromkeys(reversed(names), b"") | {"txt/s01/s01_001.txt": "Grüße.\n".encode()})
    expected = [Recording(tmp_path / names[0], "s01", "Grüße."), Recording(tmp_path / names[1], "s02", "")]
    assert index_vctk(tmp_path) == expected


def test_any_folder_is_searched_and_hidden_files_are_not(tmp_path):
    names = ["b/x.wav", "a/deep/y.FLAC", "z.ogg", "notes.txt", ".cache/h.wav", "a/._y.flac"]
    recordings = index_folder(write_files(tmp_path, dict.fromkeys(names, b"")))
    found = [(r.path.relative_to(tmp_path).as_posix(), r.speaker) for r in recordings]
    assert found == [("a/deep/y.FLAC", "a"), ("b/x.wav", "b"), ("z.ogg", "")]


SPEAKERS = st.lists(st.sampled_from([f"s{n:02d}" for n in range(30)]), min_size=1, max_size=80)


@given(names=SPEAKERS, count=st.none() | st.integers(0, 12))
def test_held_out_groups_are_the_last_and_in_one_split_only(names, count):
    recordings = [Recording(Path(str(number)), name) for number, name in enumerate(names)]
    parts = hold_out_last(count)(Path(), recordings)
    train, test = ({recording.speaker for recording in parts[part]} for part in ("train", "test"))
    assert not train & test
    assert sorted(parts["train"] + parts["test"], key=lambda r: int(r.path.name)) == recordings
    assert not train or not test or max(train) < min(test)
    if count is None:
        assert len(test) == max(len(set(names)) // 10, len(set(names)) > 1)
    else:
        assert len(test) == min(count, len(set(names)))


def test_a_folder_is_split_by_speaker_or_else_by_file():
    many = [Recording(Path(f"{name}/{n}.wav"), name) for name in "ab" for n in range(3)]
    assert {recording.speaker for recording in split_any_folder(Path(), many)["test"]} == {"b"}
    one = [Recording(Path(f"{n}.wav")) for n in range(5)]
    assert split_any_folder(Path(), one)["test"] == one[-1:]
    chapters = [Recording(Path(f"s/chapter{n:02d}/audio.wav"), "s") for n in range(20)]
    parts = split_any_folder(Path(), chapters)
    assert (parts["train"], parts["test"]) == (chapters[:18], chapters[18:]), "of one name, yet each is a file"


def test_speechcommands_follows_its_own_lists(tmp_path):
    folder = write_files(tmp_path, corpus_files("speechcommands"))
    parts = split_speechcommands(folder, index_speechcommands(folder))
    assert {r.speaker for r in parts["test"]} == {"bbb"}
    assert {r.speaker for r in parts["validation"]} == {"ccc"}
    assert {r.speaker for r in parts["train"]} == {"aaa", "ddd"}
    assert sum(map(len, parts.values())) == 6
