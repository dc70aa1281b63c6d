"""MP3: every frame is decoded or the file refused, whatever its headers state."""

import struct

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hypersound_lib.data import load_audio
from hypersound_lib.data.audio import opened, read_blocks
from hypersound_lib.data.mpeg import scan
from hypersound_lib.errors import AudioFileError

from .miniatures import encode, tone

FRAME = 1152  # samples in each, from 32 kHz on; 576 below
ID3V2 = b"ID3\x04\x00\x00\x00\x00\x20\x00" + bytes(4096)
ID3V1 = b"TAG" + bytes(125)
NOISE = 0.3 * np.random.default_rng(0).standard_normal(44100)
LONG = np.concatenate([1e-3 * tone(300, 44100, 1), NOISE, 1e-3 * tone(500, 44100, 1), NOISE]).astype(np.float32)


def encode_bare(samples, rate=44100):
    """Return an MP3 without the frame that states how many there are."""
    content = encode(samples, rate, ".mp3")
    header = content.find(b"Xing") if b"Xing" in content[:60] else content.index(b"Info")
    return content[content.index(content[:2], header) :]


VARIABLE, SHORT = encode_bare(LONG), encode_bare(tone(440, 44100))
STATED, SHORT_STATED = encode(LONG, 44100, ".mp3"), encode(tone(440, 44100), 44100, ".mp3")


@pytest.fixture
def mp3(tmp_path):
    """Return what writes an MP3."""

    def write(content):
        path = tmp_path / "a.mp3"
        path.write_bytes(content)
        return path

    return write


def info_frame(content, name, fields):
    """Return a frame with such a header and no sound, for what lies behind it."""
    length = content.index(content[:2], 4)
    frame = bytearray(length)
    frame[:4], frame[36 : 40 + len(fields)] = content[:4], name + fields
    return bytes(frame)


def test_a_variable_bit_rate_without_header_is_decoded_to_the_end(mp3):
    path = mp3(VARIABLE)
    short = soundfile.SoundFile(path).read(dtype="float32")
    assert len(short) < len(LONG) / 2, "libsndfile stops at its estimate"
    waveform, _ = load_audio(path)
    assert len(waveform) == scan(VARIABLE).num_frames * FRAME
    assert 0 <= len(waveform) - len(LONG) < 3 * FRAME
    with opened(path) as file:
        assert file.num_frames == len(waveform)
    torch.testing.assert_close(waveform[: len(short)], torch.from_numpy(short), rtol=0, atol=1e-6)
    # The same frames with a header, where libsndfile takes off what the encoder added at both ends.
    known, _ = load_audio(mp3(STATED))
    assert len(known) == len(LONG)
    start = next(at for at in range(2 * FRAME) if torch.allclose(waveform[at:][:2000], known[:2000], atol=1e-6))
    torch.testing.assert_close(waveform[start : start + len(known)], known, rtol=0, atol=1e-5)


@pytest.mark.parametrize("content", [VARIABLE, STATED])
@pytest.mark.parametrize("size", [1000, 4096])
def test_blocks_of_any_size_hold_the_same_samples(mp3, content, size):
    """soundfile itself seeks after each block, and a frame that needs those before it is then another."""
    path = mp3(content)
    assert torch.equal(torch.cat(list(read_blocks(path, size))), load_audio(path)[0])


@pytest.mark.parametrize("rate", [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_frames_are_counted_at_every_rate(mp3, rate, channels):
    sound = np.stack([tone(200, rate, 1)] * channels, axis=1)
    stated, bare = encode(sound, rate, ".mp3"), encode_bare(sound, rate)
    assert scan(stated).is_stated
    assert len(load_audio(mp3(stated))[0]) == rate
    assert not scan(bare).is_stated
    assert len(load_audio(mp3(bare))[0]) == scan(bare).num_frames * (FRAME if rate >= 32000 else FRAME // 2) >= rate


@pytest.mark.parametrize("gap", [b"", ID3V2, ID3V1, ID3V1 + ID3V2])
@pytest.mark.parametrize("first", [VARIABLE, SHORT])
@pytest.mark.parametrize("second", [VARIABLE, SHORT])
def test_joined_files_without_headers_are_read_whole(mp3, first, second, gap):
    lengths = [len(load_audio(mp3(part))[0]) for part in (first, second)]
    waveform, _ = load_audio(mp3(ID3V2 + first + gap + second + ID3V1))
    assert len(waveform) == sum(lengths)
    assert waveform[lengths[0] :].square().mean() == pytest.approx(
        load_audio(mp3(second))[0].square().mean().item(), rel=0.05
    )


@pytest.mark.parametrize("gap", [b"", ID3V2, ID3V1, ID3V1 + ID3V2])
@pytest.mark.parametrize(
    ("first", "second"),
    [(STATED, SHORT), (STATED, STATED), (SHORT_STATED, VARIABLE), (SHORT_STATED, SHORT_STATED), (VARIABLE, STATED)],
)
def test_a_header_among_joined_files_is_refused_not_obeyed(mp3, first, second, gap):
    path = mp3(first + gap + second)
    with pytest.raises(AudioFileError, match=f"another stream begins at byte {len(first)}"):
        load_audio(path)
    load_audio(mp3(first + gap))


@pytest.mark.parametrize(("rate", "channels"), [(48000, 1), (44100, 2), (22050, 1)])
def test_a_stream_of_another_kind_is_refused(mp3, rate, channels):
    other = encode_bare(np.stack([tone(200, rate)] * channels, axis=1), rate)
    with pytest.raises(AudioFileError, match=f"another stream begins at byte {len(SHORT)}"):
        load_audio(mp3(SHORT + other))


@pytest.mark.parametrize("with_bytes", [False, True])
def test_a_header_that_states_no_number_changes_nothing(mp3, with_bytes):
    expected, _ = load_audio(mp3(VARIABLE))
    header = b"\0\0\0\2" + struct.pack(">I", len(VARIABLE)) if with_bytes else bytes(4)
    assert torch.equal(load_audio(mp3(info_frame(VARIABLE, b"Xing", header) + VARIABLE))[0], expected)


@pytest.mark.parametrize("lost", [0, 5, 5000])
def test_a_vbri_header_is_believed_and_is_no_sound(mp3, lost):
    expected, _ = load_audio(mp3(VARIABLE))
    fields = bytes(6) + struct.pack(">II", len(VARIABLE), len(expected) // FRAME)
    path = mp3((info_frame(VARIABLE, b"VBRI", fields) + VARIABLE)[: -lost or None])
    if lost:
        with pytest.raises(AudioFileError, match="truncated"):
            load_audio(path)
    else:
        assert torch.equal(load_audio(path)[0], expected)


def test_a_tag_before_and_after_the_frames_is_no_cut(mp3):
    assert len(load_audio(mp3(ID3V2 + ID3V2 + STATED + ID3V1))[0]) == len(LONG)
    with pytest.raises(AudioFileError, match="truncated, its Xing header"):
        load_audio(mp3(ID3V2 + STATED[:-500]))


@settings(max_examples=30)
@given(cut=st.integers(1, len(VARIABLE) - 1))
@example(cut=1)
def test_a_cut_within_a_frame_is_refused_and_one_between_frames_cannot_be_known(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("cut") / "a.mp3"
    path.write_bytes(VARIABLE[:-cut])
    stream = scan(VARIABLE[:-cut])
    if stream is not None and stream.fault is None:
        assert len(load_audio(path)[0]) == stream.num_samples
    else:
        with pytest.raises(AudioFileError, match=r"truncated, its last MPEG frame is incomplete|cannot be decoded"):
            load_audio(path)


DAMAGED = [known[:5000] + bytes(2000) + known[7000:] for known in (VARIABLE, STATED)]


@pytest.mark.parametrize("content", DAMAGED, ids=["variable", "stated"])
def test_what_is_no_frame_is_named(mp3, content):
    with pytest.raises(AudioFileError, match=r"bytes \d+ to \d+ are no MPEG frames"):
        load_audio(mp3(content))
