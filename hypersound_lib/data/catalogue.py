"""The corpora known by name: how each lies on disk, where it is available, and which recordings train and which test.

Whole groups, such as speakers, are held out, never parts of one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from hypersound_lib.data import layouts
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
    testing, validation = (set(layouts.read_lines(folder / f"{name}_list.txt")) for name in ("testing", "validation"))
    parts: Splits = {"train": [], "test": [], "validation": []}
    for recording in recordings:
        key = recording.path.relative_to(folder).as_posix()
        parts["test" if key in testing else "validation" if key in validation else "train"].append(recording)
    return parts


@dataclass(frozen=True)
class Archive:
    """A public corpus as it is offered on the web."""

    url: str
    sha256: str
    size_bytes: int  # of the archive
    folder: str  # where the corpus is to lie, relative to the root
    inside: str  # the corpus' folder in the archive; "." if it is the whole

    @property
    def filename(self) -> str:
        """The archive's file name."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Corpus:
    """What a dataset's name stands for."""

    index: Callable[[Path], list[Recording]]
    split: SplitRule
    archive: Archive | None = None  # None: embedded, nothing to download


# URLs, checksums and folders are those of torchaudio's dataset modules; a test compares the first two.
_LIBRISPEECH = {  # subset: (bytes, SHA-256)
    "dev-clean": (337_926_286, "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3"),
    "dev-other": (314_305_928, "12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365"),
    "test-clean": (346_663_984, "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23"),
    "test-other": (328_757_843, "d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29"),
    "train-clean-100": (6_387_309_499, "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2"),
    "train-clean-360": (23_049_477_885, "146a56496217e96c14334a160df97fffedd6e0a04e66b9c5af0d40be3c792ecf"),
    "train-other-500": (30_593_501_606, "ddb22f27f96ec163645d53215559df6aa36515f26e01dd70798188350adcb6d2"),
}


def _librispeech(subset: str) -> Corpus:
    size_bytes, sha256 = _LIBRISPEECH[subset]
    url, folder = f"http://www.openslr.org/resources/12/{subset}.tar.gz", f"LibriSpeech/{subset}"
    return Corpus(layouts.index_librispeech, hold_out_last(None), Archive(url, sha256, size_bytes, folder, folder))


CORPORA: dict[str, Corpus] = {
    "mini": Corpus(layouts.index_vctk, hold_out_last(4)),
    "vctk": Corpus(
        layouts.index_vctk,
        hold_out_last(10),
        Archive(
            "https://datashare.is.ed.ac.uk/bitstream/handle/10283/3443/VCTK-Corpus-0.92.zip",
            "f96258be9fdc2cbff6559541aae7ea4f59df3fcaf5cf963aae5ca647357e359c",
            11_747_302_977,
            "VCTK-Corpus-0.92",
            inside=".",
        ),
    ),
    "ljspeech": Corpus(
        layouts.index_ljspeech,
        hold_out_last(None, lambda recording: recording.path.stem.split("-")[0]),  # LJ050-0123: chapter LJ050
        Archive(
            "https://data.keithito.com/data/speech/LJSpeech-1.1.tar.bz2",
            "be1a30453f28eb8dd26af4101ae40cbf2c50413b1bb21936cbcdc6fae3de8aa5",
            2_748_572_632,
            "LJSpeech-1.1",
            inside="LJSpeech-1.1",
        ),
    ),
    "librispeech": _librispeech("train-clean-100"),
    "speechcommands": Corpus(
        layouts.index_speechcommands,
        split_speechcommands,
        Archive(
            "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
            "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
            2_428_923_189,
            "SpeechCommands/speech_commands_v0.02",
            inside=".",
        ),
    ),
    "yesno": Corpus(
        layouts.index_yesno,
        hold_out_last(None, by_file),
        Archive(
            "http://www.openslr.org/resources/1/waves_yesno.tar.gz",
            "c3f49e0cca421f96b75b41640749167b52118f232498667ca7a5f9416aef8e73",
            4_703_754,
            "waves_yesno",
            inside="waves_yesno",
        ),
    ),
    **{f"librispeech-{subset}": _librispeech(subset) for subset in _LIBRISPEECH},
}
