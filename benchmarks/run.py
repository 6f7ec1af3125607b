"""`python -m benchmarks.run [--quick] [NAME…]`: every ratio is measured side by side, in turns, in one run."""

import argparse
import time
from collections.abc import Callable

from benchmarks import adaptive, aggregation_speed, export, item_import, majority, poll, publish, rate, wire, workers
from benchmarks.ground import Ground, prepared
from benchmarks.report import Report, show

BENCHMARKS: dict[str, Callable[..., Report]] = {
    "publish": publish.run,
    "rate": rate.run,
    "poll": poll.run,
    "import": item_import.run,
    "export": export.run,
    "majority": majority.run,
    "aggregation": aggregation_speed.run,
    "adaptive": adaptive.run,
    "wire": wire.run,
    "workers": workers.run,
}


def main() -> None:
    """Run what was named, or everything. Numbers never fail the run: read the last column."""
    parser = argparse.ArgumentParser(prog="benchmarks.run", description="How fast, beside the plainest way.")
    parser.add_argument("--quick", action="store_true", help="smaller numbers, under a minute in all")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)}; none means all")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    started = time.monotonic()
    with prepared() as ground:
        for name in asked.names or BENCHMARKS:
            _run(BENCHMARKS[name], ground, quick=asked.quick)
    print(f"{time.monotonic() - started:.0f} s in all. Machines are shared and noisy: read the ratios.")


def _run(benchmark: Callable[..., Report], ground: Ground, *, quick: bool) -> None:
    started = time.monotonic()
    report = benchmark(ground, quick=quick)
    show(report, time.monotonic() - started)


if __name__ == "__main__":
    main()
