"""More than ten thousand malformed bodies, unproven and proven, against a real process."""

import asyncio
import itertools
import json
import os
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from billing_bridge.handlers.table import EVENT_TYPES
from tests.bench.load import send_as_fast_as_answered
from tests.billing_bridge.attack.corpus import bodies, list_broken_json, list_flipped, list_wrong_types
from tests.billing_bridge.attack.target import Target, make_request
from tests.billing_bridge.builders import make_body, sign

CONNECTIONS = 16
GROWTH_KB = 12_000
"""What allocators and caches may keep after the storm (PSS); ten thousand bodies of 3 kB would be more than twice as much."""
DEPTH = int(os.environ.get("PRESS_TEST_ATTACK_DEPTH", "1"))
"""How many times as much hypothesis and chance are asked for."""
UNPROVEN = {"X-Lago-Signature": "AAAA", "X-Lago-Signature-Algorithm": "hmac", "X-Lago-Unique-Key": "k"}


def storm(target: Target, deliveries: Iterable[tuple[bytes, dict[str, str]]]) -> list[int]:
    """Send everything over kept connections; the statuses in the order of their answers."""
    prepared = [make_request(raw, headers) for raw, headers in deliveries]
    sent = asyncio.run(send_as_fast_as_answered(target.settings.port, prepared, connections=CONNECTIONS))
    return [each.status for each in sent]


def proven(raws: Iterable[bytes]) -> list[tuple[bytes, dict[str, str]]]:
    return [(raw, sign(raw)) for raw in raws]


@pytest.mark.timeout(300)
def test_ten_thousand_malformed_bodies_leave_no_trace(
    target: Target, real_bodies: dict[str, dict[str, Any]]
) -> None:
    goods = [json.dumps(body).encode() for body in real_bodies.values()]
    wrong = list(itertools.chain.from_iterable(list_wrong_types(body) for body in real_bodies.values()))
    flipped = list(
        itertools.chain.from_iterable(list_flipped(good, 60 * DEPTH, seed) for seed, good in enumerate(goods))
    )
    broken = [raw for good in goods for raw in list_broken_json(good)]
    unproven = [
        (raw, UNPROVEN) for raw in [*wrong[:: max(1, len(wrong) // (9_000 * DEPTH))], *flipped, *broken]
    ]
    storm(target, unproven[:1_000])
    before, counted = target.read_memory(), target.count_unproven("signature_refused")
    assert len(unproven) > 10_000
    statuses = Counter(storm(target, unproven))
    assert statuses == {401: len(unproven)}
    assert target.count_unproven("signature_refused") - counted == len(unproven)
    assert Counter(storm(target, proven(broken))) == {400: len(broken)}
    assert target.count_rows() == 0
    assert target.read_memory() - before < GROWTH_KB
    assert target.takes_a_genuine_one()


@pytest.mark.timeout(300)
def test_wrong_types_at_every_key_of_every_proven_body_are_refused_or_stored(
    target: Target, real_bodies: dict[str, dict[str, Any]]
) -> None:
    handled = [body for kind, body in real_bodies.items() if kind in EVENT_TYPES]
    assert len(handled) >= 12
    raws = list(itertools.chain.from_iterable(list_wrong_types(body) for body in handled))
    raws = raws[:: max(1, len(raws) // (3_000 * DEPTH))]
    statuses = Counter(storm(target, proven(raws)))
    assert statuses.keys() <= {200, 400, 403}
    assert statuses[200] == target.count_rows()
    assert statuses[200] > len(raws) // 2
    assert target.takes_a_genuine_one()


@pytest.mark.timeout(300)
def test_whatever_hypothesis_thinks_of_is_refused(target: Target) -> None:
    @settings(
        max_examples=60 * DEPTH,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        database=None,
    )
    @given(st.lists(bodies, min_size=10, max_size=30))
    def attack(raws: list[bytes]) -> None:
        assert set(storm(target, proven(raws))) == {400}

    attack()
    assert target.count_rows() == 0
    assert target.takes_a_genuine_one()


def test_a_key_twice_is_read_as_the_worker_will_read_it(target: Target) -> None:
    raw = make_body().replace(b'"webhook_type"', b'"webhook_type": 7, "webhook_type"', 1)
    assert target.post(raw, sign(raw)).status_code == 200
    raw = make_body()[:-1] + b', "webhook_type": 7}'
    assert target.post(raw, sign(raw)).status_code == 400
    assert target.count_rows() == 1
