"""Datasets by name: found, split, downloaded from a loopback server, or refused with a remedy."""

import csv
import pickle
from functools import partial

import pytest
import torchaudio

from hypersound_lib.data import CORPORA, AudioDataset, load_dataset
from hypersound_lib.errors import DatasetError
from hypersound_lib.files import embedded_data

from .miniatures import encode, tone, write_files

DOWNLOADED = {"vctk": 14, "ljspeech": 40, "librispeech-dev-clean": 20, "speechcommands": 6, "yesno": 8}


@pytest.mark.parametrize("name", DOWNLOADED)
def test_a_public_corpus_downloads_unpacks_and_decodes(tmp_path, offer, server, name):
    offer(name)
    dataset = load_dataset(name, "all", root=tmp_path, download=True)
    assert len(dataset) == DOWNLOADED[name]
    for sound in dataset:
        assert sound.sample_rate == 16000
        assert sound.waveform.abs().max().item() == pytest.approx(0.5, abs=0.05)
    assert not list(tmp_path.glob(".incoming*/*")), "the archive is not kept"

    again = load_dataset(name, "all", root=tmp_path, download=True)
    assert again.recordings == dataset.recordings
    assert len(server.requests) == 1, "what is there is not fetched again"
    assert load_dataset(name, "all", root=tmp_path).recordings == dataset.recordings


HELD_OUT = {  # how many groups, and what a group is
    "vctk": (10, lambda recording: recording.speaker),
    "ljspeech": (2, lambda recording: recording.path.stem[:5]),
    "librispeech-dev-clean": (2, lambda recording: recording.speaker),
    "speechcommands": (1, lambda recording: recording.speaker),
    "yesno": (1, lambda recording: recording.path.stem),
}


@pytest.mark.parametrize("name", HELD_OUT)
def test_splits_share_no_speaker_chapter_or_file_and_hold_out_the_last(tmp_path, offer, name):
    offer(name)
    held_out, group = HELD_OUT[name]
    load = partial(load_dataset, name, root=tmp_path, download=True)
    train, test = ({group(recording) for recording in load(split).recordings} for split in ("train", "test"))
    assert not train & test
    assert len(test) == held_out
    assert name == "speechcommands" or max(train) < min(test)


@pytest.fixture
def mini(tmp_path):
    files = {
        f"mini/wav48_silence_trimmed/s{n:02d}/s{n:02d}_00{k}_mic1.flac": encode(tone(100 * n, 22050), 22050, ".flac")
        for n in range(1, 8)
        for k in (1, 2)
    }
    return write_files(tmp_path, files)


def test_the_embedded_mini_loads_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train, test = load_dataset("mini"), load_dataset("mini", "test")
    assert len(test.speakers) == 4
    assert max(train.speakers) < min(test.speakers)
    with open(embedded_data("mini") / "manifest.csv", encoding="utf-8", newline="") as file:
        rows = {row["path"].split("/")[-1]: row for row in csv.DictReader(file)}
    for name, dataset in (("train", train), ("test", test)):
        stated = {file for file, row in rows.items() if row["split"] == name}
        assert {recording.path.name for recording in dataset.recordings} == stated
        assert len(dataset[0].waveform) == int(rows[dataset.recordings[0].path.name]["num_samples"])


def test_items_are_resampled_on_demand_and_datasets_pickle(mini):
    dataset = load_dataset("mini", "all", root=mini, sample_rate=8000)
    sound = pickle.loads(pickle.dumps(dataset))[3]
    assert (sound.sample_rate, len(sound.waveform)) == (8000, 2000)
    assert sound.recording == dataset.recordings[3]
    assert len(AudioDataset(dataset.recordings[:3])) == 3
    assert repr(dataset) == "AudioDataset(14 recordings, 7 speakers)"


def test_any_folder_is_a_dataset(mini):
    dataset = load_dataset(mini / "mini" / "wav48_silence_trimmed", "all")
    assert len(dataset) == 14
    assert dataset.speakers[0] == "s01"
    assert len(load_dataset(str(mini), "all")) == 14


def test_a_path_is_a_folder_even_when_called_like_a_corpus(tmp_path, monkeypatch):
    write_files(tmp_path, {"yesno/a.wav": encode(tone(440, 8000), 8000)})
    monkeypatch.chdir(tmp_path)
    assert len(load_dataset("./yesno", "all")) == 1
    with pytest.raises(DatasetError, match="download=True"):
        load_dataset("yesno", "all", root=tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("vkct", "train", r"'vkct' is no dataset; did you mean 'vctk'\?"),
        ("librispech", "train", r"'librispech' is no dataset; did you mean 'librispeech'\?"),
        ("Speech_Commands", "train", r"'Speech_Commands' is no dataset; did you mean 'speechcommands'\?"),
        ("./one/a.wav", "train", r"a\.wav is a file.*load_audio"),
        ("./gone", "train", "no dataset.*folder that exists"),
        ("mini", "dev", "no split 'dev'; it has all, test, train"),
        ("./one", "test", "split 'test' .*empty.*split='all'"),
        ("./none", "all", r"none: holds no recording; expected a file ending in \.wav"),
    ],
)
def test_what_is_no_dataset_or_split_is_refused(mini, monkeypatch, name, split, message):
    monkeypatch.chdir(write_files(mini, {"one/a.wav": b"", "none/a.txt": b"no sound"}))
    with pytest.raises(DatasetError, match=message):
        load_dataset(name, split, root=mini)


@pytest.mark.parametrize("name", CORPORA)
def test_a_folder_without_recordings_is_named_with_what_was_expected(tmp_path, name):
    archive = CORPORA[name].archive
    folder = tmp_path / (archive.folder if archive else name)
    folder.mkdir(parents=True)
    with pytest.raises(DatasetError, match=f"{folder}: holds no recording; expected (?!another)"):
        load_dataset(name, root=tmp_path)


@pytest.mark.parametrize("name", [name for name, corpus in CORPORA.items() if corpus.archive])
def test_an_absent_corpus_names_folder_size_and_remedy(tmp_path, monkeypatch, name):
    monkeypatch.setenv("HYPERSOUND_CACHE", str(tmp_path))
    archive = CORPORA[name].archive
    message = rf"{tmp_path}/corpora/{archive.folder}\. .*download=True.*{archive.size_bytes / 1e9:.2f} GB.*root="
    with pytest.raises(DatasetError, match=message):
        load_dataset(name)
    assert not any(tmp_path.iterdir())


def test_addresses_and_checksums_are_torchaudio_s():
    modules = torchaudio.datasets
    known: dict[str, str] = {}
    for module in (modules.vctk, modules.librispeech, modules.speechcommands, modules.ljspeech, modules.yesno):
        known |= getattr(module, "_CHECKSUMS", {})
        for release in getattr(module, "_RELEASE_CONFIGS", {}).values():
            known[release["url"]] = release["checksum"]
    if not known:
        pytest.skip("this torchaudio keeps its checksums elsewhere")
    archives = [corpus.archive for corpus in CORPORA.values() if corpus.archive]
    assert {archive.url: archive.sha256 for archive in archives}.items() <= known.items()
