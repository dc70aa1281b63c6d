"""Saving: exact, whole or not at all, also where samples are not finite or the disk is full."""

import subprocess

import pytest
import torch

from hypersound_lib.data import from_int16, load_audio, save_audio
from hypersound_lib.data.writing import write_blocks
from hypersound_lib.errors import AudioFileError, ConfigError
from hypersound_lib.fitting.fitted_sound import FittedSound
from hypersound_lib.inr import INR_CONFIGS, build_inr

from .miniatures import peak_frequency, sound, tone

LSB = 1 / 32768


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_saving_keeps_16_bit_audio_exactly(tmp_path, suffix):
    waveform = from_int16(torch.arange(-32768, 32768, 7, dtype=torch.int32).to(torch.int16))
    save_audio(tmp_path / f"ramp{suffix}", waveform, 22050)
    loaded, rate = load_audio(tmp_path / f"ramp{suffix}")
    assert torch.equal(loaded, waveform)
    assert rate == 22050


def test_saving_ogg_keeps_the_tone(tmp_path):
    path = tmp_path / "new" / "folder" / "tone.ogg"
    save_audio(path, torch.from_numpy(tone(440, 22050, seconds=20)), 22050)
    waveform, rate = load_audio(path)
    assert len(waveform) == 20 * 22050
    assert peak_frequency(waveform[:22050], rate) == pytest.approx(440, abs=2)


def test_loud_samples_are_clipped_with_a_warning_and_never_wrap(tmp_path):
    with pytest.warns(UserWarning, match=r"loud\.wav: 2 of 4 samples .*peak 3.*peak_normalize"):
        save_audio(tmp_path / "loud.wav", torch.tensor([3.0, -1.5, 0.5, 0.0]), 8000)
    torch.testing.assert_close(load_audio(tmp_path / "loud.wav")[0], torch.tensor([1 - LSB, -1, 0.5, 0]))


@pytest.mark.parametrize(
    ("name", "waveform", "rate", "error", "message"),
    [
        ("x.wav", torch.zeros(2, 10), 16000, ValueError, r"\(2, 10\)"),
        ("x.wav", torch.zeros(0), 16000, AudioFileError, "empty"),
        ("x.wav", torch.tensor([0.0, float("nan")]), 16000, AudioFileError, "NaN or Inf"),
        ("x.wav", torch.ones(8, dtype=torch.int16), 16000, ConfigError, "from_int16"),
        ("x.mp4", torch.zeros(10), 16000, ConfigError, r"'\.mp4'.*\.wav, \.flac, \.ogg"),
        ("x.flac", torch.zeros(10), 0, ConfigError, "not 0: whole"),
    ],
)
def test_what_is_no_waveform_format_or_rate_is_not_saved(tmp_path, name, waveform, rate, error, message):
    with pytest.raises(error, match=message):
        save_audio(tmp_path / name, waveform, rate)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("rate", [100, 65_535, 65_536, 65_540, 200_000, 200_001, 655_350, 655_351, 655_360, 1_000_000])
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_each_format_keeps_a_rate_or_says_that_it_cannot(tmp_path, suffix, rate):
    path = tmp_path / f"x{suffix}"
    possible = {".wav": True, ".ogg": rate <= 200_000, ".flac": rate < 2**16 or rate in (65_540, 200_000, 655_350)}
    if possible[suffix]:
        save_audio(path, torch.zeros(500), rate)
        assert load_audio(path)[1] == rate
    else:
        with pytest.raises(ConfigError, match=f"at {rate} Hz; it takes up to .*or .wav"):
            save_audio(path, torch.zeros(500), rate)


def test_saving_without_permission_names_folder_and_remedy(locked_folder):
    with pytest.raises(AudioFileError, match=r"x\.wav: no permission to write in .*another folder"):
        save_audio(locked_folder / "x.wav", torch.zeros(10), 16000)


def test_saving_on_a_full_disk_leaves_the_old_file_whole(tmp_path, file_size_limit):
    path = tmp_path / "x.wav"
    save_audio(path, torch.full((100,), 0.5), 16000)
    with file_size_limit(200_000), pytest.raises(AudioFileError, match=r"x\.wav: the disk.*full.*Free some space"):
        save_audio(path, torch.zeros(500_000), 16000)
    assert load_audio(path)[0].tolist() == [0.5] * 100
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_writing_in_blocks_equals_writing_at_once(tmp_path, suffix):
    x = sound(3001)
    assert write_blocks(tmp_path / f"blocks{suffix}", x.split(170), 8000) == (3001, 0)
    save_audio(tmp_path / f"once{suffix}", x, 8000)
    assert torch.equal(load_audio(tmp_path / f"blocks{suffix}")[0], load_audio(tmp_path / f"once{suffix}")[0])


def test_what_clips_is_counted_and_what_fails_leaves_no_file(tmp_path):
    assert write_blocks(tmp_path / "loud.wav", [torch.tensor([0.0, 1.5, -2.0])], 8000) == (3, 2)

    def failing():
        yield sound(10)
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_blocks(tmp_path / "half.wav", failing(), 8000)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["loud.wav"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], capture_output=True)
    if mount.returncode:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def check_full_disk(folder, name, write):
    """Whatever room is left, `write` succeeds with a whole file or fails in words, and leaves nothing else."""
    outcomes = set()
    target = folder / name
    for room in range(0, 400_000, 20_000):
        for path in folder.iterdir():
            path.unlink()
        target.write_bytes(b"old")
        (folder / "ballast").write_bytes(bytes(1_036_288 - room))
        failure = None
        try:
            write(target)
        except (OSError, AudioFileError) as error:
            failure = str(error)
        outcomes.add(failure is None)
        assert failure is None or (str(target) in failure and ("is full" in failure or "No space left" in failure))
        assert (target.read_bytes() == b"old") == (failure is not None)
        assert {path.name for path in folder.iterdir()} == {name, "ballast"}
    assert outcomes == {True, False}


@pytest.mark.parametrize("suffix", [".flac", ".wav", ".ogg"])
def test_a_nearly_full_disk_gives_the_whole_file_or_words(small_disk, suffix):
    x = sound(80_000)

    def write(path):
        write_blocks(path, x.split(7000), 16000)
        assert len(load_audio(path)[0]) == len(x)

    check_full_disk(small_disk, f"x{suffix}", write)


def test_weights_on_a_nearly_full_disk(small_disk):
    represented = FittedSound(build_inr(INR_CONFIGS["SIREN"](width=128)), 8000, 3000)

    def write(path):
        represented.save(path)
        FittedSound.load(path)

    check_full_disk(small_disk, "x.safetensors", write)
