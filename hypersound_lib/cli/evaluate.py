"""`hypersound evaluate`: score models on recordings, beside references of equal size.

Send recordings through one or more models, and score the copies by the metrics of the paper's Table 1, beside the
original, silence, true magnitudes without phase, Griffin-Lim, and MDCT and PCA of equal size. Means come with bootstrap
95 % intervals.
"""

import argparse
import sys
from pathlib import Path

from hypersound_lib.cli.shared import command_line
from hypersound_lib.data.ffmpeg import FOREIGN_SUFFIXES
from hypersound_lib.data.layouts import AUDIO_SUFFIXES
from hypersound_lib.devices import choose_device
from hypersound_lib.evaluation import DEFAULT_METRICS, evaluate, load_systems
from hypersound_lib.files import refuse_same
from hypersound_lib.hub.folders import CONFIG_FILE, WEIGHTS_FILE, find_folder
from hypersound_lib.provenance import provenance, write_result


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--model", nargs="+", required=True, help="names or folders; ./NAME is always a folder")
    parser.add_argument("--data", required=True, help="a corpus by name, or a folder of audio at any rate")
    parser.add_argument("--split", help="of a corpus (default: test; of a folder: all)")
    parser.add_argument("--root", help="folder where public corpora lie")
    parser.add_argument("--rates", nargs="+", type=int, default=[], metavar="HZ", help="(default: the model's own)")
    parser.add_argument("--metrics", nargs="+", help="(default: the paper's six, NMSE and SNR)")
    parser.add_argument("--kbps", type=float, metavar="N", help="kbit/s of local models, at most (default: 6)")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N recordings, spread evenly")
    parser.add_argument("--seconds", type=float, default=1.5, help="the loudest so much of each (default: 1.5)")
    parser.add_argument("--no-references", action="store_true", help="evaluate the models alone")
    parser.add_argument("--device", default="auto", help="auto takes a GPU if there is one; or cpu, cuda, …")
    parser.add_argument("--processes", type=int, default=1, help="for PESQ and STOI")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything, each recording's scores included")


def run(options: argparse.Namespace) -> None:
    """Evaluate, print the table, and write the file."""
    if options.json is not None:
        refuse_same(_inputs(options), [options.json])
    device, origin = choose_device(options.device), provenance(command_line(), seed=0)
    given = {name: getattr(options, name) for name in ("rates", "split", "root", "limit", "seconds", "processes")}
    evaluation = evaluate(
        load_systems(options.model, device, options.kbps),
        options.data,
        metrics=DEFAULT_METRICS if options.metrics is None else options.metrics,
        references=not options.no_references,
        progress=lambda line: print(f"… {line}", file=sys.stderr, flush=True),
        **given,
    )
    if options.json is not None:  # before anything is printed, so that no closed pipe loses it
        results = {"data": options.data, "split": options.split, "seconds": options.seconds} | evaluation.to_json()
        write_result(options.json, results, origin)
    print(evaluation.table())
    print("\n".join(["", *evaluation.notes()]))
    if options.json is not None:
        print(f"wrote {options.json}")


def _inputs(options: argparse.Namespace) -> list[Path]:
    """Return the local files that an evaluation reads, as far as their names tell."""
    given = [Path(name) for name in options.model]
    folders = [find_folder(path) for path in given if path.is_dir()]
    suffixes = AUDIO_SUFFIXES + FOREIGN_SUFFIXES
    recordings = [path for path in Path(options.data).rglob("*") if path.suffix.lower() in suffixes]
    return [*given, *(folder / name for folder in folders for name in (CONFIG_FILE, WEIGHTS_FILE)), *recordings]
