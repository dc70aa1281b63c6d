"""Formats that libsndfile does not read: named, and decoded by a stand-in for ffmpeg."""

import shutil
import sys

import pytest
import torch

from hypersound_lib.data import load_audio, load_dataset, save_audio
from hypersound_lib.data.blocks import read_blocks
from hypersound_lib.errors import AudioFileError

BEGINNINGS = {
    "voice.m4a": (b"\0\0\0\x20ftypM4A ", "MP4 or M4A"),
    "voice.webm": (b"\x1aE\xdf\xa3", "WebM or Matroska"),
    "voice.wma": (b"0&\xb2u\x8ef\xcf\x11", "Windows Media"),
    "voice.amr": (b"#!AMR\n", "AMR"),
    "voice.aac": (b"\xff\xf1\x50\x80", "AAC"),
    "misnamed.mp3": (b"\0\0\0\x20ftypM4A ", "MP4 or M4A"),
}


@pytest.fixture(params=BEGINNINGS)
def recording(request, tmp_path):
    path = tmp_path / "voices" / request.param
    path.parent.mkdir()
    path.write_bytes(BEGINNINGS[request.param][0] + bytes(100))
    return path


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """Return what makes a program called ffmpeg, alone on PATH, of a few lines of Python; `target` is its output."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    def make(code):
        program = tmp_path / "bin" / "ffmpeg"
        program.parent.mkdir()
        lines = [f"#!{sys.executable}", "import shutil, sys", "target = sys.argv[-1]", code]
        program.write_text("\n".join(lines))
        program.chmod(0o755)

    return make


def test_without_ffmpeg_the_format_and_the_remedy_are_named(recording, ffmpeg):
    name = BEGINNINGS[recording.name][1]
    with pytest.raises(AudioFileError, match=rf"is {name}.*only ffmpeg reads.*ffmpeg -i .* {recording.stem}.flac"):
        load_audio(recording)


def test_with_ffmpeg_its_sound_is_read(recording, ffmpeg, tmp_path):
    expected = torch.sin(torch.arange(3000) / 5) / 2
    save_audio(tmp_path / "sound.wav", expected, 8000)
    ffmpeg(f"assert 'file:{recording}' in sys.argv; shutil.copy({str(tmp_path / 'sound.wav')!r}, target)")
    waveform, rate = load_audio(recording)
    assert rate == 8000
    torch.testing.assert_close(waveform, expected, rtol=0, atol=1e-4)
    assert torch.equal(torch.cat(list(read_blocks(recording))), waveform)
    assert [found.path for found in load_dataset(recording.parent, "all").recordings] == [recording]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("sys.exit('moov atom not found')", "moov atom not found"),
        ("open(target, 'w').close(); print('partial file', file=sys.stderr)", "partial file"),
        ("sys.exit(3)", "exit code 3"),
        ("pass", "exit code 0"),
        ("open(target, 'w').write('none')", "cannot be decoded"),
    ],
)
def test_what_ffmpeg_cannot_read_whole_is_refused(code, reason, ffmpeg, tmp_path):
    path = tmp_path / "voice.m4a"
    path.write_bytes(BEGINNINGS[path.name][0])
    ffmpeg(code)
    with pytest.raises(AudioFileError, match=rf"voice\.m4a: .*{reason}"):
        load_audio(path)


def test_a_folder_says_what_of_it_is_not_read(tmp_path, ffmpeg):
    assert shutil.which("ffmpeg") is None
    save_audio(tmp_path / "a.wav", torch.zeros(100), 8000)
    for name in ("b.m4a", "c.M4A", "d.wma", ".hidden.wma", "e.txt"):
        (tmp_path / name).touch()
    with pytest.warns(UserWarning, match=r"2 \.m4a, 1 \.wma left out, which only ffmpeg reads"):
        assert len(load_dataset(tmp_path, "all").recordings) == 1
