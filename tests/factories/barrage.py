"""Fires generated requests, good and bad, at every operation of an OpenAPI document; the document judges each answer."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.transport import Response

DEEPER = "PRESS_TEST_BARRAGE"
"""How many times more requests than usual; beyond 1 they differ with every run."""
NOBODY = "anonymous"
"""The caller who may keep the credentials that are made up for the document's schemes."""
FACTOR = int(os.environ.get(DEEPER, "1"))
BASE_URL = "http://testserver"
CHECK_NAMES = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")

Send = Callable[[requests.PreparedRequest], Response]
Sign = Callable[[str, requests.PreparedRequest], Mapping[str, str]]
"""The headers of a caller, from the operation's name and the request as it will be sent."""


@dataclass
class Tally:
    """What one caller got."""

    role: str
    statuses: Counter[int] = field(default_factory=Counter)
    undocumented: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def server_errors(self) -> int:
        return sum(count for status, count in self.statuses.items() if status >= 500)

    @property
    def let_in(self) -> int:
        return sum(count for status, count in self.statuses.items() if status < 400)

    def __str__(self) -> str:
        codes = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        return (
            f"{self.statuses.total()} requests as {self.role}: {self.server_errors} server errors, "
            f"{self.undocumented} undocumented ({codes})"
        )


Turns = Iterator[tuple[Tally, Sign]]


@dataclass(frozen=True)
class Barrage:
    """All operations of one document, but for those that never end by themselves."""

    document: dict[str, Any]
    send: Send
    ids: Mapping[str, str] = field(default_factory=dict)
    """Real values of path and body members; every other request has them, else all would end with 404."""
    skip: frozenset[str] = frozenset()

    def fire(self, callers: Mapping[str, Sign], examples: int) -> list[Tally]:
        """``examples`` good and as many bad requests at each operation, by the callers in turn."""
        load_all_checks()
        turns = cycle([(Tally(role), sign) for role, sign in callers.items()])
        for operation in self._operations():
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                self._fire_at(operation, mode, turns, examples * FACTOR)
        return [tally for tally, _ in islice(turns, len(callers))]

    def _operations(self) -> Iterator[Any]:
        for found in schemathesis.openapi.from_dict(self.document).get_all_operations():
            operation: Any = found.ok()  # type: ignore[union-attr]  # the other kind has no operation to ask for
            if name_of(operation) not in self.skip:
                yield operation

    def _fire_at(self, operation: Any, mode: Any, turns: Turns, examples: int) -> None:
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode), is_real=st.booleans())
        def shoot(case: Any, is_real: bool) -> None:
            self._shoot(case, *next(turns), is_real=is_real)

        shot = seed(1)(shoot) if FACTOR == 1 else shoot
        try:
            shot()
        except Unsatisfiable:
            # What takes nothing cannot be given anything wrong.
            assert mode is GenerationMode.NEGATIVE, name_of(operation)

    def _shoot(self, case: Any, tally: Tally, sign: Sign, *, is_real: bool) -> None:
        if is_real:
            case.path_parameters = self._with_real(case.path_parameters)
            case.body = self._with_real(case.body)
        request = requests.Request(**case.as_transport_kwargs(base_url=BASE_URL)).prepare()
        proof = sign(name_of(case.operation), request)
        if tally.role != NOBODY:
            # What was made up for the document's schemes would stand beside the caller's own.
            for name in ("Authorization", "Cookie"):
                request.headers.pop(name, None)
            request.headers.update(proof)
        answer = self.send(request)
        tally.statuses[answer.status_code] += 1
        tally.undocumented += str(answer.status_code) not in case.operation.definition.raw["responses"]
        try:
            case.validate_response(answer, checks=[CHECKS.get_one(name) for name in CHECK_NAMES])
        except AssertionError as error:
            tally.faults.append(f"{case.operation.label}: {error}")
        except BaseExceptionGroup as group:
            tally.faults += [f"{case.operation.label}: {error}" for error in group.exceptions]
        if answer.status_code >= 500:
            tally.faults.append(f"{case.operation.label}: {answer.status_code} {answer.text[:500]}")

    def _with_real(self, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {name: self.ids.get(name, value) for name, value in values.items()}


def name_of(operation: Any) -> str:
    return str(operation.definition.raw["operationId"])


def as_response(request: requests.PreparedRequest, status: int, headers: Any, content: bytes) -> Response:
    """An answer as the judge wants it, whatever client read it."""
    several: dict[str, list[str]] = {}
    for name, value in headers.items():
        several.setdefault(name.lower(), []).append(value)
    return Response(
        status_code=status, headers=several, content=content, request=request, elapsed=0.0, verify=False
    )


def judge(tallies: Iterable[Tally]) -> None:
    """Tell what came back, then fail for what should not have."""
    faults: list[str] = []
    for tally in tallies:
        sys.stdout.write(f"\n{tally}")
        faults += tally.faults
        assert not tally.server_errors + tally.undocumented or tally.faults
    assert not faults, "\n".join(faults[:20])
