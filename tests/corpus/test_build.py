"""The build itself: same bytes every time, the old corpus safe until the new one is whole, the card up to date."""

import doctest
import importlib
import importlib.util
import json
import shutil
import struct
from pathlib import Path
from types import ModuleType

import card
import mini
import numpy as np
import pytest
import soundfile
import speech
import storage
from measure import snr_db
from speakers import SPEAKERS

Rows = list[dict[str, str]]
MODULES = sorted(p.stem for p in Path(card.__file__).parent.glob("*.py") if p.stem != "build")
needs_engines = pytest.mark.skipif(
    not all(shutil.which(engine) for engine in ("espeak-ng", "flite")),
    reason="rebuilding speech needs: apt-get install espeak-ng flite",
)


@pytest.fixture
def build(data: Path) -> ModuleType:
    """Load ``build.py`` by its path: another package may be called "build"."""
    spec = importlib.util.spec_from_file_location("corpus_build", data / "build" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def old_corpus(tmp_path: Path) -> Path:
    """A folder that looks like ``data/`` with an old, tiny corpus in it."""
    (tmp_path / "README.md").write_text(f"# card\n{card.BEGIN}old{card.END}\n")
    for name in ("mini", "fullband"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.csv").write_text("old")
    return tmp_path


def tree(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name: str):
    assert doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


@needs_engines
@pytest.mark.parametrize("index", [0, 16], ids=["espeak-ng", "flite with a shorter tract"])
def test_a_sentence_can_be_rebuilt(index: int, data: Path, mini_rows: Rows):
    """The same engine speaks the same samples; with the whole toolchain of the build even the file is the same."""
    made_with = json.loads((data / "mini" / "toolchain.json").read_text())
    here = mini.toolchain()
    for engine in speech.ENGINES:
        if here[engine] != made_with[engine]:
            pytest.skip(f"the corpus was made with {engine} {made_with[engine]}, here is {here[engine]}")
    speaker = SPEAKERS[index]
    row = next(row for row in mini_rows if row["speaker"] == speaker.name)
    committed = data / "mini" / row["path"]
    waveform = speech.render(speaker, row["text"])
    assert snr_db(waveform, soundfile.read(committed)[0]) > 20
    if here == made_with:
        assert storage.encode_ogg(waveform, speech.SAMPLE_RATE) == committed.read_bytes()


def test_ogg_bytes_do_not_depend_on_the_random_stream_number():
    waveform = 0.5 * np.sin(np.arange(22_050) * 0.1)
    first, second = (storage.encode_ogg(waveform, 22_050) for _ in range(2))
    assert first == second
    assert struct.unpack_from("<I", first, 14) == (storage.OGG_SERIAL,)


def test_a_new_stream_number_leaves_the_sound_alone(tmp_path: Path):
    """libsndfile refuses a page whose checksum is wrong, so a decoded file also proves ``ogg_crc``."""
    waveform = 0.5 * np.sin(np.arange(50_000) * 0.1)
    ogg = storage.encode_ogg(waveform, 22_050)
    decoded = []
    for serial in (storage.OGG_SERIAL, 7):
        path = tmp_path / f"{serial}.ogg"
        path.write_bytes(storage.fix_ogg_serial(ogg, serial))
        decoded.append(soundfile.read(path)[0])
    assert decoded[0].shape == waveform.shape
    np.testing.assert_array_equal(*decoded)
    with pytest.raises(ValueError, match="no Ogg page at byte 0"):
        storage.fix_ogg_serial(b"RIFF" + ogg)


@pytest.mark.parametrize("silence", [0, 100, 5000])
def test_trimming_leaves_50_ms_on_both_sides(silence: int):
    speech_part = np.full(40 * speech.FRAME, 0.5)
    quiet = np.zeros(silence // speech.FRAME * speech.FRAME)
    trimmed = speech.trim_silence(np.concatenate([quiet, speech_part, quiet]))
    np.testing.assert_array_equal(trimmed, np.pad(speech_part, speech.MARGIN))


@pytest.mark.parametrize(
    ("scale", "seconds", "message"), [(0.1, 4, "peak 0.100"), (1.0, 4, "peak 1.000"), (0.5, 1, "1.00 s are outside")]
)
def test_a_bad_sentence_stops_the_build(scale: float, seconds: int, message: str):
    with pytest.raises(ValueError, match=f"s01_001: {message}"):
        mini.check_waveform(np.full(seconds * speech.SAMPLE_RATE, scale), "s01_001")


def test_a_finished_build_replaces_the_old_corpus(build: ModuleType, old_corpus: Path, monkeypatch):
    for name in ("mini", "fullband"):
        monkeypatch.setitem(build.BUILDERS, name, lambda root: (root / "manifest.csv").write_text("new"))
    monkeypatch.setattr(build, "render_measured", lambda folder: (folder / "mini" / "manifest.csv").read_text())
    build.build_corpus(old_corpus)
    readme = f"# card\n{card.BEGIN}\n\nnew\n\n{card.END}\n"
    assert tree(old_corpus) == {"README.md": readme, "mini/manifest.csv": "new", "fullband/manifest.csv": "new"}


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_an_interrupted_build_leaves_the_old_corpus_whole(build, old_corpus: Path, monkeypatch, stop):
    before = tree(old_corpus)

    def fail(root: Path) -> None:
        (root / "half.flac").write_text("half")
        raise stop

    monkeypatch.setitem(build.BUILDERS, "mini", lambda root: (root / "manifest.csv").write_text("new"))
    monkeypatch.setitem(build.BUILDERS, "fullband", fail)
    with pytest.raises(stop):
        build.build_corpus(old_corpus)
    assert tree(old_corpus) == before


def test_a_failed_rename_brings_the_old_folder_back(tmp_path: Path):
    (tmp_path / "mini").mkdir()
    (tmp_path / "mini" / "manifest.csv").write_text("old")
    with pytest.raises(FileNotFoundError):
        storage.replace_folder(tmp_path / "never built", tmp_path / "mini")
    assert tree(tmp_path) == {"mini/manifest.csv": "old"}


def test_a_missing_engine_is_named_with_the_way_to_install_it(build: ModuleType, monkeypatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="espeak-ng is missing: apt-get install espeak-ng flite"):
        build.main()


@pytest.mark.slow
def test_the_card_holds_the_figures_of_the_committed_files(data: Path, mini_rows: Rows, fullband_rows: Rows):
    text = (data / "README.md").read_text(encoding="utf-8")
    assert "\n".join(card.mini_summary(data / "mini", mini_rows)) in text
    assert "\n".join(card.fullband_table(data / "fullband", fullband_rows)) in text
    last = [row for row in mini_rows if row["speaker"] == mini_rows[-1]["speaker"]]
    assert card.speaker_table(data / "mini", last)[-1] in text
