"""Grade one notebook as Gradescope would: python grade_one.py NOTEBOOK AUTOGRADER.zip RESULT.json

The result tells of each question the points that it got, the points possible, and otter's words on its tests.
"""

import json
import sys
from pathlib import Path


def main(notebook: str, autograder: str, result: str) -> None:
    from otter.api import grade_submission  # here, since collecting doctests imports every module

    graded = grade_submission(notebook, autograder, quiet=True)
    questions = {
        name: {"score": round(question.score, 5), "possible": question.possible, "words": question.summary()}
        for name, question in graded.results.items()
    }
    Path(result).write_text(json.dumps(questions))


if __name__ == "__main__":
    main(*sys.argv[1:])
