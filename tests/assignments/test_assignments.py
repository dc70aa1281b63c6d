"""The homeworks are graded justly: the solution gets every point, an untouched notebook none, a mistake what it costs.

One wrong answer: python -m pytest tests/assignments -k "hw2 and NAME"
Each wrong answer in a notebook of its own, in the variants of these seeds: HOMEWORK_SEEDS=0,1,2 make test ARGS=...
"""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context

import nbclient
import nbformat
import pytest
from grade import saved_by_colab

from tests.assignments.grade_one import Grading, grade_one, prepare  # by the name under which a new process finds them

from .hidden import hidden_lines
from .homework import ENVIRONMENT, HOMEWORKS, ROOT, Built, Homework, WrongAnswer, build

GRADING_SECONDS = 180  # the longest that a grading may take
AT_A_TIME = 1 if "PYTEST_XDIST_WORKER" in os.environ else min(2, os.cpu_count() or 1)
NOTEBOOK_KEYS = {"kernelspec", "language_info"}


@dataclass(frozen=True)
class Case:
    """A notebook to hand in: the solution, the untouched notebook, or wrong answers, no two to one question."""

    homework: Homework
    kind: str
    answers: tuple[WrongAnswer, ...] = ()

    def __str__(self) -> str:
        return f"{self.homework}-{self.kind}"

    def notebook(self, built: Built) -> nbformat.NotebookNode:
        """Return what is handed in; raise ValueError if a wrong answer does not fit the solution."""
        notebook = built.handed_out() if self.kind == "untouched" else built.solved()
        for answer in self.answers:
            notebook = answer.patched(notebook)
        return saved_by_colab(notebook) if self.kind == "colab" else notebook


SOLVED = [Case(homework, "colab") for homework in HOMEWORKS]
SOLVED += [Case(replace(homework, seed=1), "solution") for homework in HOMEWORKS]
UNTOUCHED = [Case(homework, "untouched") for homework in HOMEWORKS]
WRONG = [
    pytest.param(Case(homework, f"wrong{number}", tuple(batch)), answer, id=f"{homework}-{answer.name}")
    for homework in HOMEWORKS
    for number, batch in enumerate(homework.batches())
    for answer in batch
]
SEEDS = [int(seed) for seed in os.environ.get("HOMEWORK_SEEDS", "").split(",") if seed]
VARIANTS = [replace(homework, seed=seed) for seed in SEEDS for homework in HOMEWORKS]
ALONE = [Case(variant, answer.name, (answer,)) for variant in VARIANTS for answer in variant.wrong_answers()]
UNASKED = [pytest.param(None, marks=pytest.mark.skip(reason="takes an hour: set HOMEWORK_SEEDS, such as 0,1,2"))]


@pytest.fixture(params=HOMEWORKS, ids=lambda homework: homework.name)
def homework(request: pytest.FixtureRequest) -> Homework:
    return request.param


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> dict[Homework, Built]:
    """Build, once, the homeworks that the chosen tests are about."""
    folder = tmp_path_factory.mktemp("assignments")
    parameters = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    wanted = {p["case"].homework for p in parameters if isinstance(p.get("case"), Case)}
    wanted |= {p["homework"] for p in parameters if isinstance(p.get("homework"), Homework)}
    return build(wanted, folder)


@pytest.fixture
def built(builds: dict[Homework, Built], homework: Homework) -> Built:
    return builds[homework]


@pytest.fixture(scope="module")
def gradings(
    builds: dict[Homework, Built], tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, Future]]:
    """Queue the gradings of all chosen tests, so that they overlap, in the order in which the tests wait for them.

    A worker process grades many notebooks, one after the other: otter takes longer to import than to grade. The
    notebooks themselves run in kernels, each in a process of its own.
    """
    folder, futures = tmp_path_factory.mktemp("gradings"), {}
    pool = ProcessPoolExecutor(AT_A_TIME, get_context("spawn"), prepare, (ENVIRONMENT,))
    for item in request.session.items:
        case = item.callspec.params.get("case") if hasattr(item, "callspec") else None
        if isinstance(case, Case) and str(case) not in futures:
            built = builds[case.homework]
            with suppress(ValueError) if case in ALONE else nullcontext():  # it need not fit each variant
                notebook = case.notebook(built)
                submission = folder / str(case) / case.homework.master.name
                submission.parent.mkdir()
                nbformat.write(notebook, submission)
                futures[str(case)] = pool.submit(grade_one, submission, built.archive)
    yield futures
    pool.shutdown(cancel_futures=True)  # after a run that was told to stop at the first failure, some have not begun


@pytest.fixture
def graded(gradings: dict[str, Future], case: Case) -> Grading:
    """Return the grading of the test's own case: of the questions that the master promises, in time."""
    if str(case) not in gradings:
        pytest.skip("this wrong answer does not fit the variant")
    grading = gradings[str(case)].result()
    assert grading.possible == case.homework.points()
    assert grading.seconds < GRADING_SECONDS
    return grading


def test_master_is_valid_and_committed_without_outputs_and_has_the_notebooks_bootstrap_cell(homework):
    """`make format` strips all this."""
    notebook = homework.read()
    nbformat.validate(notebook)
    assert (notebook.metadata.kernelspec.name, notebook.metadata.kernelspec.language) == ("python3", "python")
    assert set(notebook.metadata) <= NOTEBOOK_KEYS
    assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)
    assert all(not c.outputs and c.execution_count is None for c in notebook.cells if c.cell_type == "code")
    first = nbformat.read(min((ROOT / "notebooks").glob("*.ipynb")), as_version=4)
    own, theirs = ([c.source for c in n.cells if "bootstrap" in c.metadata.get("tags", [])] for n in (notebook, first))
    assert own == theirs, "the bootstrap cell"
    assert len(own) == 1


def test_every_question_has_wrong_answers(homework):
    wrong, points = homework.wrong_answers(), homework.points()
    assert len(HOMEWORKS) == 4
    assert len(wrong) >= 12
    for answer in wrong:
        assert answer.loses, answer.name
        assert all(0 < lost <= points[question] for question, lost in answer.loses.items()), answer.name
    assert {question for answer in wrong for question in answer.loses} == set(points)


def test_opening_cell_promises_the_points(homework):
    """Its table names each question and the points of each, those of the question in words too, and their sum."""
    opening = next(cell.source for cell in homework.read().cells if cell.cell_type == "markdown")
    rows = [
        [field.strip(" *") for field in line.strip("| ").split("|")] for line in opening.splitlines() if "|" in line
    ]
    told = {row[0]: row[-1] for row in rows}
    points = homework.points() | homework.points(manual=True)
    assert {name: float(told[name]) for name in points} == points
    assert sum(points.values()) == float(rows[-1][-1])


@pytest.mark.notebooks
@pytest.mark.parametrize("case", SOLVED + [Case(variant, "solution") for variant in VARIANTS], ids=str)
def test_solution_gets_every_point(graded):
    assert not graded.lost, graded.explain()


@pytest.mark.notebooks
@pytest.mark.parametrize("case", UNTOUCHED, ids=str)
def test_untouched_notebook_gets_no_point(graded):
    assert not any(graded.scores.values()), graded.scores


@pytest.mark.notebooks
@pytest.mark.parametrize(("case", "answer"), WRONG)
def test_wrong_answer_loses_its_points(graded, case, answer):
    """And costs no other question anything: what the others of the same notebook cost is their own affair."""
    others = {question for other in case.answers if other != answer for question in other.loses}
    lost = {question: points for question, points in graded.lost.items() if question not in others}
    assert lost == answer.loses, f"{answer.why}\n{graded.explain()}"


@pytest.mark.notebooks
@pytest.mark.parametrize("case", ALONE or UNASKED, ids=str)
def test_wrong_answer_alone_loses_its_points_in_each_variant(graded, case):
    assert graded.lost == case.answers[0].loses, f"{case.answers[0].why}\n{graded.explain()}"


@pytest.mark.notebooks
def test_students_get_no_solution_and_no_hidden_test(built):
    hidden = hidden_lines(built.homework.read())
    assert hidden["solutions"]
    assert hidden["tests"]
    solved = "\n".join(cell.source for cell in built.solved().cells)
    assert all(line in solved for line in hidden["solutions"]), "the search itself must find what it looks for"
    for path in (path for path in built.student.rglob("*") if path.is_file()):
        text = path.read_text()
        if path.suffix == ".ipynb":  # as text, the quotes and line ends of its sources are escaped
            text += "\n".join(cell.source for cell in nbformat.reads(text, as_version=4).cells)
        for lines in hidden.values():
            assert not [line for line in lines if line in text], path
        assert "hidden=True" not in text, path


@pytest.mark.notebooks
def test_students_install_otter_and_nothing_that_colab_has(built):
    (line,) = (cell.source for cell in built.handed_out().cells if cell.source.startswith("%pip"))
    assert {"--no-deps", "otter-grader~=7.0"} <= set(line.split())


@pytest.mark.notebooks
def test_public_tests_run_beside_the_students_notebook(built, tmp_path):
    """Each says that the untouched notebook fails, and that the solution passes: points need more than that."""
    shutil.copytree(built.student / "tests", tmp_path / "tests")
    for notebook, verdict in ((built.handed_out(), "failed"), (built.solved(), "passed")):
        nbclient.NotebookClient(
            notebook,
            timeout=GRADING_SECONDS,
            allow_errors=verdict == "failed",  # what follows an open question may need its answer
            resources={"metadata": {"path": tmp_path}},
        ).execute()
        checks = [cell for cell in notebook.cells if cell.source.startswith("grader.check(")]
        assert len(checks) == len(built.homework.points())
        for cell in checks:
            assert verdict in str(cell.outputs), cell.source
