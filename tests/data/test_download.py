"""A corpus appears whole or not at all, whatever its archive holds and wherever unpacking stops."""

import io
import stat
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from hypersound_lib.data.download import download_corpus
from hypersound_lib.errors import DownloadError
from hypersound_lib.files import locked

from .miniatures import corpus_files, pack

YESNO = corpus_files("yesno")


def tar_entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """Return the yesno archive with one more entry at its end."""
    buffer = io.BytesIO(pack(YESNO, "a.tar"))
    with tarfile.open(fileobj=buffer, mode="a") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, link
        archive.addfile(entry)
    return buffer.getvalue()


def zip_entry(name: str, mode: int = stat.S_IFREG) -> bytes:
    """Return the vctk archive with one more entry."""
    buffer = io.BytesIO(pack(corpus_files("vctk"), "a.zip"))
    with zipfile.ZipFile(buffer, "a") as archive:
        entry = zipfile.ZipInfo(name)
        entry.create_system, entry.external_attr = 3, (mode | 0o644) << 16
        archive.writestr(entry, b"/etc/passwd")
    return buffer.getvalue()


UNPACK = "did not unpack as expected"
ENTRY = f"{UNPACK}.*leaves the folder, or is a link or device"
REFUSED = {
    **{
        f"tar of {name}": ({"content": tar_entry(name)}, ENTRY)
        for name in ("../evil", "waves_yesno/../../evil", "/tmp/evil")
    },
    "tar of a link": ({"content": tar_entry("waves_yesno/out", tarfile.SYMTYPE, "/etc")}, ENTRY),
    "tar of a hard link": ({"content": tar_entry("waves_yesno/out", tarfile.LNKTYPE, "/etc/passwd")}, ENTRY),
    "tar of a pipe": ({"content": tar_entry("waves_yesno/pipe", tarfile.FIFOTYPE)}, ENTRY),
    # A zip is found from its end and a tar from its beginning: joined, they are both.
    "tar and zip": ({"content": tar_entry("../evil") + pack(YESNO, "a.zip")}, ENTRY),
    "page": ({"content": b"<html>Please log in</html>"}, UNPACK),
    "cut": ({"content": pack(YESNO, "a.tar.gz")[:-2000]}, UNPACK),
    "another layout": ({"files": {"something/else.txt": b"hello"}}, f"{UNPACK}.*no folder waves_yesno"),
    "another file": ({"sha256": "0" * 64}, "wrong checksum"),
}


@pytest.mark.parametrize("given", REFUSED)
def test_an_archive_that_is_not_what_it_should_be_is_refused(tmp_path, offer, given):
    offered, message = REFUSED[given]
    archive, root = offer("yesno", **offered), tmp_path / "deep" / "root"
    with pytest.raises(DownloadError, match=message):
        download_corpus(archive, root)
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left <= {f".incoming-{archive.filename}.lock", archive.filename}


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "a link"])
def test_what_a_zip_would_put_elsewhere_stays_in_its_folder(tmp_path, offer, name):
    content = pack(corpus_files("vctk"), "a.tar.gz") + zip_entry(name, stat.S_IFLNK if "link" in name else stat.S_IFREG)
    folder = download_corpus(offer("vctk", content=content), tmp_path / "root")
    (evil,) = [path for path in folder.rglob("*") if path.name in ("evil", "a link")]
    assert evil.read_bytes() == b"/etc/passwd"
    assert not evil.is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"root"}


def test_stopping_in_the_middle_of_unpacking_leaves_no_corpus(tmp_path, offer, server, monkeypatch):
    archive = offer("yesno")

    extract, count = tarfile.TarFile.extract, iter(range(4))

    def unpack_half(*arguments):
        if next(count, None) is None:
            raise KeyboardInterrupt
        extract(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(tarfile.TarFile, "extract", unpack_half)
        with pytest.raises(KeyboardInterrupt):
            download_corpus(archive, tmp_path)
    assert not (tmp_path / archive.folder).exists()
    assert not list(tmp_path.rglob("*.wav"))

    killed = tmp_path / f".incoming-{archive.filename}" / "unpacked" / "waves_yesno" / "0_0_0_0_0_0_0_0.wav"
    killed.parent.mkdir(parents=True)
    killed.write_bytes(b"half a fi")
    folder = download_corpus(archive, tmp_path)
    assert {path.name for path in folder.glob("*.wav")} == {name.split("/")[1] for name in YESNO if ".wav" in name}
    assert len(server.requests) == 1, "the verified archive was kept"
    assert not killed.parents[2].exists()


def test_a_disk_full_while_unpacking_leaves_no_corpus(tmp_path, offer, file_size_limit):
    files = YESNO | {"waves_yesno/long.wav": bytes(600_000)}
    archive = offer("yesno", files=files)
    with file_size_limit(300_000), pytest.raises(DownloadError, match=r"the disk.*full.*Free some space"):
        download_corpus(archive, tmp_path)
    assert not list(tmp_path.rglob("*.wav"))
    assert len(list(download_corpus(archive, tmp_path).glob("*.wav"))) == 9


def test_a_root_that_cannot_be_is_named(offer, locked_folder):
    with pytest.raises(DownloadError, match="a file stands where a folder is needed"):
        download_corpus(offer("yesno"), Path(__file__) / "root")
    with pytest.raises(DownloadError, match=rf"no permission to write in {locked_folder}"):
        download_corpus(offer("yesno"), locked_folder)


def test_a_file_system_without_locks_does_without(tmp_path, offer, monkeypatch):
    def refuse(*_, **__):
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    assert len(list(download_corpus(offer("yesno"), tmp_path).glob("*.wav"))) == 8
    with locked(tmp_path / "run"):
        pass


def test_two_at_the_same_time_download_once(tmp_path, offer, server):
    archive = offer("yesno")
    with ThreadPoolExecutor(8) as threads:
        folders = list(threads.map(download_corpus, [archive] * 8, [tmp_path] * 8))
    assert folders == [tmp_path / archive.folder] * 8
    assert len(server.requests) == 1
