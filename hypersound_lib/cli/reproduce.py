"""`hypersound reproduce table1`: the paper's experiments, at the scale that time allows."""

import argparse
import shlex
import sys
from pathlib import Path


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "reproduce",
        help="run the paper's Table 1",
        description="Train and score every row of the paper's Table 1. Interrupted, the same command goes on where it "
        "was; finished runs are kept. Trainings lie in OUT-runs.",
    )
    parser.add_argument("experiment", choices=["table1"])
    parser.add_argument("--scale", choices=["smoke", "tutorial", "paper"], default="smoke", help="(default: smoke)")
    parser.add_argument("--out", type=Path, required=True, help="folder for one JSON per run and the table")
    parser.add_argument("--only", nargs="+", default=[], metavar="RUN", help="some runs, such as base rave")
    parser.add_argument("--root", help="folder where public corpora lie")
    parser.add_argument("--download", action="store_true", help="fetch the corpus if it is not there")
    parser.add_argument("--processes", type=int, default=1, help="for PESQ and STOI")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run it; return 0 when the table is complete or what was asked for is, 130 when interrupted."""
    from hypersound_lib.experiments import reproduce

    complete = reproduce(
        options.scale,
        options.out,
        only=options.only,
        command=shlex.join(["hypersound", *sys.argv[1:]]),
        root=options.root,
        download=options.download,
        processes=options.processes,
        say=lambda line: print(line, flush=True),
    )
    return 0 if complete or options.only else 130
