"""The measured part of ``data/README.md``: everything between the two markers is written from the built files."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from measure import HIGH_BAND_HZ, band_level_db, digital_silence, level_dbfs, median_f0

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def read_manifest(root: Path) -> list[dict[str, str]]:
    """The lines of a corpus folder's ``manifest.csv``."""
    with (root / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table(header: str, rows: list[list[str]]) -> list[str]:
    """A Markdown table; ``header`` is its first line without the outer bars.

    >>> table("a | b", [["1", "2"]])
    ['| a | b |', '|---|---|', '| 1 | 2 |']
    """
    rule = "|".join("---" for _ in header.split("|"))
    return [f"| {header} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)]


def megabytes(root: Path) -> float:
    """Size of all files under ``root`` in MB (10⁶ bytes)."""
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) / 1e6


def mini_summary(root: Path, rows: list[dict[str, str]]) -> list[str]:
    """Size, split, codec figures and tools of the speech corpus."""
    lines = []
    for split in ("train", "test"):
        part = [row for row in rows if row["split"] == split]
        minutes = sum(float(row["seconds"]) for row in part) / 60
        speakers = len({row["speaker"] for row in part})
        texts = len({row["text"] for row in part})
        lines.append([split, str(speakers), str(len(part)), str(texts), f"{minutes:.1f}"])
    seconds = [float(row["seconds"]) for row in rows]
    snr, lsd = ([float(row[name]) for row in rows] for name in ("codec_snr_db", "codec_lsd"))
    high = [float(row["codec_high_band_db"]) for row in rows if row["engine"] == "espeak-ng"]
    bitrate = 8 * sum((root / row["path"]).stat().st_size for row in rows) / sum(seconds) / 1000
    tools = ", ".join(
        f"{name} {version}" for name, version in json.loads((root / "toolchain.json").read_text()).items()
    )
    return [
        *table("split | speakers | clips | different sentences | minutes", lines),
        "",
        f"- {megabytes(root):.1f} MB on disk; clips of {min(seconds):.1f} to {max(seconds):.1f} s; mono, 22 050 Hz,"
        f" Ogg Vorbis at {bitrate:.0f} kbit/s.",
        f"- Codec, decoded against uncoded: SNR {np.median(snr):.1f} dB (lowest clip {min(snr):.1f}),"
        f" LSD {np.median(lsd):.2f} (highest clip {max(lsd):.2f}), medians over clips.",
        f"- Energy above 8 kHz, espeak-ng's clips: changed by the codec by {np.median(high):+.2f} dB (median),"
        f" at most {max(high, key=abs):+.2f} dB.",
        f"- Made with {tools}.",
    ]


def speaker_table(root: Path, rows: list[dict[str, str]]) -> list[str]:
    """One line per speaker, measured on the decoded audio of all clips together."""
    lines = []
    for name in sorted({row["speaker"] for row in rows}):
        part = [row for row in rows if row["speaker"] == name]
        rate = int(part[0]["sample_rate"])
        speech = np.concatenate([soundfile.read(root / row["path"])[0] for row in part])
        cells = [
            f"{len(speech) / rate:.0f}",
            f"{median_f0(speech, rate):.0f}",
            f"{level_dbfs(speech):.1f}",
            f"{band_level_db(speech, rate, HIGH_BAND_HZ):.0f}",
            f"{100 * digital_silence(speech, rate):.1f}",
        ]
        lines.append([name, part[0]["split"], part[0]["engine"], part[0]["voice"], *cells])
    header = "speaker | split | engine | voice | seconds | median F0, Hz | level, dBFS | above 8 kHz, dB"
    return table(f"{header} | digital silence, %", lines)


def fullband_table(root: Path, rows: list[dict[str, str]]) -> list[str]:
    """One line per full-band sound: energy above three frequencies relative to all of it."""
    lines = []
    for row in rows:
        sound, rate = soundfile.read(root / row["path"])
        bands = [f"{band_level_db(sound, rate, low):.0f}" for low in (11_025.0, 16_000.0, 20_000.0)]
        lines.append([row["name"], f"{len(sound) / rate:.1f}", *bands, row["description"]])
    return table("sound | seconds | above 11 kHz, dB | above 16 kHz, dB | above 20 kHz, dB | what it is", lines)


def render_measured(data: Path) -> str:
    """The text between the markers, from ``data/mini`` and ``data/fullband``."""
    mini, fullband = data / "mini", data / "fullband"
    speech, sounds = read_manifest(mini), read_manifest(fullband)
    total = sum(float(row["seconds"]) for row in sounds)
    size = f"{len(sounds)} sounds, {total:.0f} s, {megabytes(fullband):.1f} MB; mono, 48 kHz, 16-bit FLAC."
    sections: list[tuple[str, Callable[[], list[str]]]] = [
        ("### mini", lambda: mini_summary(mini, speech)),
        ("### mini, by speaker", lambda: speaker_table(mini, speech)),
        ("### fullband", lambda: [size, "", *fullband_table(fullband, sounds)]),
    ]
    return "\n\n".join("\n".join([title, "", *lines()]) for title, lines in sections)


def insert_measured(card: str, measured: str) -> str:
    """The card with ``measured`` between its markers; raises ``ValueError`` if a marker is missing.

    >>> insert_measured(f"a {BEGIN} old {END} z", "new") == f"a {BEGIN}\\n\\nnew\\n\\n{END} z"
    True
    """
    head, rest = card.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n\n{measured}\n\n{END}{tail}"
