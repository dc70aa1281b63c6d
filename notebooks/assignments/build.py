"""Build the homeworks with otter assign: what students get, and what grades their answers.

    python notebooks/assignments/build.py               # every homework
    python notebooks/assignments/build.py hw2           # one, by the start of its name

A master (`hwN_NAME.ipynb`, beside this file) holds the questions, their solutions, and public and hidden tests. For
each one this leaves, in build/assignments/hwN/:

    student/      the notebook with `...` in place of the solutions, and the public tests: hand this out
    autograder/   the solved notebook, all tests, and hwN_NAME-autograder.zip: upload this to Gradescope

At the end the solved notebook is graded; a solution that misses a point fails the build.
"""

import argparse
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
BUILD = FOLDER.parents[1] / "build" / "assignments"
# Otter's own line would bring all that its command line needs, and replace Colab's ipywidgets 7 and wrapt. A notebook's
# checks work with these, and need little that Colab lacks.
OTTERS_INSTALL = "%pip install -q otter-grader"
INSTALL = "%pip install -q --no-deps otter-grader~=7.0 dill fica ipylab python-frontmatter wrapt"


def find(names: list[str], folder: Path = FOLDER) -> list[Path]:
    """Return the masters whose names begin with one of `names`; all of them if there is none.

    Raises:
        SystemExit: a name fits no master.
    """
    masters = sorted(folder.glob("hw*.ipynb"))
    for name in names:
        if not any(path.name.startswith(name) for path in masters):
            raise SystemExit(f"no homework {name!r}; there are {[path.stem for path in masters]}")
    return [path for path in masters if not names or path.name.startswith(tuple(names))]


def short_name(master: Path) -> str:
    """Return the part of a master's name that names its folder.

    >>> short_name(Path("hw1_embedding_and_inr.ipynb"))
    'hw1'
    """
    return master.stem.partition("_")[0]


def build(master: Path, folder: Path, *, check: bool = True) -> Path:
    """Write student/ and autograder/ of one homework into `folder`, anew; return the autograder's zip file.

    Args:
        master: the notebook with the solutions.
        folder: of this homework; what lies under student/ and autograder/ is replaced.
        check: whether to grade the solved notebook.

    Raises:
        RuntimeError: the solved notebook does not get every point.
    """
    from otter.assign import main as assign  # costs seconds, and only the extra `coursework` brings it

    folder.mkdir(parents=True, exist_ok=True)
    assign(str(master), str(folder.resolve()), no_run_tests=not check)
    for notebook in folder.glob(f"*/{master.name}"):
        text = notebook.read_text(encoding="utf-8")
        notebook.write_text(text.replace(f'"{OTTERS_INSTALL}"', f'"{INSTALL}"'), encoding="utf-8")
    (dated,) = (folder / "autograder").glob(f"{master.stem}-autograder_*.zip")
    return dated.replace(folder / "autograder" / f"{master.stem}-autograder.zip")  # the same name each time


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("homeworks", nargs="*", help="beginnings of names, such as hw2; default: all")
    parser.add_argument("--build", type=Path, default=BUILD, help="folder of the results; default: build/assignments/")
    parser.add_argument("--no-check", action="store_true", help="do not grade the solved notebook")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    faults = {}
    for master in find(options.homeworks):
        folder = options.build.resolve() / short_name(master)
        print(f"building {master.stem} ...", flush=True)
        try:
            archive = build(master, folder, check=not options.no_check)
        except ImportError as error:
            raise SystemExit(
                f"{error}: otter-grader is missing; try `make venv`, or pip install otter-grader"
            ) from error
        except Exception as error:  # otter's own complaints about a master, too: the other homeworks are still built
            faults[master.stem] = error
        else:
            print(f"  for students: {folder / 'student'}\n  for grading:  {archive}")
    for name, error in faults.items():
        print(f"\n{name} FAILED\n{type(error).__name__}: {error}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
