"""Build the homeworks with otter assign: what students get, and what grades their answers.

    python notebooks/assignments/build.py               # every homework
    python notebooks/assignments/build.py hw2           # one, by the start of its name
    python notebooks/assignments/build.py --seed 7      # a variant of each: see variants.py

A master (`hwN_NAME.ipynb`, beside this file) holds the questions, their solutions, and public and hidden tests. For
each one this leaves, in build/assignments/hwN/ (a variant in build/assignments/seed7/hwN/):

    student/      the notebook with `...` in place of the solutions, and the public tests: hand this out
    autograder/   the solved notebook, all tests, and hwN_NAME-autograder.zip: upload this to Gradescope

At the end the solved notebook is graded as Colab saves it; a solution that misses a point fails the build.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import nbformat
from grade import BUILD, built_folder, grade, refuse, saved_by_colab
from variants import vary

FOLDER = Path(__file__).resolve().parent
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


def build(master: Path, folder: Path, *, seed: int = 0, check: bool = True) -> Path:
    """Write student/ and autograder/ of one homework into `folder`, anew; return the autograder's zip file.

    Args:
        master: the notebook with the solutions.
        folder: of this homework; what lies under student/ and autograder/ is replaced.
        seed: of the variant; 0 is the master as it is.
        check: whether to grade the solved notebook.

    Raises:
        ValueError: otter would refuse what students hand in.
        RuntimeError: the solved notebook does not get every point.
    """
    from otter.assign import main as assign  # costs seconds, and only the extra `coursework` brings it

    folder.mkdir(parents=True, exist_ok=True)
    notebook = vary(nbformat.read(master, as_version=4), seed)
    refuse(notebook)
    with tempfile.TemporaryDirectory() as place:
        nbformat.write(notebook, Path(place) / master.name)
        assign(str(Path(place) / master.name), str(folder.resolve()), no_run_tests=True)
    for copy in folder.glob(f"*/{master.name}"):
        text = copy.read_text(encoding="utf-8")
        copy.write_text(text.replace(f'"{OTTERS_INSTALL}"', f'"{INSTALL}"'), encoding="utf-8")
    (dated,) = (folder / "autograder").glob(f"{master.stem}-autograder_*.zip")
    archive = dated.replace(folder / "autograder" / f"{master.stem}-autograder.zip")  # the same name each time
    if check:
        grade_solution(folder / "autograder" / master.name, archive)
    return archive


def grade_solution(solved: Path, archive: Path) -> None:
    """Raise RuntimeError, with otter's words, if the solution does not get every point when Colab has saved it."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / solved.name
        nbformat.write(saved_by_colab(nbformat.read(solved, as_version=4)), copy)
        graded = grade(copy, archive)
    if not graded.possible or graded.total != graded.possible:
        raise RuntimeError(f"the solution gets {graded.total} of {graded.possible} points:\n{graded.summary()}")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("homeworks", nargs="*", help="beginnings of names, such as hw2; default: all")
    parser.add_argument("--build", type=Path, default=BUILD, help="folder of the results; default: build/assignments/")
    parser.add_argument("--seed", type=int, default=0, help="of the variant; default: 0, the masters as they are")
    parser.add_argument("--no-check", action="store_true", help="do not grade the solved notebook")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    faults = {}
    for master in find(options.homeworks):
        folder = built_folder(options.build.resolve(), short_name(master), options.seed)
        print(f"building {master.stem} ...", flush=True)
        try:
            archive = build(master, folder, seed=options.seed, check=not options.no_check)
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
