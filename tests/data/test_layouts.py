"""Each public corpus' folder is read as it lies."""

import pytest

from hypersound_lib.data import CORPORA, Recording
from hypersound_lib.data.layouts import index_folder, index_vctk

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
