"""Run benchmarks and keep their figures with provenance: `python -m tests.benchmarks [NAME …] [--quick]`."""

import argparse
import inspect
import shlex
import sys
import traceback
from importlib import import_module
from pathlib import Path

import torch

from hypersound_lib.provenance import provenance, write_result

RESULTS = Path(__file__).parents[2] / "data" / "results"
BENCHMARKS = (
    *("chunks", "clip_length", "clip_numbers", "fit", "loader", "step", "memory", "window", "overfit"),
    *("sweep", "traffic", "tutorial", "rate", "local", "local_minutes", "local_ablation", "local_elsewhere"),
    *("gpu_correctness", "gpu_speed", "gpu_quality"),
)


def main() -> int:
    """Run what was asked for, one after another; return 1 where one failed, found a failure, or left something out."""
    failed = False
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all if none is given")
    parser.add_argument("--quick", action="store_true", help="a trial of a minute or so, which writes nothing")
    parser.add_argument(
        "--speech", type=Path, help="folder of real speech for fit, overfit, rate, local_*; else the embedded corpus"
    )
    parser.add_argument(
        "--limit",
        type=float,
        help="seconds for each run of clip_*, fit, window, overfit, sweep, gpu_quality; steps for local_ablation; "
        "clips of each corpus for rate",
    )
    parser.add_argument("--model", help="folder or name of the model for rate, local, local_elsewhere (default: local)")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    command = f'make bench ARGS="{shlex.join(sys.argv[1:])}"'
    for name in options.names or BENCHMARKS:
        print(f"== {name}", flush=True)
        # What needs a device that is not here measures nothing, and leaves what was measured elsewhere.
        if name.startswith("gpu_") and not (options.quick or torch.cuda.is_available()):
            print("skipped: there is no CUDA device here")
            continue
        origin, run = provenance(command, seed=0), import_module(f"tests.benchmarks.bench_{name}").run
        accepted = inspect.signature(run).parameters
        settings = {key: getattr(options, key) for key in ("speech", "limit", "model")}
        settings = {key: value for key, value in settings.items() if value is not None and key in accepted}
        try:
            results = run(quick=options.quick, **settings)
        except Exception:
            traceback.print_exc()
            print(f"{name} failed", flush=True)
            failed = True
            continue
        if left_out := results.get("left_out"):
            print(f"{name}: there was no time for {len(left_out)}: {', '.join(left_out)}")
        failed |= bool(results.get("failed") or left_out)
        if not options.quick:
            path = RESULTS / f"bench_{name}.json"
            write_result(path, results, origin)
            print(f"wrote data/results/{path.name}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
