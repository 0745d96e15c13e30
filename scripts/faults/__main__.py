"""``python -m scripts.faults``: runs what stands in ``tests/chaos``."""

import runpy

from scripts.benchmarks.__main__ import find_our_tests

if __name__ == "__main__":
    find_our_tests()
    runpy.run_module("tests.chaos.command", run_name="__main__")
