"""`hypersound reproduce table1`: run the paper's Table 1.

Train and score every row of the paper's Table 1. Interrupted, the same command goes on where it was; finished runs are
kept. Trainings lie in OUT-runs.
"""

import argparse
from pathlib import Path

from hypersound_lib.cli.shared import command_line
from hypersound_lib.experiments import reproduce


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("experiment", choices=["table1"])
    parser.add_argument("--scale", choices=["smoke", "tutorial", "paper"], default="smoke", help="(default: smoke)")
    parser.add_argument("--out", type=Path, required=True, help="folder for one JSON per run and the table")
    parser.add_argument("--only", nargs="+", default=[], metavar="RUN", help="some runs, such as base rave")
    parser.add_argument("--root", help="folder where public corpora lie")
    parser.add_argument("--download", action="store_true", help="fetch the corpus if it is not there")
    parser.add_argument("--processes", type=int, default=1, help="for PESQ and STOI")


def run(options: argparse.Namespace) -> int:
    """Run it; return 0 when the table is complete or what was asked for is, 130 when interrupted."""
    given = {name: getattr(options, name) for name in ("only", "root", "download", "processes")}
    complete = reproduce(options.scale, options.out, command=command_line(), **given)
    return 0 if complete or options.only else 130
