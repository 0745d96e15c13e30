"""The Tryton engine on a real bench: every step, twice, and what its users see of it."""

import pytest

from agent.engines.port import SiteState
from agent.engines.tryton.probe import TrytonProbe
from tests.agent.engines.tryton.deployed import OWNER, Deployed, make_site

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(600)]
PROBE = TrytonProbe()


class TestDeploy:
    def test_changes_nothing_the_second_time(self, bench: Deployed) -> None:
        assert bench.engine.ensure_release(bench.bench, bench.said.append) is False
        templates, made = bench.engine.ensure_templates(bench.bench, bench.said.append)
        assert made is False
        assert [template.apps for template in templates] == [("base",), ("base", "crm", "hr")]
        assert "sale_opportunity" in templates[1].modules
        assert "sale_opportunity" not in templates[0].modules
        assert bench.engine.ensure_bench_started(bench.bench) is False


class TestCreateSite:
    def test_serves_a_login_and_repeats_without_change(self, bench: Deployed) -> None:
        site = make_site()
        assert bench.engine.ensure_site_cloned(site) is True
        assert bench.engine.ensure_site_cloned(site) is False
        assert bench.engine.ensure_site_configured(site) is True
        assert bench.engine.ensure_site_configured(site) is False
        assert not PROBE.can_log_in(bench.door(site))
        assert bench.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname) is True
        assert bench.engine.ensure_site_serving(site.bench_id, site.site_id, site.hostname) is False
        bench.engine.probe_site(site.bench_id, site.site_id, site.hostname)
        assert PROBE.can_log_in(bench.door(site))
        found = bench.engine.find_site(site.bench_id, site.site_id)
        assert found is not None
        assert (found.hostname, found.state) == (site.hostname, SiteState.ACTIVE)
        assert found in bench.engine.list_sites(site.bench_id)
        with bench.logged_in(site) as client:
            (company,) = client.do(
                "model.company.company.search_read", [], 0, None, None, ["rec_name", "currency.rec_name"]
            )
            assert (company["rec_name"], company["currency."]["rec_name"]) == (site.company, "Euro")
            (owner,) = client.do(
                "model.res.user.search_read", [["login", "=", OWNER]], 0, None, None, ["email"]
            )
            assert owner["email"] == OWNER
