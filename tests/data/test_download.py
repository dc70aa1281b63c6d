"""A corpus appears whole or not at all, whatever its archive holds and wherever unpacking stops."""

import io
import stat
import tarfile
import threading
import zipfile
from dataclasses import replace

import pytest
from filelock import FileLock

from hypersound_lib.data.download import download_corpus, inspect_archive
from hypersound_lib.errors import DownloadError
from hypersound_lib.files import locked

from .miniatures import corpus_files, pack

YESNO = corpus_files("yesno")
OUTSIDE = "../evil", "waves_yesno/../../evil", "/tmp/evil", "..\\evil", "C:\\evil"


def tar_entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """Return the yesno archive with one more entry in its middle."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, content in [*YESNO.items(), (name, b"evil" if kind == tarfile.REGTYPE else b"")]:
            entry = tarfile.TarInfo(path)
            if path == name:
                entry.type, entry.linkname = kind, link
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def zip_entry(name: str, mode: int = stat.S_IFREG) -> bytes:
    buffer = io.BytesIO(pack(corpus_files("vctk"), "a.zip"))
    with zipfile.ZipFile(buffer, "a") as archive:
        entry = zipfile.ZipInfo(name)
        entry.create_system, entry.external_attr = 3, (mode | 0o644) << 16
        archive.writestr(entry, b"/etc/passwd")
    return buffer.getvalue()


LEAVES, LINK = (f"{reason}, so nothing was unpacked" for reason in ("leaves its folder", "is a link or device"))
BROKEN = "is not a whole zip or tar archive"  # and its checksum is right: the publisher put it there
REFUSED = {
    **{f"tar of {name}": ("yesno", {"content": tar_entry(name)}, LEAVES) for name in OUTSIDE},
    "tar of a link": ("yesno", {"content": tar_entry("waves_yesno/out", tarfile.SYMTYPE, "/etc")}, LINK),
    "tar of a hard link": ("yesno", {"content": tar_entry("waves_yesno/out", tarfile.LNKTYPE, "/etc/passwd")}, LINK),
    "tar of a pipe": ("yesno", {"content": tar_entry("waves_yesno/pipe", tarfile.FIFOTYPE)}, LINK),
    **{f"zip of {name}": ("vctk", {"content": zip_entry(name)}, LEAVES) for name in ("../evil", "/evil")},
    "zip of a link": ("vctk", {"content": zip_entry("l", stat.S_IFLNK)}, LINK),
    # A zip is found from its end and a tar from its beginning: joined, they are both.
    "tar and zip": ("yesno", {"content": tar_entry("../evil") + pack(YESNO, "a.zip")}, LEAVES),
    "zip and tar": ("vctk", {"content": pack(corpus_files("vctk"), "a.tar.gz") + zip_entry("../evil")}, LEAVES),
    "page": ("yesno", {"content": b"<html>Please log in</html>"}, BROKEN),
    "cut": ("yesno", {"content": pack(YESNO, "a.tar.gz")[:-2000]}, BROKEN),
    "another file": ("yesno", {"sha256": "0" * 64}, "wrong checksum"),
}


@pytest.mark.parametrize("given", REFUSED)
def test_an_archive_that_is_not_what_it_should_be_is_refused(tmp_path, offer, given):
    name, offered, message = REFUSED[given]
    archive, root = offer(name, **offered), tmp_path / "deep" / "root"
    with pytest.raises(DownloadError, match=message):
        download_corpus(archive, root)
    assert not (root / archive.folder).exists()
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left <= {f".incoming-{archive.filename}.lock"}


def test_an_archive_s_unpacked_size_is_known_beforehand(tmp_path):
    for filename in ("a.zip", "a.tar.gz", "a.tar.bz2"):
        (tmp_path / filename).write_bytes(pack(YESNO, filename))
        assert inspect_archive(tmp_path / filename) == sum(map(len, YESNO.values()))


def test_a_cut_download_resumes_and_unpacks(tmp_path, offer, server):
    archive = offer("yesno")
    server.cuts = [1000, 2000]
    assert len(list(download_corpus(archive, tmp_path).glob("*.wav"))) == 8
    assert server.requests == [None, "bytes=1000-", "bytes=3000-"]


def test_an_archive_of_another_layout_is_refused(tmp_path, offer):
    archive = offer("yesno", files={"something/else.txt": b"hello"})
    with pytest.raises(DownloadError, match="did not unpack as expected"):
        download_corpus(archive, tmp_path)
    assert not (tmp_path / archive.folder).exists()


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError])
def test_stopping_in_the_middle_of_unpacking_leaves_no_corpus(tmp_path, offer, server, failure):
    archive = offer("yesno")

    def unpack_half(root):
        with tarfile.open(f"{root}/{archive.filename}") as packed:
            for entry in packed.getmembers()[:4]:
                packed.extract(entry, root)
        raise failure("in the middle")

    with pytest.raises((DownloadError, KeyboardInterrupt), match="in the middle"):
        download_corpus(replace(archive, unpack=unpack_half), tmp_path)
    assert not (tmp_path / archive.folder).exists()
    assert not list(tmp_path.rglob("*.wav"))

    folder = download_corpus(archive, tmp_path)
    assert len(list(folder.glob("*.wav"))) == 8
    assert len(server.requests) == 1, "the verified archive was kept"


def test_a_killed_run_s_half_unpacked_folder_is_not_taken_for_whole(tmp_path, offer, server):
    archive = offer("yesno")
    server.files["good"] = server.files[archive.filename]
    incoming = tmp_path / f".incoming-{archive.filename}"
    (incoming / archive.folder).mkdir(parents=True)
    (incoming / archive.folder / "0_0_0_0_0_0_0_0.wav").write_bytes(b"half a fi")
    folder = download_corpus(archive, tmp_path)
    assert {path.name for path in folder.glob("*.wav")} == {name.split("/")[1] for name in YESNO if ".wav" in name}
    assert not incoming.exists()


def test_a_disk_full_while_unpacking_leaves_no_corpus(tmp_path, offer, file_size_limit):
    files = YESNO | {"waves_yesno/long.wav": bytes(600_000)}
    archive = offer("yesno", files=files)
    with file_size_limit(300_000), pytest.raises(DownloadError, match=r"the disk.*full.*Free some space"):
        download_corpus(archive, tmp_path)
    assert not list(tmp_path.rglob("*.wav"))
    assert len(list(download_corpus(archive, tmp_path).glob("*.wav"))) == 9


def test_a_folder_without_permission_is_named(offer, locked_folder):
    with pytest.raises(DownloadError, match=rf"no permission to write in {locked_folder}"):
        download_corpus(offer("yesno"), locked_folder)


def test_a_root_below_a_file_is_named(tmp_path, offer):
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match="a file stands where a folder is needed"):
        download_corpus(offer("yesno"), tmp_path / "file" / "root")


def test_a_file_system_without_locks_does_without(tmp_path, offer, monkeypatch):
    def refuse(*_, **__):
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    assert len(list(download_corpus(offer("yesno"), tmp_path).glob("*.wav"))) == 8
    with locked(tmp_path / "run"):
        pass


def test_two_at_the_same_time_download_once(tmp_path, offer, server):
    archive = offer("yesno")
    results = []
    threads = [threading.Thread(target=lambda: results.append(download_corpus(archive, tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [tmp_path / archive.folder] * 8
    assert len(server.requests) == 1
