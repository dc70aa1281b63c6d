"""Where a model's folder is looked for, and where it is written."""

import errno
import os
from pathlib import Path

import pytest
import torch

from hypersound_lib.hub import folders


def write(folder):
    folders.write_folder(folder, {"weight": torch.zeros(1)}, {"kind": "none"}, "a card")


def test_a_folder_called_like_a_shipped_model_is_taken_where_it_holds_one_or_is_given_as_a_folder(
    tmp_path, monkeypatch
):
    folder = tmp_path / "shipped" / "model"
    write(folder)
    monkeypatch.setattr(folders, "embedded_data", lambda name: folder.parent)
    (tmp_path / "here" / "model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert folders.find_folder("model") == folder
    for given in ("./model", "model/", Path("model"), str(Path("model").absolute())):
        assert folders.find_folder(given) == Path(given)
    write("model/best")
    assert folders.find_folder("model") == Path("model/best")
    write("model")
    assert folders.find_folder("model") == Path("model")


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_that_a_link_puts_on_another_disk_is_written_there(tmp_path, monkeypatch, there):
    disk, link = tmp_path / "disk", tmp_path / "home" / "model"
    link.parent.mkdir()
    link.symlink_to(disk / "model")
    (disk / "model" if there else disk).mkdir(parents=True)
    replace = os.replace

    def within_a_disk(source, target):
        if len({disk in Path(path).resolve().parents for path in (source, target)}) > 1:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        replace(source, target)

    monkeypatch.setattr(os, "replace", within_a_disk)
    write(link)
    assert link.is_symlink()
    assert {p.name for p in (disk / "model").iterdir()} == {"model.safetensors", "config.json", "README.md"}
    assert [p.name for p in disk.iterdir()] == ["model"]
