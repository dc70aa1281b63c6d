"""A measurement names the commit of the library's code, never that of a repository it happens to lie in."""

import shutil
import subprocess

import pytest

from hypersound_lib import provenance


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_repository_that_does_not_track_the_library_is_not_its_revision(tmp_path, monkeypatch):
    def git(*arguments):
        author = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        command = ["git", "-C", str(tmp_path), *author, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    module = tmp_path / "venv" / "hypersound_lib" / "provenance.py"
    module.parent.mkdir(parents=True)
    module.write_text("")
    monkeypatch.setattr(provenance, "__file__", str(module))
    git("init")
    git("commit", "--allow-empty", "-m", "somebody's own work")
    assert provenance.provenance("test")["git_revision"] is None
    git("add", ".")
    git("commit", "-m", "a clone")
    assert provenance.provenance("test")["git_revision"] == git("rev-parse", "HEAD")
    module.write_text("# changed")
    assert provenance.provenance("test")["git_revision"] == git("rev-parse", "HEAD") + "+changes"
