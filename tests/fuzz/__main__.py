"""Try thousands of bad inputs of every class, and write what came of them: `python -m tests.fuzz [--fast]`.

The command fails if one input ends in a fault: neither a right result nor a named error. `--fast` tries a few of
each, and hundreds of `.hs` files.
"""

import argparse
import faulthandler
import resource
import sys
import tempfile
from pathlib import Path

import torch

from hypersound_lib.provenance import provenance, write_result
from tests.fuzz import audio, hs, kills, models, numbers
from tests.fuzz.judge import Fuzzer, fuzz

FUZZERS = (
    Fuzzer("damaged and hostile .hs files", hs.prepare, inputs=10_000, fast=500),
    Fuzzer("damaged and cut sound files", audio.prepare, inputs=6000, fast=100),
    Fuzzer("damaged models", models.prepare_damaged, inputs=1500, fast=20),
    Fuzzer("hostile configs and INRs", models.prepare_hostile, inputs=1500, fast=20),
    Fuzzer("damaged checkpoints", models.prepare_checkpoints, inputs=500, fast=10),
    Fuzzer("hostile numbers on the command line", numbers.prepare, inputs=1500, fast=20),
    Fuzzer("trainings killed", kills.prepare_trainings, inputs=40, fast=1),
    Fuzzer("downloads cut", kills.prepare_downloads, inputs=500, fast=10),
)
_ADDRESSES = 12 * 2**30  # bytes: what asks for more gets a MemoryError, a fault, and the machine is none the worse


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="a few inputs of each class, as the tests do")
    parser.add_argument("--only", default="", metavar="TEXT", help="classes whose name holds this")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="JSON file to write")
    options = parser.parse_args()
    origin = provenance(f"make fuzz ARGS='--seed {options.seed}'", options.seed)
    faulthandler.enable()
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, resource.getrlimit(resource.RLIMIT_AS)[1]))
    found = {}
    for fuzzer in (fuzzer for fuzzer in FUZZERS if options.only in fuzzer.name):
        with tempfile.TemporaryDirectory() as folder:
            count = fuzzer.fast if options.fast else fuzzer.inputs
            found[fuzzer.name] = fuzz(fuzzer, Path(folder), count, options.seed, progress=not options.fast)
        print(f"{fuzzer.name}: {found[fuzzer.name]}", flush=True)
    if options.out:
        write_result(options.out, found, origin)
        print(f"wrote {options.out}")
    sys.exit(any(row["faults"] for row in found.values()))


if __name__ == "__main__":
    main()
