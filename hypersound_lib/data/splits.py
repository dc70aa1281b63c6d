"""Which recordings train and which test: whole groups, such as speakers, are held out, never parts of one."""

from collections.abc import Callable
from operator import attrgetter
from pathlib import Path

from hypersound_lib.data.layouts import Recording

Splits = dict[str, list[Recording]]
SplitRule = Callable[[Path, list[Recording]], Splits]


by_speaker: Callable[[Recording], str] = attrgetter("speaker")


def by_file(recording: Recording) -> str:
    """Group by file, for corpora of one speaker; folders may hold files of one name."""
    return recording.path.as_posix()


def hold_out_last(count: int | None, group: Callable[[Recording], str] = by_speaker) -> SplitRule:
    """Return the rule that tests on the last `count` groups in sorted order (paper, "Data": VCTK's last 10 speakers).

    Args:
        count: how many groups; None for a tenth, but at least one of two.
        group: what must not be divided.

    >>> rule = hold_out_last(1)
    >>> parts = rule(Path(), [Recording(Path("a"), "s2"), Recording(Path("b"), "s1")])
    >>> [r.speaker for r in parts["train"]], [r.speaker for r in parts["test"]]
    (['s1'], ['s2'])
    """

    def split(folder: Path, recordings: list[Recording]) -> Splits:
        names = sorted({group(recording) for recording in recordings})
        held = count if count is not None else max(len(names) // 10, int(len(names) > 1))
        test = set(names[max(0, len(names) - held) :])
        return {
            "train": [recording for recording in recordings if group(recording) not in test],
            "test": [recording for recording in recordings if group(recording) in test],
        }

    return split


def split_any_folder(folder: Path, recordings: list[Recording]) -> Splits:
    """Hold out the last tenth of the speakers, or of the files where there is only one speaker."""
    several = len({recording.speaker for recording in recordings}) > 1
    return hold_out_last(None, by_speaker if several else by_file)(folder, recordings)


def split_speechcommands(folder: Path, recordings: list[Recording]) -> Splits:
    """Follow the corpus' own ``testing_list.txt`` and ``validation_list.txt``, which divide speakers; else train."""
    listed = {}
    for name in ("test", "validation"):
        file = folder / f"{name if name == 'validation' else 'testing'}_list.txt"
        listed[name] = set(file.read_text(encoding="utf-8").split()) if file.is_file() else set()
    parts: Splits = {"train": [], "test": [], "validation": []}
    for recording in recordings:
        key = recording.path.relative_to(folder).as_posix()
        parts[next((name for name in listed if key in listed[name]), "train")].append(recording)
    return parts
