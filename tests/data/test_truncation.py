"""A file that has lost its end is never taken for a shorter sound."""

import struct
from itertools import product

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hypersound_lib.data import load_audio
from hypersound_lib.data.audio import read_blocks
from hypersound_lib.errors import AudioFileError

from .miniatures import CONTAINERS, encode, tone

RNG = np.random.default_rng(0)
SOUND = (0.1 * RNG.standard_normal(24000)).astype(np.float32)
WHOLE = {suffix: encode(SOUND, 24000, suffix) for suffix in CONTAINERS}


def chunk(name, size, content=b""):
    return name + struct.pack("<I", size) + content


def streamed(size):
    """Return the WAV as programs write it that do not know its length."""
    head, data = WHOLE[".wav"].split(b"data", 1)
    return chunk(head[:4], size, head[8:]) + chunk(b"data", size, data[4:])


def flac_of(length):
    """Return the FLAC with another count of samples: 36 bits, from the low half of byte 21 on."""
    content = WHOLE[".flac"]
    return content[:21] + ((content[21] >> 4 << 36) + length).to_bytes(5, "big") + content[26:]


TAGGED = WHOLE[".wav"].replace(b"data", chunk(b"note", 3, b"abc\0") + b"data", 1)  # padded to an even length
NOTES = 100 * chunk(b"LIST", 30, b"INFOISFT" + struct.pack("<I", 18) + b"eighteen letters,\0")
NOTED = chunk(b"RIFF", len(WHOLE[".wav"] + NOTES) - 8, WHOLE[".wav"][8:].replace(b"data", NOTES + b"data", 1))
ENTIRE = WHOLE | {
    "streamed.wav": streamed(0xFFFFFFFF),
    "streamed at length.wav": streamed(0x7FFFF000),
    "tag before.wav": TAGGED,
    "more tags than libsndfile's log takes.wav": NOTED,
    "half a tag after.wav": WHOLE[".wav"] + chunk(b"LIST", 100, b"INFO"),
}
CUT = {
    "streamed.wav": (streamed(0), "holds no samples"),  # libsndfile believes that there is nothing
    "tagged.wav": (TAGGED[:-1000], "promises 48000 bytes but only 47000"),
    "noted.wav": (NOTED[:-1000], r"promises \d+ bytes but only"),
    "between pages.ogg": (WHOLE[".ogg"][: WHOLE[".ogg"].rfind(b"OggS")], "not marked as the end of the stream"),
    "unknown length.flac": (flac_of(0), "does not state its length"),
    "boast.flac": (flac_of(2**36 - 1), "truncated"),  # and takes no memory
}


@pytest.mark.parametrize("name", ENTIRE)
def test_a_whole_file_is_not_suspected(tmp_path, name):
    path = tmp_path / f"whole{name}"
    path.write_bytes(ENTIRE[name])
    assert len(load_audio(path)[0]) == pytest.approx(len(SOUND), abs=0 if name.endswith(".wav") else 1)


@pytest.mark.parametrize("name", CUT)
def test_a_cut_that_hides_is_named(tmp_path, name):
    content, message = CUT[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=f"{path}: .*{message}"):
        load_audio(path)


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


WAV = product(["WAV", "RF64", "WAVEX"], ["PCM_U8", "PCM_24", "FLOAT", "DOUBLE", "ULAW"])
RARE = ("AU", "PCM_16"), ("AU", "ULAW"), ("NIST", "PCM_16"), ("W64", "PCM_24"), ("SVX", "PCM_S8"), ("SVX", "PCM_16")


@pytest.mark.parametrize(("container", "subtype"), [*WAV, *RARE])
def test_a_header_is_compared_with_what_is_there(tmp_path, container, subtype):
    path = tmp_path / "si1.wav"
    soundfile.write(path, SOUND[:999], 16000, format=container, subtype=subtype)
    whole = path.read_bytes()
    assert len(load_audio(path)[0]) == 999
    for left in (len(whole) * 2 // 3, len(whole) - 100):
        path.write_bytes(whole[:left])
        with pytest.raises(AudioFileError, match="truncated, its header promises"):
            load_audio(path)


@pytest.mark.parametrize("error", [ValueError, OverflowError, TypeError])
def test_whatever_a_damaged_header_leads_to_names_the_file(tmp_path, monkeypatch, error):
    def fail(path):
        raise error("out of every range")

    monkeypatch.setattr("hypersound_lib.data.audio.flaws", fail)
    soundfile.write(tmp_path / "a.wav", SOUND[:999], 16000)
    with pytest.raises(AudioFileError, match=r"a\.wav: cannot be decoded as audio \(out of every range\)"):
        load_audio(tmp_path / "a.wav")


def test_a_decoder_that_returns_less_than_it_promised_is_not_trusted(tmp_path, monkeypatch):
    path = tmp_path / "a.flac"
    path.write_bytes(WHOLE[".flac"])
    read = soundfile.SoundFile.read
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *a, **k: read(*a, **k)[:-10])
    with pytest.raises(AudioFileError, match="truncated, 23990 of 24000 frames"):
        load_audio(path)


@pytest.mark.parametrize("subtype", ["GSM610", "G721_32", "IMA_ADPCM", "MS_ADPCM", "NMS_ADPCM_32", "ULAW", "ALAW"])
def test_recordings_of_telephones_are_read_to_the_end(tmp_path, subtype):
    path = tmp_path / "call.wav"
    soundfile.write(path, tone(300, 8000, seconds=1), 8000, subtype=subtype)
    waveform, _ = load_audio(path)
    assert len(waveform) == pytest.approx(8000, abs=320)  # whole blocks of the codec
    assert 0.2 < waveform.std() < 0.5
    assert torch.equal(torch.cat(list(read_blocks(path, 999))), waveform)


@pytest.mark.parametrize("second", [1, 2])
@pytest.mark.parametrize("suffix", [".ogg", ".opus", ".flac"])
def test_a_second_stream_behind_the_first_is_refused_not_left_out(tmp_path, suffix, second):
    path = tmp_path / f"joined{suffix}"
    parts = [encode(tone(400 * n, 16000, seconds=2), 16000, suffix) for n in range(1, second + 2)]
    path.write_bytes(parts[0])
    load_audio(path)
    path.write_bytes(b"".join(parts))
    with pytest.raises(AudioFileError, match=f"another stream begins at byte {len(parts[0])}"):
        load_audio(path)
