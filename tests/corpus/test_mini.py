"""The speech corpus as committed: whole, fairly split, clean, and of speakers that can be told apart."""

import hashlib
import platform
import sys
from collections import defaultdict
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile

from hypersound_lib.data.layouts import index_vctk

pytestmark = pytest.mark.slow  # half an hour of speech is decoded, and `make check` is for code

RATE = 22_050
Rows = list[dict[str, str]]
Audio = list[np.ndarray]


def median_f0(clips: Audio) -> float:
    """Median pitch in Hz over the louder half of the frames of some clips."""
    waveform = np.concatenate(clips)
    f0 = librosa.yin(waveform, fmin=55, fmax=420, sr=RATE, hop_length=441)
    level = librosa.feature.rms(y=waveform, hop_length=441)[0]
    return float(np.median(f0[level > np.median(level)]))


def test_manifest_lists_every_file_with_its_checksum(data: Path, mini_rows: Rows):
    """A file that was added, lost or changed since the build shows here."""
    audio = data / "mini" / "wav48_silence_trimmed"
    assert {row["path"] for row in mini_rows} == {p.relative_to(data / "mini").as_posix() for p in audio.glob("*/*")}
    for row in mini_rows:
        assert hashlib.sha256((data / "mini" / row["path"]).read_bytes()).hexdigest() == row["sha256"], row["path"]


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="Vorbis decoders may differ in the last bit on other processors",
)
def test_decoded_samples_have_their_checksum(data: Path, mini_rows: Rows):
    for row in mini_rows[::4]:
        samples, _ = soundfile.read(data / "mini" / row["path"], dtype="int16")
        assert hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest() == row["pcm_sha256"], row["path"]


def test_every_clip_is_as_the_manifest_says_and_not_clipped_faint_broken_or_offset(
    data: Path, mini_rows: Rows, mini_audio: Audio
):
    """The build keeps peaks in 0.2…0.95; Vorbis may move one by a little."""
    for row, waveform in zip(mini_rows, mini_audio, strict=True):
        info = soundfile.info(data / "mini" / row["path"])
        assert (info.samplerate, info.channels) == (int(row["sample_rate"]), 1) == (RATE, 1)
        assert waveform.shape == (int(row["num_samples"]),)
        assert float(row["seconds"]) == pytest.approx(len(waveform) / RATE, abs=1e-4)
        assert 2.0 <= len(waveform) / RATE <= 8.0, row["path"]
        assert np.isfinite(waveform).all(), row["path"]
        assert 0.19 <= np.abs(waveform).max() <= 0.97, row["path"]
        assert abs(waveform.mean(dtype=np.float64)) < 5e-4, row["path"]
    assert sum(len(waveform) for waveform in mini_audio) / RATE / 60 >= 25


def test_embedded_audio_stays_small(data: Path):
    """Everyone who clones the repository pays for these bytes: 19 MB of speech, 25 MB in all."""
    size = {
        name: sum(p.stat().st_size for p in (data / name).rglob("*") if p.is_file()) for name in ("mini", "fullband")
    }
    assert size["mini"] <= 19e6
    assert sum(size.values()) < 25e6


def test_the_last_four_of_at_least_16_speakers_are_held_out(mini_rows: Rows):
    split = {row["speaker"]: row["split"] for row in mini_rows}
    speakers = sorted(split)
    assert len(speakers) >= 16
    assert [split[name] for name in speakers] == ["train"] * (len(speakers) - 4) + ["test"] * 4
    assert all(row["split"] == split[row["speaker"]] for row in mini_rows)


def test_no_accent_variant_or_voice_is_on_both_sides(mini_rows: Rows):
    """espeak-ng's voices read ACCENT+VARIANT; neither half may be heard in training."""
    parts = {"train": set(), "test": set()}
    for row in mini_rows:
        parts[row["split"]].update(row["voice"].split("+"))
    assert not parts["train"] & parts["test"]


def test_held_out_speakers_cover_both_engines_and_low_and_high_pitch(mini_rows: Rows, mini_audio: Audio):
    clips = defaultdict(list)
    for row, waveform in zip(mini_rows, mini_audio, strict=True):
        if row["split"] == "test":
            clips[row["engine"], row["speaker"]].append(waveform)
    pitches = defaultdict(list)
    for (engine, _), waveforms in clips.items():
        pitches[engine].append(median_f0(waveforms[:5]))
    assert set(pitches) == {"espeak-ng", "flite"}
    for low, high in map(sorted, pitches.values()):
        assert low < 130 < 170 < high


def test_everyone_says_the_shared_sentences_and_testers_nothing_else_from_training(mini_rows: Rows):
    texts = defaultdict(set)
    for row in mini_rows:
        texts[row["speaker"]].add(row["text"])
    shared = set.intersection(*texts.values())
    train = {row["text"] for row in mini_rows if row["split"] == "train"}
    test = {row["text"] for row in mini_rows if row["split"] == "test"}
    assert len(shared) == 8
    assert train & test == shared
    assert len(train | test) >= 100


def test_the_vctk_loader_reads_it_with_the_texts_of_the_manifest(data: Path, mini_rows: Rows):
    recordings = index_vctk(data / "mini")
    found = [(r.path.relative_to(data / "mini").as_posix(), r.speaker, r.transcript) for r in recordings]
    assert found == [(row["path"], row["speaker"], row["text"]) for row in mini_rows]
    assert len(list((data / "mini" / "txt").glob("*/*.txt"))) == len(mini_rows)


def test_speaker_info_names_every_speaker_once(data: Path, mini_rows: Rows):
    header, *lines = (data / "mini" / "speaker-info.txt").read_text(encoding="utf-8").splitlines()
    assert header.split() == ["ID", "ENGINE", "VOICE", "PITCH", "RATE", "SETTINGS"]
    known = sorted({(row["speaker"], row["engine"], row["voice"]) for row in mini_rows})
    assert [tuple(line.split()[:3]) for line in lines] == known


def test_silence_is_trimmed_to_50_ms(mini_rows: Rows, mini_audio: Audio):
    """The outer 40 ms are at least 35 dB below the loudest frame; within 80 ms the level passes −60 dB."""
    frame = RATE // 100
    for row, waveform in zip(mini_rows, mini_audio, strict=True):
        for side in (waveform, waveform[::-1]):
            energy = (side[: len(side) // frame * frame].reshape(-1, frame) ** 2).mean(axis=1)
            assert energy[:4].max() < energy.max() * 10**-3.5, row["path"]
            assert energy[:8].max() > energy.max() * 10**-6.0, row["path"]


def test_the_codec_keeps_the_sound(mini_rows: Rows):
    """Figures of the build, coded against uncoded; the high band matters only where the engine fills it."""
    assert np.median([float(row["codec_snr_db"]) for row in mini_rows]) > 25
    assert max(float(row["codec_lsd"]) for row in mini_rows) < 0.5
    assert all(abs(float(row["codec_high_band_db"])) < 1 for row in mini_rows if row["engine"] == "espeak-ng")


def test_speakers_can_be_told_apart_by_the_colour_of_the_voice(mini_rows: Rows, mini_audio: Audio):
    """Nearest centroid of mean MFCCs, without the one that tells the level, learnt on other sentences.

    Learns from sentences 001 to 008 and names the speaker of 009 to 020; chance is one in 22.
    """
    features = np.array(
        [librosa.feature.mfcc(y=x, sr=RATE, n_mfcc=20, n_mels=64, n_fft=1024)[1:].mean(axis=1) for x in mini_audio]
    )
    speaker = np.array([row["speaker"] for row in mini_rows])
    learn = np.array([int(Path(row["path"]).name.split("_")[1]) <= 8 for row in mini_rows])
    features = (features - features[learn].mean(axis=0)) / features[learn].std(axis=0)
    names = np.unique(speaker)
    centroids = np.array([features[learn & (speaker == name)].mean(axis=0) for name in names])
    distance = np.linalg.norm(features[~learn, None] - centroids, axis=-1)  # (files, speakers)
    guess = names[distance.argmin(axis=1)]
    assert np.mean(guess == speaker[~learn]) >= 0.9
    assert all(np.mean(guess[speaker[~learn] == name] == name) >= 0.5 for name in names)
