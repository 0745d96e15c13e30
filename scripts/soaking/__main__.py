"""``python -m scripts.soaking``: runs the soak that stands in ``tests/chaos``."""

import runpy

from scripts.benchmarks.__main__ import find_our_tests

if __name__ == "__main__":
    find_our_tests()
    runpy.run_module("tests.chaos.soak_command", run_name="__main__")
