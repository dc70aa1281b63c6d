"""Audio files that come out equal byte by byte, their checksums, and the swap of a finished folder."""

import csv
import hashlib
import io
import shutil
import struct
from pathlib import Path

import numpy as np
import soundfile

OGG_SERIAL = 0x48595045  # "HYPE"; libsndfile draws a random stream number, which would change every build
VORBIS_QUALITY = 0.85  # of 0…1; libsndfile's compression level is one minus this
_CRC_POLYNOMIAL = 0x04C11DB7


def _crc_table() -> list[int]:
    """Ogg's CRC-32 for each possible byte: most significant bit first, nothing reflected, start value 0."""
    table = []
    for byte in range(256):
        register = byte << 24
        for _ in range(8):
            register = (register << 1) ^ (_CRC_POLYNOMIAL if register & 0x8000_0000 else 0)
        table.append(register & 0xFFFF_FFFF)
    return table


_CRC_TABLE = _crc_table()


def ogg_crc(page: bytes) -> int:
    """The checksum of an Ogg page whose checksum field holds zeros (RFC 3533, section 6).

    >>> hex(ogg_crc(b"123456789"))
    '0x89a1897f'
    """
    register = 0
    for byte in page:
        register = ((register << 8) & 0xFFFF_FFFF) ^ _CRC_TABLE[(register >> 24) ^ byte]
    return register


def fix_ogg_serial(ogg: bytes, serial: int = OGG_SERIAL) -> bytes:
    """Give every page of an Ogg stream the stream number ``serial`` and the checksum that goes with it.

    byte 0      4   6          14       18         22    26       27
         "OggS" ... granule    serial   sequence   CRC   n        n segment lengths, then their bytes
    """
    pages, start = [], 0
    while start < len(ogg):
        if ogg[start : start + 4] != b"OggS":
            raise ValueError(f"no Ogg page at byte {start}")
        num_segments = ogg[start + 26]
        body = start + 27 + num_segments
        stop = body + sum(ogg[start + 27 : body])
        page = bytearray(ogg[start:stop])
        page[14:18] = struct.pack("<I", serial)
        page[22:26] = bytes(4)
        page[22:26] = struct.pack("<I", ogg_crc(page))
        pages.append(bytes(page))
        start = stop
    return b"".join(pages)


def encode_ogg(waveform: np.ndarray, sample_rate: int) -> bytes:
    """A waveform ``(T,)`` as Ogg Vorbis at ``VORBIS_QUALITY``, the same bytes on every call."""
    buffer = io.BytesIO()
    level = 1.0 - VORBIS_QUALITY
    soundfile.write(buffer, waveform, sample_rate, format="OGG", subtype="VORBIS", compression_level=level)
    return fix_ogg_serial(buffer.getvalue())


def encode_flac(waveform: np.ndarray, sample_rate: int) -> bytes:
    """An ``int16`` waveform ``(T,)`` as FLAC, without loss."""
    buffer = io.BytesIO()
    soundfile.write(buffer, waveform, sample_rate, format="FLAC", subtype="PCM_16", compression_level=1.0)
    return buffer.getvalue()


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pcm_sha256(path: Path) -> str:
    """The SHA-256 of the decoded samples as little-endian 16-bit integers, in hexadecimal.

    It tells whether two files sound the same when another encoder version packed them differently.
    """
    samples, _ = soundfile.read(path, dtype="int16")
    return hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()


def describe_audio(root: Path, path: Path) -> dict[str, object]:
    """The manifest's columns that are read from the finished file itself."""
    info = soundfile.info(path)
    return {
        "path": path.relative_to(root).as_posix(),
        "seconds": f"{info.frames / info.samplerate:.4f}",
        "num_samples": info.frames,
        "sample_rate": info.samplerate,
        "sha256": file_sha256(path),
        "pcm_sha256": pcm_sha256(path),
    }


def write_csv(path: Path, columns: list[str], rows: list[dict[str, object]]) -> None:
    """A CSV file with a header line; every row must hold exactly ``columns``."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def replace_folder(new: Path, target: Path) -> None:
    """Put the finished folder ``new`` in the place of ``target``; on any failure ``target`` is what it was.

    Both must lie on one file system, so that each step is a rename.
    """
    backup = new.with_name(new.name + ".old")
    if target.exists():
        target.rename(backup)
    try:
        new.rename(target)
    except BaseException:
        if backup.exists():
            backup.rename(target)
        raise
    shutil.rmtree(backup, ignore_errors=True)
