"""A corpus appears whole or not at all, whatever its archive holds and wherever unpacking stops."""

import io
import stat
import tarfile
import threading
import zipfile
from dataclasses import replace

import pytest

from hypersound_lib.data.download import download_corpus, inspect_archive
from hypersound_lib.errors import DownloadError

from .miniatures import corpus_files, pack

YESNO = corpus_files("yesno")


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


def assert_refused(tmp_path, archive, message):
    root = tmp_path / "deep" / "root"
    with pytest.raises(DownloadError, match=message):
        download_corpus(archive, root)
    assert not (root / archive.folder).exists()
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left <= {f".incoming-{archive.filename}.lock"}


@pytest.mark.parametrize(
    ("name", "kind", "link", "reason"),
    [
        ("../evil", tarfile.REGTYPE, "", "leaves its folder"),
        ("waves_yesno/../../evil", tarfile.REGTYPE, "", "leaves its folder"),
        ("/tmp/evil", tarfile.REGTYPE, "", "leaves its folder"),
        ("..\\evil", tarfile.REGTYPE, "", "leaves its folder"),
        ("C:\\evil", tarfile.REGTYPE, "", "leaves its folder"),
        ("waves_yesno/out", tarfile.SYMTYPE, "/etc", "is a link or device"),
        ("waves_yesno/out", tarfile.LNKTYPE, "/etc/passwd", "is a link or device"),
        ("waves_yesno/pipe", tarfile.FIFOTYPE, "", "is a link or device"),
    ],
)
def test_a_tar_entry_that_leaves_its_folder_is_refused(tmp_path, offer, name, kind, link, reason):
    archive = offer("yesno", content=tar_entry(name, kind, link))
    assert_refused(tmp_path, archive, f"{reason}, so nothing was unpacked")


@pytest.mark.parametrize(("name", "mode"), [("../evil", stat.S_IFREG), ("/evil", stat.S_IFREG), ("l", stat.S_IFLNK)])
def test_a_zip_entry_that_leaves_its_folder_is_refused(tmp_path, offer, name, mode):
    assert_refused(tmp_path, offer("vctk", content=zip_entry(name, mode)), "nothing was unpacked")


@pytest.mark.parametrize("name", ["yesno", "vctk"])
def test_what_is_a_tar_and_a_zip_is_inspected_as_what_is_unpacked(tmp_path, offer, name):
    """A zip is found from its end and a tar from its beginning: joined, they are both."""
    if name == "yesno":
        content = tar_entry("../evil") + pack(YESNO, "a.zip")
    else:
        content = pack(corpus_files("vctk"), "a.tar.gz") + zip_entry("../evil")
    assert_refused(tmp_path, offer(name, content=content), "leaves its folder, so nothing was unpacked")


def test_an_archive_s_unpacked_size_is_known_beforehand(tmp_path):
    for filename in ("a.zip", "a.tar.gz", "a.tar.bz2"):
        (tmp_path / filename).write_bytes(pack(YESNO, filename))
        assert inspect_archive(tmp_path / filename) == sum(map(len, YESNO.values()))


@pytest.mark.parametrize("content", [b"<html>Please log in</html>", pack(YESNO, "a.tar.gz")[:-2000]])
def test_what_is_no_whole_archive_is_refused(tmp_path, offer, content):
    """Its checksum is right: the publisher put a broken file there."""
    assert_refused(tmp_path, offer("yesno", content=content), "is not a whole zip or tar archive")


def test_a_wrong_checksum_is_refused(tmp_path, offer):
    assert_refused(tmp_path, offer("yesno", sha256="0" * 64), "wrong checksum")


def test_a_cut_download_resumes_and_unpacks(tmp_path, offer, server):
    archive = offer("yesno")
    server.cuts = [1000, 2000]
    assert len(list(download_corpus(archive, tmp_path).glob("*.wav"))) == 8
    assert server.requests == [None, "bytes=1000-", "bytes=3000-"]


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


def test_an_archive_of_another_layout_is_refused(tmp_path, offer):
    archive = offer("yesno", files={"something/else.txt": b"hello"})
    with pytest.raises(DownloadError, match="did not unpack as expected"):
        download_corpus(archive, tmp_path)
    assert not (tmp_path / archive.folder).exists()


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
