"""``python -m scripts.benchmarks``: runs what stands in ``tests/bench``."""

import runpy
import sys
from types import ModuleType

from scripts.bringup.state import ROOT


def find_our_tests() -> None:
    """Make ``tests`` mean this checkout's folder: an installed package of that name would be found first."""
    ours = ModuleType("tests")
    ours.__path__ = [str(ROOT / "tests")]
    sys.modules["tests"] = ours


if __name__ == "__main__":
    find_our_tests()
    runpy.run_module("tests.bench.command", run_name="__main__")
