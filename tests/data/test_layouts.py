"""Each public corpus' folder is read as it lies."""

import pytest

from hypersound_lib.data.layouts import (
    index_folder,
    index_librispeech,
    index_ljspeech,
    index_speechcommands,
    index_vctk,
    index_yesno,
)

from .miniatures import corpus_files, write_files


def test_vctk_takes_the_second_microphone_where_there_is_one(tmp_path):
    recordings = index_vctk(write_files(tmp_path, corpus_files("vctk")))
    by_speaker = {recording.speaker: recording for recording in recordings}
    assert len(by_speaker) == len(recordings) == 14
    assert by_speaker["p225"].path == tmp_path / "wav48_silence_trimmed/p225/p225_001_mic2.flac"
    assert by_speaker["p225"].transcript == "Text of p225."
    assert by_speaker["p280"].path.name == "p280_001_mic1.flac"
    assert by_speaker["p315"].transcript == ""
    assert [recording.speaker for recording in recordings] == sorted(by_speaker)


@pytest.mark.parametrize("suffix", [".ogg", ".flac", ".wav"])
def test_a_corpus_in_vctk_s_layout_may_have_one_microphone_and_any_format(tmp_path, suffix):
    write_files(
        tmp_path,
        {f"wav48_silence_trimmed/s{n:02d}/s{n:02d}_001_mic1{suffix}": b"" for n in (2, 1)}
        | {"txt/s01/s01_001.txt": "Grüße.\n".encode()},
    )
    recordings = index_vctk(tmp_path)
    assert [(r.path.name, r.speaker, r.transcript) for r in recordings] == [
        (f"s01_001_mic1{suffix}", "s01", "Grüße."),
        (f"s02_001_mic1{suffix}", "s02", ""),
    ]


def test_ljspeech_reads_the_normalised_transcript_quotes_and_all(tmp_path):
    recordings = index_ljspeech(write_files(tmp_path, corpus_files("ljspeech")) / "LJSpeech-1.1")
    assert len(recordings) == 40
    assert recordings[0].path == tmp_path / "LJSpeech-1.1/wavs/LJ001-0001.wav"
    assert recordings[0].path.is_file()
    assert recordings[0].transcript == 'In eighteen "it'
    assert {recording.speaker for recording in recordings} == {"LJ"}


def test_librispeech_reads_speakers_and_transcripts(tmp_path):
    files = corpus_files("librispeech-dev-clean")
    recordings = index_librispeech(write_files(tmp_path, files) / "LibriSpeech/dev-clean")
    assert len(recordings) == 20
    assert all(recording.path.is_file() for recording in recordings)
    assert (recordings[3].speaker, recordings[3].transcript) == ("103", "SPOKEN BY 103")


def test_speechcommands_leaves_out_background_noise(tmp_path):
    recordings = index_speechcommands(write_files(tmp_path, corpus_files("speechcommands")))
    assert len(recordings) == 6
    assert {recording.transcript for recording in recordings} == {"yes", "no"}
    assert {recording.speaker for recording in recordings} == {"aaa", "bbb", "ccc", "ddd"}


def test_yesno_spells_out_the_words(tmp_path):
    recordings = index_yesno(write_files(tmp_path, corpus_files("yesno")) / "waves_yesno")
    assert len(recordings) == 8
    assert recordings[0].transcript == "no yes no no no no yes yes"


def test_any_folder_is_searched_and_hidden_files_are_not(tmp_path):
    names = ["b/x.wav", "a/deep/y.FLAC", "z.ogg", "notes.txt", ".cache/h.wav", "a/._y.flac"]
    recordings = index_folder(write_files(tmp_path, dict.fromkeys(names, b"")))
    found = [(r.path.relative_to(tmp_path).as_posix(), r.speaker) for r in recordings]
    assert found == [("a/deep/y.FLAC", "a"), ("b/x.wav", "b"), ("z.ogg", "")]
