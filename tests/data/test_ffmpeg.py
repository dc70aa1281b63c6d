"""Formats that libsndfile does not read: named, and decoded by ffmpeg or a stand-in for it."""

import shutil
import subprocess
import sys

import pytest
import torch

from hypersound_lib.data import load_audio, load_dataset, save_audio
from hypersound_lib.data.audio import read_blocks
from hypersound_lib.errors import AudioFileError

BEGINNINGS = {
    "voice.m4a": (b"\0\0\0\x20ftypM4A ", "MP4 or M4A"),
    "voice.webm": (b"\x1aE\xdf\xa3", "WebM or Matroska"),
    "voice.wma": (b"0&\xb2u\x8ef\xcf\x11", "Windows Media"),
    "voice.amr": (b"#!AMR\n", "AMR"),
    "voice.aac": (b"\xff\xf1\x50\x80", "AAC"),
    "tagged.aac": (b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10) + b"\xff\xf1\x50\x80", "AAC"),
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


REAL = {  # what ffmpeg is told to write
    "a.m4a": "-c:a aac",
    "lossless.m4a": "-c:a alac",
    "streamed.m4a": "-c:a aac -movflags +faststart",
    "fragments.mp4": "-c:a aac -movflags frag_keyframe+empty_moov",
    "a.3gp": "-c:a aac",
    "a.aac": "-c:a aac",
    "tagged.aac": "-c:a aac -write_id3v2 1",
    "a.webm": "-c:a libopus",
    "a.mka": "-c:a libvorbis",
    "a.wma": "-c:a wmav2",
}


@pytest.fixture(params=REAL)
def real(request, tmp_path):
    """Return a recording that ffmpeg has encoded, and what it encoded."""
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    sound = torch.sin(torch.arange(48000) ** 2 / 1e5) / 2  # a chirp
    save_audio(tmp_path / "sound.wav", sound, 24000)
    path = tmp_path / request.param
    command = ["ffmpeg", "-v", "error", "-i", tmp_path / "sound.wav", "-b:a", "64k", *REAL[request.param].split(), path]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this ffmpeg cannot write it")
    return path, sound


def test_what_ffmpeg_encodes_is_read_whole(real):
    path, sound = real
    waveform, _ = load_audio(path, 24000)
    assert torch.equal(torch.cat(list(read_blocks(path))), load_audio(path)[0])
    assert len(waveform) == pytest.approx(len(sound), abs=2048)  # a frame or two
    size = 2 ** (len(waveform) + len(sound)).bit_length()
    matches = torch.fft.irfft(torch.fft.rfft(waveform, size) * torch.fft.rfft(sound, size).conj())
    assert matches.max() > 0.95 * sound.square().sum()
    assert (matches.argmax() + 2048) % size <= 4096


def test_a_cut_or_joined_file_for_ffmpeg_is_refused(real):
    path, _ = real
    content, whole = path.read_bytes(), len(load_audio(path)[0])
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(AudioFileError, match=r"ffmpeg finds fault|truncated"):
        load_audio(path)
    path.write_bytes(2 * content)
    if path.suffix == ".aac":  # made to be joined
        assert len(load_audio(path)[0]) > 1.9 * whole
    else:
        with pytest.raises(AudioFileError, match=rf"another stream begins at byte {len(content)}|ffmpeg finds fault"):
            load_audio(path)
