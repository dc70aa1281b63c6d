"""Table 1 as Markdown: the paper's number, ours, and its interval, with scale and steps in plain sight."""

import math
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from hypersound_lib.evaluation import Evaluation, Interval, bootstrap, evaluation_from_json
from hypersound_lib.evaluation.results import markdown_table
from hypersound_lib.experiments.paper import ROWS, SIZE, TableRow
from hypersound_lib.metrics import METRICS, TABLE_1

# What a row must beat to say something; see `reference_systems`.
YARDSTICKS = ("zeros", "random phase")


def render(records: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table of all rows whose run is there.

    Args:
        records: by run, the "results" of the JSON files that `reproduce` writes.
    """
    table = Table(records)
    lines = [_preamble(records)]
    for block, rows in groupby(ROWS, key=lambda row: row.block):
        kept = [row for row in rows if table.has(row)]
        if kept:
            lines += ["", f"**{block.capitalize()}**", "", *table.block(kept)]
    yardsticks = table.yardsticks()
    if yardsticks:
        lines += ["", "**What a number is worth**: references on the same recordings", "", *yardsticks]
    return "\n".join(lines) + "\n"


class Table:
    """Rows of Table 1, looked up in the records of their runs."""

    def __init__(self, records: Mapping[str, Mapping[str, Any]]):
        self.records = dict(records)
        for record in records.values():
            self.records |= {name: record for name in record["same"]}
        self.evaluations: dict[str, Evaluation] = {
            record["run"]: evaluation_from_json(record["evaluation"]) for record in records.values()
        }

    def _place(self, row: TableRow) -> tuple[Evaluation, str, int]:
        """Return where a row was scored: the evaluation, the system in it, and the rate in Hz."""
        record = self.records[row.run]
        return self.evaluations[record["run"]], record["run"], row.sample_rate or record["sample_rate"]

    def has(self, row: TableRow) -> bool:
        """Tell whether a row's run is there, and was scored at the row's rate."""
        if row.run not in self.records:
            return False
        evaluation, run, rate = self._place(row)
        return (run, rate) in evaluation.systems

    def interval(self, row: TableRow, metric: str) -> Interval:
        """Return our mean of a row with its interval."""
        evaluation, run, rate = self._place(row)
        return evaluation.interval(run, metric, rate)

    def beaten(self, row: TableRow, reference: str) -> list[str]:
        """Return the metrics of the six on which a row is better than a reference, recording by recording.

        The differences' 95 % interval lies on the better side of zero, or the metric has a value for the row and none
        for the reference, as PESQ has none for silence. The reference is that of the base run, on the same recordings;
        where it was not evaluated at the row's rate, nothing is beaten.
        """
        ours, run, rate = self._place(row)
        base = self.evaluations.get("base")
        if base is None or (reference, rate) not in base.systems:
            return []

        def is_better(metric: str) -> bool:
            x, y = ours.values(run, metric, rate), base.values(reference, metric, rate)
            if all(map(math.isnan, y)):
                return not any(map(math.isnan, x))
            sign = 1 if METRICS[metric].higher_is_better else -1
            return bootstrap([sign * (a - b) for a, b in zip(x, y, strict=True)]).low > 0

        return list(filter(is_better, TABLE_1))

    def block(self, rows: Iterable[TableRow]) -> list[str]:
        """Return one block as lines of Markdown."""
        heads = [f"{METRICS[m].label} {'↑' if METRICS[m].higher_is_better else '↓'}" for m in TABLE_1]
        beats = [f"better than {name}" for name in YARDSTICKS]
        lines = []
        for row in rows:
            record = self.records[row.run]
            trained_here = row.sample_rate == record["sample_rate"]
            label = f"{row.label} (trained at)" if trained_here else row.label + self._here(row)
            cells = [label, str(record["steps"])]
            cells += [_cell(row.papers(metric), self.interval(row, metric)) for metric in TABLE_1]
            cells.append(str(self.interval(row, "nmse")))
            cells += [f"{len(self.beaten(row, name))} of {len(TABLE_1)}" for name in YARDSTICKS]
            lines.append(cells)
        return markdown_table(["row", "steps", *heads, "NMSE ↓", *beats], lines)

    def _here(self, row: TableRow) -> str:
        """Say which target stands in for the paper's, where another scale than the paper's has a smaller one."""
        record = self.records[row.run]
        if row.block != SIZE or record["scale"] == "paper":
            return ""
        target = record["configs"][1]["target"]
        return f"; here {target['hidden_layers']} × {target['width']}"

    def yardsticks(self) -> list[str]:
        """Return the references of the base run at its own rate."""
        if "base" not in self.evaluations:
            return []
        evaluation, rate = self.evaluations["base"], self.records["base"]["sample_rate"]
        names = [name for name, at in evaluation.systems if at == rate and name != "base"]
        metrics = [*TABLE_1, "nmse"]
        rows = [[name, *(str(evaluation.interval(name, metric, rate)) for metric in metrics)] for name in names]
        return markdown_table(["reference", *(METRICS[m].label for m in metrics)], rows)


def _preamble(records: Mapping[str, Mapping[str, Any]]) -> str:
    if not records:
        return "Nothing has been run yet."
    some = next(iter(records.values()))
    minutes = sum(record["seconds"] for record in records.values()) / 60
    clips = len(some["evaluation"]["recordings"])
    text = (
        f"Table 1 at scale `{some['scale']}`: trained on `{some['data']}`, scored on {clips} recordings of its test "
        f"voices; {minutes:.0f} minutes of training together. Each cell: the paper's number → **ours** and its 95 % "
        "interval. The paper trained 1.25 million steps on VCTK (RAVE: 3 million)."
    )
    if "base" in records and some["scale"] != "paper":
        _, model, training = records["base"]["configs"]
        text += (
            f" Here a clip is {model['num_samples']} samples at {model['sample_rate']} Hz (the paper's: 32 768 at "
            f"22 050), and * is trained with the loss `{training['loss']['terms']}`; the paper's losses have a block "
            "of their own."
        )
    return text


def _cell(papers: float | None, ours: Interval) -> str:
    mean, _, interval = str(ours).partition(" ")
    return f"{'–' if papers is None else f'{papers:g}'} → **{mean}** {interval}"
