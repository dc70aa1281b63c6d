"""A file that has lost its end is never taken for a shorter sound."""

import struct

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hypersound_lib.data import load_audio
from hypersound_lib.data.blocks import read_blocks
from hypersound_lib.data.truncation import second_stream
from hypersound_lib.errors import AudioFileError

from .miniatures import CONTAINERS, encode, tone

RNG = np.random.default_rng(0)
SOUND = (0.1 * RNG.standard_normal(24000)).astype(np.float32)
WHOLE = {suffix: encode(SOUND, 24000, suffix) for suffix in CONTAINERS}


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_a_whole_file_is_not_suspected(tmp_path, suffix):
    path = tmp_path / f"whole{suffix}"
    path.write_bytes(WHOLE[suffix])
    assert len(load_audio(path)[0]) == pytest.approx(len(SOUND), abs=1)


@pytest.mark.parametrize("suffix", CONTAINERS)
@settings(max_examples=30)
@given(kept=st.floats(0, 1, exclude_max=True))
@example(kept=0.999999)
@example(kept=0.99)
@example(kept=0.01)
def test_any_cut_is_refused(tmp_path_factory, suffix, kept):
    path = tmp_path_factory.mktemp("cut") / f"cut{suffix}"
    path.write_bytes(WHOLE[suffix][: max(1, int(kept * len(WHOLE[suffix])))])
    with pytest.raises(AudioFileError, match=r"cut\.\w+: .*(truncated|holds no samples)"):
        load_audio(path)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "FLOAT", "DOUBLE", "ULAW"])
@pytest.mark.parametrize("container", ["WAV", "RF64", "WAVEX"])
def test_every_kind_of_wav_is_judged_right(tmp_path, container, subtype):
    path = tmp_path / "a.wav"
    soundfile.write(path, SOUND[:999], 16000, format=container, subtype=subtype)
    whole = path.read_bytes()
    assert len(load_audio(path)[0]) == 999
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(AudioFileError, match="truncated, its header promises"):
        load_audio(path)


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_streamed_wav_that_does_not_know_its_length_is_read(tmp_path, size):
    content = bytearray(WHOLE[".wav"])
    struct.pack_into("<I", content, content.find(b"data") + 4, size)
    struct.pack_into("<I", content, 4, size)
    path = tmp_path / "streamed.wav"
    path.write_bytes(content)
    if size == 0:  # libsndfile believes that there is nothing
        with pytest.raises(AudioFileError, match="holds no samples"):
            load_audio(path)
    else:
        assert len(load_audio(path)[0]) == len(SOUND)


def test_an_ogg_file_cut_between_two_pages_is_refused(tmp_path):
    path = tmp_path / "cut.ogg"
    path.write_bytes(WHOLE[".ogg"][: WHOLE[".ogg"].rfind(b"OggS")])
    with pytest.raises(AudioFileError, match="not marked as the end of the stream"):
        load_audio(path)


def test_a_decoder_that_returns_less_than_it_promised_is_not_trusted(tmp_path, monkeypatch):
    path = tmp_path / "a.flac"
    path.write_bytes(WHOLE[".flac"])
    read = soundfile.SoundFile.read
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *a, **k: read(*a, **k)[:-10])
    with pytest.raises(AudioFileError, match="truncated, 23990 of 24000 frames"):
        load_audio(path)


def test_an_odd_chunk_before_the_audio_is_padded_to_an_even_length(tmp_path):
    path = tmp_path / "tagged.wav"
    at = WHOLE[".wav"].find(b"data")
    whole = WHOLE[".wav"][:at] + b"note" + struct.pack("<I", 3) + b"abc\0" + WHOLE[".wav"][at:]
    path.write_bytes(whole)
    assert len(load_audio(path)[0]) == len(SOUND)
    path.write_bytes(whole[:-1000])
    with pytest.raises(AudioFileError, match="promises 48000 bytes of audio but only 47000"):
        load_audio(path)


RARE = ("AU", "PCM_16"), ("AU", "ULAW"), ("NIST", "PCM_16"), ("W64", "PCM_24"), ("SVX", "PCM_S8"), ("SVX", "PCM_16")


@pytest.mark.parametrize(("container", "subtype"), RARE)
def test_headers_of_rare_containers_are_compared(tmp_path, container, subtype):
    path = tmp_path / "si1.wav"
    soundfile.write(path, SOUND, 16000, format=container, subtype=subtype)
    assert len(load_audio(path)[0]) == len(SOUND)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(AudioFileError, match="truncated, its header promises"):
        load_audio(path)


def test_chunks_after_the_audio_may_be_missing(tmp_path):
    path = tmp_path / "tagged.wav"
    whole = WHOLE[".wav"] + b"LIST" + struct.pack("<I", 100) + b"INFO"
    path.write_bytes(whole)
    assert len(load_audio(path)[0]) == len(SOUND)


def test_a_flac_stream_of_unknown_length_is_refused_with_a_remedy(tmp_path):
    content = bytearray(WHOLE[".flac"])
    # STREAMINFO's 36-bit sample count: the low half of byte 21 and the four after it.
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path = tmp_path / "stream.flac"
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match="does not state its length"):
        load_audio(path)


@pytest.mark.parametrize("subtype", ["GSM610", "G721_32", "IMA_ADPCM", "MS_ADPCM", "NMS_ADPCM_32", "ULAW", "ALAW"])
def test_recordings_of_telephones_are_read_to_the_end(tmp_path, subtype):
    path = tmp_path / "call.wav"
    soundfile.write(path, tone(300, 8000, seconds=1), 8000, subtype=subtype)
    waveform, _ = load_audio(path)
    assert len(waveform) == pytest.approx(8000, abs=320)  # whole blocks of the codec
    assert 0.2 < waveform.std() < 0.5
    assert torch.equal(torch.cat(list(read_blocks(path, 999))), waveform)


def test_a_header_that_promises_too_much_takes_no_memory(tmp_path):
    content = bytearray(WHOLE[".flac"])
    content[21] |= 0x0F  # STREAMINFO's 36-bit sample count, at its largest
    content[22:26] = b"\xff" * 4
    path = tmp_path / "boast.flac"
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=r"boast\.flac: .*truncated"):
        load_audio(path)


@pytest.mark.parametrize("second", [1, 2])
@pytest.mark.parametrize("suffix", [".ogg", ".opus", ".flac"])
def test_a_second_stream_behind_the_first_is_refused_not_left_out(tmp_path, suffix, second):
    path = tmp_path / f"joined{suffix}"
    parts = [encode(tone(400 * n, 16000, seconds=2), 16000, suffix) for n in range(1, second + 2)]
    path.write_bytes(parts[0])
    assert second_stream(path) is None
    load_audio(path)
    path.write_bytes(b"".join(parts))
    assert second_stream(path) == len(parts[0])
    with pytest.raises(AudioFileError, match=f"another stream begins at byte {len(parts[0])}"):
        load_audio(path)
    with pytest.raises(AudioFileError, match="another stream"):
        list(read_blocks(path))
