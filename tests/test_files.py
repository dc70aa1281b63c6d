"""Files that appear whole or not at all, and never in the place of what they are made from."""

import errno
import os
from pathlib import Path

import pytest

from hypersound_lib.errors import ConfigError
from hypersound_lib.files import refuse_same, staging_folder


@pytest.mark.parametrize("name", ["voice.wav", "./voice.wav", "folder/../voice.wav", "link.wav", "hard.wav"])
def test_one_file_is_one_by_any_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "voice.wav"
    source.write_bytes(b"sound")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.wav").symlink_to(source)
    os.link(source, tmp_path / "hard.wav")
    for inputs, outputs in (
        ([source], [Path("x.wav"), Path(name)]),
        ([], [tmp_path / name, source]),
        ([source], ["other.wav", "folder/../other.wav"]),
    ):
        with pytest.raises(ConfigError, match="is the same file as"):
            refuse_same(inputs, outputs)
    refuse_same([source], ["other.wav", "another.wav"])
    (tmp_path / "other.wav").write_bytes(b"sound")  # equal, but another file
    refuse_same([source], ["other.wav"])


@pytest.mark.parametrize("there", [True, False])
def test_an_error_in_a_staging_folder_names_what_was_to_be_written(tmp_path, there):
    target = tmp_path / "model"
    if there:
        target.mkdir()
    places = []

    def fill_the_disk():
        with staging_folder(target) as staging:
            places.append(staging.parent)
            raise OSError(errno.ENOSPC, "No space left", str(staging / "weights"))

    with pytest.raises(OSError, match="No space left") as caught:
        fill_the_disk()
    assert caught.value.filename == str(target)
    assert places == [target if there else tmp_path], "on the disk of what is there"
    assert list(tmp_path.rglob("*")) == [target] * there
