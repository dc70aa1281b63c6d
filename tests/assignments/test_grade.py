"""What otter would refuse is found when a homework is built; and one bad file does not stop the grading of a class."""

import grade
import nbformat
import pytest

from .homework import HOMEWORKS


@pytest.fixture
def master() -> nbformat.NotebookNode:
    return nbformat.read(HOMEWORKS[0].master, as_version=4)


@pytest.fixture
def built(tmp_path):
    """Return a folder of homeworks with an autograder that nothing may open."""
    archive = tmp_path / "build" / "seed7" / "hw1" / "autograder" / "hw1_x-autograder.zip"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"no zip")
    return tmp_path / "build"


@pytest.mark.parametrize("homework", HOMEWORKS, ids=str)
def test_masters_are_not_refused(homework):
    grade.refuse(homework.read())


def test_name_that_otter_would_ask_for_and_kernel_that_others_have_not_are_refused(master):
    master.metadata.kernelspec.name = "conda-env-audio-py"
    with pytest.raises(ValueError, match=r"conda-env-audio-py.*NoSuchKernel"):
        grade.refuse(master)
    master.cells[0].source += "\nname: hw1"
    with pytest.raises(ValueError, match="has a `name:`"):
        grade.refuse(master)


def test_what_colab_saves(master):
    """Nothing is left of what another program could rely on, and every cell is still there, among others."""
    saved = grade.saved_by_colab(master)
    nbformat.validate(saved)
    assert "otter" not in saved.metadata
    assert saved.metadata.kernelspec["name"] != "python3"
    assert not any("id" in cell for cell in saved.cells)
    assert [cell.source for cell in master.cells] == [cell.source for cell in saved.cells[1:-2]]


def test_file_that_is_no_notebook_is_named_and_the_rest_goes_on(built, tmp_path, capsys):
    for name in ("anna.ipynb", "ben.ipynb"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "zoe.ipynb").write_text("graded before")
    (tmp_path / "zoe.json").write_text("{}")
    assert grade.main(["hw1", str(tmp_path), "--seed", "7", "--build", str(built)]) == 1
    told = capsys.readouterr().err
    assert "anna.ipynb: NOT GRADED" in told
    assert "ben.ipynb: NOT GRADED" in told
    assert "zoe" not in told


def test_homework_that_is_not_built_is_named(built, tmp_path):
    with pytest.raises(SystemExit, match="has no autograder: run `make assignments` first"):
        grade.main(["hw1", str(tmp_path), "--build", str(built)])
    with pytest.raises(SystemExit, match="is no folder of notebooks"):
        grade.main(["hw1", str(tmp_path / "none"), "--seed", "7", "--build", str(built)])
