"""Parity with the reference implementation: every golden of a folder, a line each; exit status 1 on a miss.

    python -m bench.parity [DIR] [--size tiny|full]

DIR is laid out like tests/golden/indextts2, which is the default; its README says how.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from bench.goldens import codec, conditioning, decode, ears, flow, gpt, pipeline, text, vocoder
from bench.goldens.harness import KIT, Case, load_cases

NOT_COMPUTED = {"margin", "tokens"}
"""What goldens store beside outputs: how close a decision was, and the tokens that a case was led along."""

Runner = Callable[[Case], dict[str, object]]

RUNNERS: dict[str, Runner] = {}
for room in (ears, conditioning, codec, gpt, decode, flow, vocoder, text, pipeline):
    RUNNERS.update(room.RUNNERS)


@dataclass(frozen=True)
class Line:
    """One compared output: largest absolute and relative error, the tolerance it must keep, and what to add."""

    name: str
    absolute: float
    relative: float
    tolerance: float
    ok: bool
    note: str = ""

    def __str__(self) -> str:
        verdict = "ok" if self.ok else "MISS"
        return (
            f"{self.name:<46} abs {self.absolute:9.2e}  rel {self.relative:9.2e}  tol {self.tolerance:7.1e}  "
            f"{verdict:<4} {self.note}".rstrip()
        )


def compare(case: Case) -> Iterator[Line]:
    """Runs one case and compares all that it stores, except notes on how close decisions were."""
    runner = RUNNERS.get(case.component)
    if runner is None:
        yield Line(
            f"{case.size}/{case.id}", np.inf, np.inf, case.tolerance, False, f"no runner for {case.component}"
        )
        return
    try:
        outputs, _ = runner(case), case.expected()
    except (OSError, ValueError, KeyError, RuntimeError, BadZipFile) as error:
        yield Line(
            f"{case.size}/{case.id}", np.inf, np.inf, case.tolerance, False, f"cannot be run: {error!r}"
        )
        return
    wanted = set(case.raw["outputs"]) - NOT_COMPUTED
    for row in case.compare({key: outputs[key] for key in sorted(wanted & set(outputs))}).rows:
        yield Line(f"{case.size}/{case.id}/{row.key}", row.abs, row.rel, case.tolerance, row.ok, row.note)
    for key in sorted(wanted - set(outputs)):
        yield Line(f"{case.size}/{case.id}/{key}", np.inf, np.inf, case.tolerance, False, "not computed")


def run(folder: Path, sizes: tuple[str, ...]) -> Iterator[Line]:
    """Every golden of `folder` of these sizes; texts, which are compared letter by letter, belong to tiny."""
    for size in sizes:
        # cases that share weights one after the other, so that these are made once
        for case in sorted(
            load_cases(folder, size=size), key=lambda case: (case.model or "", case.component)
        ):
            yield from compare(case)
    if "tiny" in sizes:
        for name, check in text.TEXT_CHECKS.items():
            for case_name, ok, note in check(folder):
                error = 0.0 if ok else 1.0
                yield Line(f"{name}/{case_name}", error, error, 0.0, ok, "" if ok else note)


def main(arguments: list[str] | None = None) -> int:
    """Prints a line for every golden and how many missed; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=KIT, metavar="DIR")
    parser.add_argument("--size", choices=("tiny", "full"), help="both, where it is not said")
    options = parser.parse_args(arguments)
    try:
        cases = load_cases(options.folder)
    except (OSError, ValueError, KeyError) as error:
        print(f"{options.folder} holds cases that cannot be read: {error}", file=sys.stderr)
        return 2
    if not cases:
        print(f"{options.folder} holds no goldens (no cases_*.json).", file=sys.stderr)
        return 2
    done, missed = 0, 0
    sizes = (options.size,) if options.size else ("tiny", "full")
    for line in run(options.folder, sizes):
        print(line, flush=True)
        done += 1
        missed += not line.ok
    for note in text.not_compared(options.folder) if "tiny" in sizes else ():
        print(note)
    print(f"{done} compared, {missed} missed")
    return 1 if missed or not done else 0


if __name__ == "__main__":
    sys.exit(main())
