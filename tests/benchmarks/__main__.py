"""Run benchmarks and keep their figures with provenance: `python -m tests.benchmarks [NAME …] [--quick]`."""

import argparse
import shlex
import sys
from pathlib import Path

from hypersound_lib.provenance import provenance, write_result
from tests.benchmarks import bench_fit, bench_loader

RESULTS = Path(__file__).parents[2] / "data" / "results"
BENCHMARKS = {"fit": bench_fit, "loader": bench_loader}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all if none is given")
    parser.add_argument("--quick", action="store_true", help="a trial of a minute or so, which writes nothing")
    parser.add_argument("--speech", type=Path, help="folder of real speech for `fit`; else the embedded corpus")
    parser.add_argument("--limit", type=float, default=bench_fit.LIMIT, help="seconds for each run of `fit`")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    command = f'make bench ARGS="{shlex.join(sys.argv[1:])}"'
    for name in options.names or BENCHMARKS:
        print(f"== {name}", flush=True)
        origin = provenance(command, seed=0)
        if name == "fit":
            results = bench_fit.run(quick=options.quick, speech=options.speech, limit=options.limit)
        else:
            results = BENCHMARKS[name].run(quick=options.quick)
        if not options.quick:
            path = RESULTS / f"bench_{name}.json"
            write_result(path, results, origin)
            print(f"wrote data/results/{path.name}")


if __name__ == "__main__":
    main()
