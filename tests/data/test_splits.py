"""No group is ever in two splits, and together they hold every recording."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hypersound_lib.data import Recording
from hypersound_lib.data.layouts import index_speechcommands
from hypersound_lib.data.splits import by_speaker, hold_out_last, split_any_folder, split_speechcommands

from .miniatures import corpus_files, write_files

speakers = st.lists(st.sampled_from([f"s{n:02d}" for n in range(30)]), min_size=1, max_size=80)


@given(names=speakers, count=st.none() | st.integers(0, 12))
def test_held_out_groups_are_the_last_and_in_one_split_only(names, count):
    recordings = [Recording(Path(str(number)), name) for number, name in enumerate(names)]
    parts = hold_out_last(count)(Path(), recordings)
    train, test = ({recording.speaker for recording in parts[part]} for part in ("train", "test"))
    assert not train & test
    assert sorted(parts["train"] + parts["test"], key=lambda r: int(r.path.name)) == recordings
    assert not train or not test or max(train) < min(test)
    if count is None:
        assert len(test) == max(len(set(names)) // 10, len(set(names)) > 1)
    else:
        assert len(test) == min(count, len(set(names)))


def test_a_folder_is_split_by_speaker_or_else_by_file():
    many = [Recording(Path(f"{name}/{n}.wav"), name) for name in "ab" for n in range(3)]
    assert {by_speaker(recording) for recording in split_any_folder(Path(), many)["test"]} == {"b"}
    one = [Recording(Path(f"{n}.wav")) for n in range(5)]
    assert split_any_folder(Path(), one)["test"] == one[-1:]
    chapters = [Recording(Path(f"s/chapter{n:02d}/audio.wav"), "s") for n in range(20)]
    parts = split_any_folder(Path(), chapters)
    assert (parts["train"], parts["test"]) == (chapters[:18], chapters[18:]), "of one name, yet each is a file"


def test_speechcommands_follows_its_own_lists(tmp_path):
    folder = write_files(tmp_path, corpus_files("speechcommands"))
    parts = split_speechcommands(folder, index_speechcommands(folder))
    assert {r.speaker for r in parts["test"]} == {"bbb"}
    assert {r.speaker for r in parts["validation"]} == {"ccc"}
    assert {r.speaker for r in parts["train"]} == {"aaa", "ddd"}
    assert sum(map(len, parts.values())) == 6
