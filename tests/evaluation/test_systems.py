"""Models by name or folder become systems: HyperSound and RAVE alike, on the device that is asked for."""

import shutil

import pytest

from hypersound_lib.data import load_dataset
from hypersound_lib.evaluation import load_system, load_systems
from hypersound_lib.models import load_model
from tests.test_models import small


@pytest.fixture
def rave_folder(tmp_path):
    small("RAVE").save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def test_a_rave_by_its_folder(rave_folder):
    system = load_system(str(rave_folder))
    assert (system.name, system.sample_rate) == ("tiny", 8000)
    assert system.theta_per_second == load_model(rave_folder).theta_per_second


def test_models_of_one_folder_name_are_called_by_more_of_their_paths(rave_folder, tmp_path, monkeypatch):
    for run in ("r1", "r2"):
        shutil.copytree(rave_folder, tmp_path / run / "best")
    monkeypatch.chdir(tmp_path)
    assert [system.name for system in load_systems(["r1/best", "r2/best"])] == ["r1/best", "r2/best"]
    assert [system.name for system in load_systems(["r1", "r2/best", "table1-rave"])] == ["r1", "best", "table1-rave"]
    (tmp_path / "table1-rave").mkdir()
    shutil.copytree(rave_folder, tmp_path / "r3" / "table1-rave")
    names = [system.name for system in load_systems(["table1-rave", "r3/table1-rave"])]
    assert names == ["table1-rave", "r3/table1-rave"], "a folder that holds no model is not taken for a shipped one"


def test_the_model_lies_on_the_device(rave_folder):
    sound = load_dataset("mini", "test", sample_rate=8000)[0].waveform[:2000]
    assert load_system(str(rave_folder)).reconstruct(sound, 8000, 8000).shape == (2000,)
    with pytest.raises(RuntimeError, match="meta"):  # where tensors have shapes and no numbers to play
        load_system(str(rave_folder), "meta").reconstruct(sound, 8000, 8000)
