"""A store gives back what the files hold, in memory and memory-mapped alike."""

import json
import pickle
import warnings

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hypersound_lib.data import Recording, build_store, load_audio
from hypersound_lib.errors import AudioFileError, DatasetError

LSB = 1 / 32768


@pytest.fixture
def recordings(tmp_path):
    rng = np.random.default_rng(0)
    made = []
    for number, (length, suffix) in enumerate([(3000, ".wav"), (800, ".flac"), (5000, ".ogg")]):
        path = tmp_path / "audio" / f"{number}{suffix}"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, rng.uniform(-0.5, 0.5, length), 16000)
        made.append(Recording(path, f"s{number}"))
    return made


@pytest.fixture(params=["memory", "mapped"])
def build(request, tmp_path):
    folder = tmp_path / "store" if request.param == "mapped" else None
    return lambda recordings, rate=16000, **options: build_store(recordings, rate, folder, **options)


@pytest.mark.parametrize("rate", [16000, 22050])
def test_a_store_equals_the_decoded_files_within_half_a_step_and_16_bit_files_exactly(build, recordings, rate):
    store = build(recordings, rate)
    assert len(store) == 3
    assert store.speakers == ("s0", "s1", "s2")
    assert store.names == tuple(str(recording.path) for recording in recordings)
    for number, recording in enumerate(recordings):
        expected, _ = load_audio(recording.path, rate)
        assert store.lengths[number] == len(expected)
        is_16_bit = rate == 16000 and recording.path.suffix in (".wav", ".flac")
        assert (store.read(number) - expected).abs().max() <= (0 if is_16_bit else LSB / 2 + 1e-7)


@settings(max_examples=20)
@given(samples=hnp.arrays(np.float32, st.integers(1, 100), elements=st.floats(-2, 2, width=32)))
def test_loud_samples_saturate_unless_normalised(tmp_path_factory, samples):
    path = tmp_path_factory.mktemp("loud") / "a.wav"
    soundfile.write(path, samples, 8000, subtype="FLOAT")
    stored = build_store([Recording(path)], 8000).read(0).numpy()
    np.testing.assert_allclose(stored, samples.clip(-1, 1), atol=LSB)
    normalized = build_store([Recording(path)], 8000, normalize=True).read(0).numpy()
    scale = np.abs(samples).max() or 1
    np.testing.assert_allclose(normalized, samples / scale, atol=LSB)


def test_a_read_never_runs_into_the_next_recording(build, recordings):
    store = build(recordings)
    whole = store.read(1)
    assert torch.equal(store.read(1, 100, 50), whole[100:150])
    assert torch.equal(store.read(1, 700, 5000), whole[700:])
    assert len(store.read(1, 900)) == len(store.read(1, 100, 0)) == 0
    for start, count in ((-2, None), (-1, 1), (0, -1)):
        with pytest.raises(IndexError, match="0 or more"):
            store.read(1, start, count)
    for wrong in (-1, 3):
        with pytest.raises(IndexError, match="store of 3"):
            store.read(wrong)


def test_a_store_survives_pickling_and_a_mapped_one_travels_by_name(build, recordings):
    store = build(recordings)
    packed = pickle.dumps(store)
    copy = pickle.loads(packed)
    assert all(torch.equal(copy.read(n), store.read(n)) for n in range(3))
    assert store.folder is None or len(packed) < 1000


def test_a_mapped_store_is_reused_until_its_source_changes(tmp_path, recordings, monkeypatch):
    from hypersound_lib.data import store as store_module

    decoded = []
    monkeypatch.setattr(store_module, "load_audio", lambda *a: decoded.append(a) or load_audio(*a))
    folder = tmp_path / "deep" / "store"
    first = build_store(recordings, 16000, folder)
    assert len(decoded) == 3
    again = build_store(recordings, 16000, folder)
    assert len(decoded) == 3
    assert torch.equal(first.samples, again.samples)
    for change in ({"sample_rate": 8000}, {"normalize": True}, {"recordings": recordings[:2]}):
        before = len(decoded)
        build_store(**({"recordings": recordings, "sample_rate": 16000, "folder": folder} | change))
        assert len(decoded) > before
    soundfile.write(recordings[0].path, np.zeros(77), 16000)
    assert build_store(recordings, 16000, folder).lengths[0] == 77


def test_a_sound_without_a_sample_at_the_rate_is_left_out(build, recordings, tmp_path):
    soundfile.write(tmp_path / "one.wav", np.full(1, 0.1), 48000)
    one = Recording(tmp_path / "one.wav")
    with pytest.warns(UserWarning, match=r"1 of 4 recordings are left out:\n.*one\.wav: has no sample at 16000 Hz"):
        store = build([*recordings, one], normalize=True)
    assert len(store) == 3
    assert min(store.lengths) > 0
    with pytest.raises(AudioFileError, match=r"none of 1 recordings can be read:\n.*no sample at 22050 Hz"):
        build_store([one], 22050)


def test_a_store_tells_at_every_opening_what_was_left_out_save_to_its_workers(tmp_path, recordings):
    recordings[1].path.write_bytes(b"broken")
    recordings[2].path.unlink()
    folder = tmp_path / "store"
    left_out = r"2 of 3 recordings are left out:\n.*1\.flac: .*cannot be decoded(.*\n)*.*no such file"
    for _ in range(2):
        with pytest.warns(UserWarning, match=left_out) as warned:
            store = build_store(recordings, 16000, folder)
        assert len(warned) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(pickle.loads(pickle.dumps(store))) == 1
        index = json.loads((folder / "index.json").read_text())
        del index["faults"]  # as the first stores have it
        (folder / "index.json").write_text(json.dumps(index))
        assert torch.equal(build_store(recordings, 16000, folder).read(0), store.read(0))
    assert (store.names, store.speakers) == ((str(recordings[0].path),), ("s0",))


def test_a_store_is_built_where_a_link_leads_and_its_folder_is_kept(tmp_path, recordings):
    """A folder that is there may be a disk of its own, which can be neither removed nor renamed onto."""
    disk, link = tmp_path / "disk", tmp_path / "link"
    disk.mkdir()
    number = disk.stat().st_ino
    link.symlink_to(disk)
    for count in (2, 3):
        store = build_store(recordings[:count], 16000, link)
        assert len(store) == count
        assert {path.name for path in disk.iterdir()} == {"samples.int16", "index.json"}
    assert link.is_symlink()
    assert disk.stat().st_ino == number
    (tmp_path / "dangling").symlink_to(tmp_path / "later")
    assert len(build_store(recordings, 16000, tmp_path / "dangling")) == 3
    assert (tmp_path / "later").is_dir()


def test_what_a_killed_build_left_is_built_over(tmp_path, recordings):
    folder = tmp_path / "store"
    build_store(recordings, 16000, folder)
    (folder / "index.json").unlink()
    (folder / ".writing-store-abc").mkdir()
    assert len(build_store(recordings, 16000, folder)) == 3


def test_a_failed_build_leaves_the_old_store_and_no_rubbish(tmp_path, recordings):
    folder = tmp_path / "store"
    old = build_store(recordings, 16000, folder)
    recordings[2].path.write_bytes(b"broken")
    for recording in recordings[:2]:
        recording.path.unlink()
    with pytest.raises(AudioFileError, match=r"none of 3 recordings can be read:(.*\n)*.*2\.ogg"):
        build_store(recordings, 16000, folder)
    assert pickle.loads(pickle.dumps(old)).lengths[0] == 3000
    assert {path.name for path in tmp_path.iterdir()} == {"audio", "store"}


def test_a_full_disk_is_named(tmp_path, recordings, file_size_limit):
    soundfile.write(recordings[0].path, np.zeros(200_000), 16000)
    with file_size_limit(100_000), pytest.raises(DatasetError, match=r"store: the disk.*full.*Free some space"):
        build_store(recordings, 16000, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_folder_without_permission_is_named(tmp_path, locked_folder):
    folder = locked_folder / "store"
    with pytest.raises(DatasetError, match="no permission to write in"):
        build_store([Recording(tmp_path / "a.wav")], 16000, folder)


@pytest.mark.parametrize(
    ("count", "folder", "message"),
    [(3, "audio", "something other than a store"), (0, "new", "at least one recording")],
)
def test_what_cannot_become_a_store_is_refused_and_left_alone(tmp_path, recordings, count, folder, message):
    with pytest.raises(DatasetError, match=message):
        build_store(recordings[:count], 16000, tmp_path / folder)
    assert all(recording.path.is_file() for recording in recordings)


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("index.json", b"", "Expecting value"),
        ("index.json", {"format": 99}, "has format 99, this library reads 1"),
        ("samples.int16", b"12", "is missing or not"),
        *(
            ("index.json", {"offsets": wrong}, "")
            for wrong in (None, [], [0], [0, 5, 3, 8], [-1, 5, 8, 9], [0, 10**30])
        ),
        *(("index.json", {field: wrong}, "") for field, wrong in (("names", ["a"]), ("sample_rate", "16000"))),
    ],
)
def test_a_damaged_store_is_refused_with_a_remedy(tmp_path, recordings, file, change, message):
    folder = tmp_path / "store"
    store = build_store(recordings, 16000, folder)
    if isinstance(change, dict):
        change = json.dumps(json.loads((folder / file).read_text()) | change).encode()
    (folder / file).write_bytes(change)
    for use in (lambda: pickle.loads(pickle.dumps(store)), lambda: build_store(recordings, 16000, folder)):
        with pytest.raises(DatasetError, match=rf"{file}: .*{message}.*Delete"):
            use()
