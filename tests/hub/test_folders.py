"""Folders of weights: what was saved comes back, and whatever is damaged or foreign is refused by name."""

import dataclasses
import errno
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from hypersound_lib.errors import ConfigError, WeightsFileError
from hypersound_lib.hub import folders
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.inr import SIRENConfig
from hypersound_lib.local.model import LocalHyperSound
from tests.local.small import make_model
from tests.test_models import edit, small

FILES = {"model.safetensors", "config.json", "README.md"}
SIREN = SIRENConfig(hidden_layers=2, width=4, omega_0=33.5)


def make(**changes):
    return HyperSound(dataclasses.replace(small("HyperSound").config, **changes))


@pytest.fixture
def folder(tmp_path):
    make().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_a_loaded_model_learns_on(folder):
    assert {p.name for p in folder.iterdir()} == FILES
    model = HyperSound.from_pretrained(folder)
    model(torch.randn(2, 64)).square().mean().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_weights_that_a_precision_cannot_hold_are_refused(tmp_path):
    model = make()
    with torch.no_grad():
        model.hypernetwork.head.bias[0] = 1e6
    for dtype in (torch.float16, torch.int8):
        with pytest.raises(ConfigError, match="cannot hold"):
            model.save_pretrained(tmp_path / "model", dtype=dtype)
    assert not list(tmp_path.iterdir())


def test_what_a_loaded_local_model_wrote_another_one_loaded_from_there_plays(tmp_path):
    make_model().save_pretrained(tmp_path, dtype=torch.float16)
    one, two = LocalHyperSound.from_pretrained(tmp_path), LocalHyperSound.from_pretrained(tmp_path)
    assert one.identity() == two.identity()
    sound = 0.1 * torch.randn(2000)
    data = one.compress(sound, 22050, quality=5)
    assert torch.equal(two.decompress(data), one.decompress(data))


def test_a_fresh_model_has_no_facts_and_loaded_facts_are_saved_again(tmp_path):
    model = make()
    assert model.facts == {}
    model.save_pretrained(tmp_path / "a", facts={"step": 1})
    HyperSound.from_pretrained(tmp_path / "a").save_pretrained(tmp_path / "b", dtype=torch.float16)
    assert HyperSound.from_pretrained(tmp_path / "b").facts == {"step": 1}


def test_saving_again_replaces_files_and_leaves_others(folder):
    (folder / "notes.txt").write_text("mine")
    make(target=SIREN).save_pretrained(folder)
    assert HyperSound.from_pretrained(folder).config.target == SIREN
    assert {p.name for p in folder.iterdir()} == {*FILES, "notes.txt"}
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_a_failed_save_leaves_the_old_files(folder, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full_disk(path, content):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders, "write_synced", full_disk)
    with pytest.raises(OSError, match="No space"):
        make(target=SIREN).save_pretrained(folder)
    with pytest.raises(ConfigError, match="JSON can hold"):
        make().save_pretrained(folder, facts={"model": object()})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(format="other/1"), "lacks the tag"),
        (lambda d: d.pop("format"), "lacks the tag"),
        (lambda d: d.update(code="import os"), "fields must be"),
        (lambda d: d.update(facts=[1]), "fields must be"),
        (lambda d: d.update(config=[1]), "must be an object"),
        (lambda d: d["config"].update(colour="red"), "colour"),
        (lambda d: d["config"]["encoder"].update(colour="red"), "colour"),
        (lambda d: d["config"]["encoder"].update(strides=8), "encoder.strides must be"),
        (lambda d: d["config"]["encoder"].update(strides=[4, 8.5]), r"encoder.strides\[1\] must be int, not 8.5"),
        (lambda d: d["config"]["encoder"].update(strides=[]), "needs strides"),
        (lambda d: d["config"]["hypernetwork"].update(residual_scale="big"), "residual_scale must be float"),
        (lambda d: d["config"]["target"].update(kind="os.system"), "target.kind must be one of"),
        (lambda d: d["config"]["target"].update(kind=["SIREN"]), "target.kind must be one of"),
        (lambda d: d["config"]["target"].update(colour="red"), "colour"),
        (lambda d: d["config"].update(target=3), "target must be"),
        (lambda d: d["config"].update(sample_rate=True), "sample_rate must be int, not True"),
        (lambda d: d["config"].update(sample_rate=-1), "-1 Hz"),
        (lambda d: d["config"].update(shared=["layers.9.bias"]), "no parameters of the target"),
    ],
)
def test_a_config_that_describes_no_model_is_refused(folder, change, message):
    edit(folder, change)
    with pytest.raises(WeightsFileError, match=rf"config\.json.*{message}"):
        HyperSound.from_pretrained(folder)


def test_a_config_without_a_newer_field_takes_its_default(folder):
    edit(folder, lambda d: d["config"]["hypernetwork"].pop("residual_scale"))
    assert HyperSound.from_pretrained(folder).config.hypernetwork.residual_scale is None


def test_missing_truncated_and_foreign_files_are_refused(folder):
    weights, config = folder / "model.safetensors", folder / "config.json"
    save_file({"weight": torch.zeros(1)}, weights)
    with pytest.raises(WeightsFileError, match="config and weights do not fit"):
        HyperSound.from_pretrained(folder)
    make().save_pretrained(folder)
    for path, message in ((weights, "not a whole safetensors file"), (config, "not whole JSON")):
        path.write_bytes(path.read_bytes()[:-10])
        with pytest.raises(WeightsFileError, match=f"{path.name}: {message}"):
            HyperSound.from_pretrained(folder)
        path.unlink()
        with pytest.raises(WeightsFileError, match=rf"{path.name}: .*[Nn]o such file"):
            HyperSound.from_pretrained(folder)
        make().save_pretrained(folder)


@pytest.mark.parametrize("name", ["missing", "./missing/model", "../a/b", "a/b/c", Path("owner/name")])
def test_what_is_no_hub_name_never_asks_the_hub(name, monkeypatch):
    monkeypatch.setattr("huggingface_hub.snapshot_download", None)
    with pytest.raises(WeightsFileError, match="no such folder or model"):
        folders.find_folder(name)


def test_the_hub_is_asked_for_the_three_files_alone(folder, monkeypatch):
    asked = []

    def download(name, **named):
        asked.append((name, named["revision"], set(named["allow_patterns"])))
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    model = HyperSound.from_pretrained("owner/name", revision="v1")
    assert asked == [("owner/name", "v1", FILES)]
    assert model.config == make().config


@pytest.mark.parametrize("error", [ConnectionError("no route"), ValueError("bad name"), RuntimeError()])
def test_a_hub_that_cannot_serve_is_an_error_with_a_remedy(error, monkeypatch):
    def download(*_, **__):
        raise error

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    with pytest.raises(WeightsFileError, match=r"owner/name at v1: .*Check the name and the network"):
        folders.find_folder("owner/name", "v1")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<img src=x onerror=y>", "&#60;img src=x onerror=y&#62;"),
        ("![x](http://x)", "!&#91;x&#93;(http://x)"),
        ("a\\|b\nc\r| d", "a&#92;\\|b c \\| d"),
        ("caf\udce9", "caf\\udce9"),
    ],
)
def test_a_card_shows_facts_and_their_names_as_they_read(text, shown, tmp_path):
    make().save_pretrained(tmp_path, facts={"note": text, text: [1, text]})
    lines = (tmp_path / "README.md").read_text(encoding="utf-8").split("\n")
    assert f"| note | {shown} |" in lines
    assert f"| {shown} | 1, {shown} |" in lines


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
    with pytest.raises(WeightsFileError, match=r"modle: .*shipped with this library: model\); did you mean 'model'"):
        folders.find_folder("modle")
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
    assert {p.name for p in (disk / "model").iterdir()} == FILES
    assert [p.name for p in disk.iterdir()] == ["model"]
