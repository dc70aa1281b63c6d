"""Sound files to `.hs` files and back: the same bytes and sounds as waveforms give, whole or not at all."""

import re
import warnings
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from hypersound_lib.coding.files import (
    compress_file,
    decompress_file,
    read_code_file,
    survey_file,
    watched,
    write_code_file,
)
from hypersound_lib.coding.rate import Rate
from hypersound_lib.data import load_audio, save_audio
from hypersound_lib.errors import AudioFileError, CodeFileError, ConfigError
from tests.local.small import RATE, make_model, sound


@pytest.mark.slow
@pytest.mark.parametrize("rate", [RATE, 11025, 6000])
def test_files_and_waveforms_give_the_same_sound(model, tmp_path, rate):
    """Bytes may differ where soxr's stream differs from its whole by a rounding, so sounds are compared."""
    path = tmp_path / "voice.wav"
    save_audio(path, sound(3 * rate), rate)
    source = survey_file(model, path)
    assert (source.sample_rate, source.num_samples, source.seconds) == (rate, 3 * rate, 3.0)
    assert source.measured.num_samples == 3 * RATE
    data = b"".join(compress_file(model, source, Rate(kbps=64)))
    assert len(data) <= 64 * 125 * 3
    copy = torch.cat(list(decompress_file(model, data, RATE)))
    expected = model.decompress(model.compress(*load_audio(path), kbps=64))
    close = (copy - expected).abs() < 1e-4
    assert close.float().mean() > 0.99
    if rate == RATE:
        assert data == model.compress(*load_audio(path), kbps=64)


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    def parts():
        yield b"one"
        assert not (tmp_path / "a.hs").exists()
        yield b"two"

    assert write_code_file(tmp_path / "a.hs", parts()) == 6
    assert (tmp_path / "a.hs").read_bytes() == b"onetwo"

    def broken():
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_code_file(tmp_path / "a.hs", broken())
    assert (tmp_path / "a.hs").read_bytes() == b"onetwo", "what was there stays"
    assert [path.name for path in tmp_path.iterdir()] == ["a.hs"]


@pytest.mark.parametrize("estimate", [1.0, 0.99, 1.01, 0.0])
def test_bars_count_seconds_with_one_decimal_and_never_beyond_the_end(monkeypatch, capsys, estimate):
    """Also where a file holds more than its head says. Rates are such that seconds are no round numbers."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    rate, count = 22050, 1496067
    seconds = estimate * count / rate
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        blocks = [torch.zeros(size) for size in (7, 1000000, 0, count - 1000007)]
        assert sum(map(len, watched(blocks, rate, seconds, "work"))) == count
    states = re.findall(r"(\S+)/(\S+) s of sound", capsys.readouterr().err)
    assert states
    for done, total in states:
        assert (done, total) == (f"{float(done):.1f}", f"{seconds:.1f}")
        assert float(done) <= float(total)
    assert float(states[-1][0]) == pytest.approx(min(seconds, count / rate), abs=0.06)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("hypersound_lib.coding.files.atomic_path", lambda _: nullcontext(Path("/dev/full")))
    with pytest.raises(CodeFileError, match="disk, quota or file-size limit is full"):
        write_code_file(tmp_path / "a.hs", [bytes(10**6)])


def test_of_a_foreign_file_only_the_beginning_is_read(tmp_path):
    path = tmp_path / "huge.hs"
    with path.open("wb") as file:
        file.write(b"RIFF")
        file.truncate(2**40)  # sparse: it takes no room on the disk, and could not be read into memory
    with pytest.raises(CodeFileError, match=r"is no \.hs file"):
        read_code_file(path)


@pytest.mark.parametrize(
    ("use", "name", "error", "message"),
    [
        (read_code_file, "none.hs", CodeFileError, r"none\.hs: cannot be read \(No such file"),
        (read_code_file, "", CodeFileError, "cannot be read"),
        (read_code_file, "empty.hs", CodeFileError, r"empty\.hs is no \.hs file"),
        (lambda path: survey_file(make_model(), path), "none.wav", AudioFileError, "no such file"),
        (lambda path: write_code_file(path, [b""]), "a.wav", ConfigError, r"a\.wav: a compressed sound is a \.hs file"),
        (
            lambda path: write_code_file(path, [b""]),
            "empty.hs/a.hs",
            CodeFileError,
            "a file stands where a folder is needed",
        ),
    ],
)
def test_what_cannot_be_read_or_written_is_refused(tmp_path, use, name, error, message):
    (tmp_path / "empty.hs").touch()
    with pytest.raises(error, match=message):
        use(tmp_path / name)
