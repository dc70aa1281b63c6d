"""The recordings of real voices that results were measured on: data/results/recordings.csv, and who speaks there."""

import csv
from collections.abc import Mapping
from pathlib import Path

_LIST = Path(__file__).resolve().parents[1] / "results" / "recordings.csv"
_LANGUAGES = {"nl": "Dutch", "en": "English"}  # as names of speakers have them: nathalie_nlF


def recordings_listed() -> list[dict[str, str]]:
    """Return the rows of recordings.csv."""
    with _LIST.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def recordings() -> str:
    """Tell what is in each folder of recordings that do not come with the library."""
    rows = recordings_listed()
    lines = [
        "| folder | recordings | Hz | of which never trained on | from | licence |",
        "|---|---:|---:|---|---|---|",
    ]
    for folder in dict.fromkeys(row["path"].partition("/")[0] for row in rows):
        own = [row for row in rows if row["path"].startswith(f"{folder}/")]
        test = [row for row in own if row["split"] != "train"]
        speakers = ", ".join(dict.fromkeys(row["path"].split("/")[1] for row in test if row["split"] == "test"))
        held_out = f"{len(test)} of speaker{'s' * (',' in speakers)} {speakers}" if speakers else f"all {len(test)}"
        origins, licences = ("; ".join(dict.fromkeys(row[key] for row in own)) for key in ("origin", "licence"))
        rate = own[0]["sample_rate"]
        lines.append(f"| `{folder}` | {len(own)} | {rate} | {held_out} | {origins} | {licences} |")
    return "\n".join(lines)


def held_out_speakers(folder: str) -> list[str]:
    """Return the names of a folder's test speakers; none where the folder is not listed."""
    paths = [row["path"].split("/") for row in recordings_listed() if row["split"] == "test"]
    return list(dict.fromkeys(speaker for name, speaker, _ in paths if name == folder))


def count_voices(clips: Mapping[str, int]) -> int | None:
    """Return how many speakers so many test clips of each folder have; None where a folder is not listed.

    Clips are spread evenly over a folder's recordings, and so over its speakers: of more speakers than clips, each clip
    has its own.
    """
    speakers = {folder: held_out_speakers(folder) for folder in clips}
    if not all(speakers.values()):
        return None
    whole = {name for folder, names in speakers.items() if len(names) <= clips[folder] for name in names}
    return len(whole) + sum(clips[folder] for folder, names in speakers.items() if len(names) > clips[folder])


def _most_heard(clips: Mapping[str, int]) -> tuple[str, int]:
    """Return the speaker, with the language where the name tells it, who has the most clips, and how many."""
    alone = {folder: names[0] for folder in clips if len(names := held_out_speakers(folder)) == 1}
    heard = {name: sum(clips[folder] for folder, other in alone.items() if other == name) for name in alone.values()}
    name, count = max(heard.items(), key=lambda item: item[1], default=("", 0))
    language = _LANGUAGES.get(name.partition("_")[2][:2])
    return f"{name} ({language})" if language else name, count


def some_voices(clips: Mapping[str, int]) -> str:
    """Say how many voices so many clips of each folder have, and how many are of one voice, where the list tells."""
    count, (_, most) = count_voices(clips), _most_heard(clips)
    return f"{count} voices not trained on ({most} of one voice)" if count else "voices not trained on"


def all_voices(clips: Mapping[str, int]) -> str:
    """Say the same with each folder's clips and speakers."""
    if not (count := count_voices(clips)):
        return f"voices not trained on ({', '.join(f'{n} of {folder}' for folder, n in clips.items())})"
    (name, most), said = _most_heard(clips), []
    for folder, number in clips.items():
        speakers = held_out_speakers(folder)
        said.append(
            f"{number} of {folder} by {f'{min(len(speakers), number)} speakers' if speakers[1:] else speakers[0]}"
        )
    return f"{count} speakers not trained on ({', '.join(said)}; {most} by {name} alone)"
