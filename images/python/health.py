"""``health.py URL [CHECK]``: exit 0 when the program behind the address answers, and one check of its answer is well.

A worker has no door of its own. What it does is seen by a program that has one: the readiness answer of that program names
the check that the worker keeps well.
"""

import json
import sys
import urllib.error
import urllib.request
from typing import Any

SECONDS = 4
WELL = "ok"
WRONG = 1


def find_problem(answer: Any, check: str) -> str | None:
    """Why the check is not well; None when it is. Our three programs write their checks in three ways."""
    checks = answer.get("checks")
    if isinstance(checks, list):
        checks = {one.get("name"): one.get("state") for one in checks}
    if not isinstance(checks, dict) or check not in checks:
        return f"the answer has no check {check}"
    found = checks[check]
    if isinstance(found, dict):
        found = "ok" if found.get("ok") else found.get("error")
    return None if found == WELL else f"{check}: {found}"


def ask(url: str) -> tuple[int, bytes]:
    """Status and body; an answer that says 503 is an answer."""
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - the address stands in the image or in compose
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read()


def main(arguments: list[str]) -> int:
    url, *checks = arguments
    try:
        status, body = ask(url)
        problem = (
            next(filter(None, (find_problem(json.loads(body), check) for check in checks)), None)
            if checks
            else None
            if status == 200  # noqa: PLR2004 - HTTP's own word for it
            else f"answered {status}"
        )
    except (OSError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}"
    if problem:
        sys.stdout.write(f"{problem}\n")
    return WRONG if problem else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
