"""What students must not get to see of a master: the lines of its solutions and of its hidden tests."""

import re

import nbformat

MARK = re.compile(r"^# (BEGIN|END) (QUESTION|SOLUTION|PROMPT|TESTS)", re.MULTILINE)
SHORTEST = 12  # characters; a shorter line, such as `return x`, gives nothing away and may stand anywhere


def split_solution(source: str) -> tuple[list[str], list[str]]:
    """Return the lines of a code cell that are given, and those that are the solution.

    >>> split_solution("def f(x):\\n    # BEGIN SOLUTION\\n    return x\\n    # END SOLUTION\\ny = 2  # SOLUTION")
    (['def f(x):'], ['return x', 'y = 2'])
    """
    given, solution, inside = [], [], False
    for line in map(str.strip, source.splitlines()):
        if line.startswith(("# BEGIN SOLUTION", "# END SOLUTION")):
            inside = line.startswith("# BEGIN")
        elif inside or line.endswith(("# SOLUTION", "# SOLUTION NO PROMPT")):
            solution.append(re.sub(r"\s*# SOLUTION( NO PROMPT)?$", "", line))
        else:
            given.append(line)
    return given, solution


def is_hidden_test(source: str) -> bool:
    """Tell whether a test cell is hidden, by its configuration or by its first line."""
    return bool(re.search(r"^hidden: *true", source, re.MULTILINE | re.IGNORECASE) or re.match(r"# *HIDDEN", source))


def hidden_lines(master: nbformat.NotebookNode) -> dict[str, list[str]]:
    """Return the lines, without their indentation, of solutions and of hidden tests that stand nowhere else."""
    given: list[str] = []
    hidden: dict[str, list[str]] = {"solutions": [], "tests": []}
    block = []
    for cell in master.cells:
        if cell.source.startswith("# IGNORE"):  # otter drops it; it says what else could stand there
            continue
        if cell.cell_type == "raw" and (mark := MARK.search(cell.source)):
            if mark[1] == "BEGIN":
                block.append(mark[2])
            else:
                block.pop()
        elif "TESTS" in block:
            lines = [line.strip() for line in cell.source.splitlines()]
            (hidden["tests"] if is_hidden_test(cell.source) else given).extend(lines)
        elif cell.cell_type == "code":
            left, taken = split_solution(cell.source)
            given += left
            hidden["solutions"] += taken
        else:
            (hidden["solutions"] if "SOLUTION" in block else given).extend(map(str.strip, cell.source.splitlines()))
    everything = "\n".join(given)
    return {
        kind: [line for line in lines if len(line) >= SHORTEST and line not in everything]
        for kind, lines in hidden.items()
    }
