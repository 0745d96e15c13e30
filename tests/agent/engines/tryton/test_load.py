"""Many at once: writers of one tenant, and tenants that must not see each other."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent.engines.port import SiteSpec
from tests.agent.engines.tryton.deployed import Deployed

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(600)]
WRITERS = 8
EACH = 6


def write_parties(bench: Deployed, site: SiteSpec, writer: int) -> list[int]:
    with bench.logged_in(site) as client:
        return [
            int(client.do("model.party.party.create", [{"name": f"{site.site_id} {writer} {number}"}])[0])
            for number in range(EACH)
        ]


class TestWriters:
    def test_of_one_tenant_never_draw_the_same_number(self, bench: Deployed) -> None:
        site = bench.create()
        with ThreadPoolExecutor(WRITERS) as pool:
            made = list(pool.map(lambda writer: write_parties(bench, site, writer), range(WRITERS)))
        with bench.logged_in(site) as client:
            found = client.do("model.party.party.search_read", [], 0, None, None, ["code", "name"])
        assert len({number for numbers in made for number in numbers}) == WRITERS * EACH
        assert len(found) == WRITERS * EACH + 1
        assert max(Counter(party["code"] for party in found).values()) == 1

    def test_of_several_tenants_with_one_pool_stay_in_their_own_database(self, bench: Deployed) -> None:
        sites = [bench.create() for _ in range(4)]
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda writer: write_parties(bench, sites[writer % 4], writer), range(WRITERS)))
        for site in sites:
            with bench.logged_in(site) as client:
                found = client.do("model.party.party.search_read", [], 0, None, None, ["name"])
            own = [party["name"] for party in found if party["name"].startswith(site.site_id)]
            assert len(own) == 2 * EACH
            assert len(found) == 2 * EACH + 1
