"""What the edge of a stack is told; the real Traefik reads it in ``tests/e2e/test_compose.py``."""

import json
from pathlib import Path

import yaml

from scripts.stack.edge import render_routes, render_static, write_edge
from scripts.stack.settings import Stack


def make_stack(**answers: object) -> Stack:
    usual = {
        "domain": "example.org",
        "email": "a@example.org",
        "dns_provider": "hetzner",
        "lago_url": "https://lago.example",
    }
    return Stack(_env_file=None, **{**usual, **answers}).derive()  # type: ignore[arg-type]


class TestStatic:
    def test_all_sites_have_one_certificate_that_is_asked_for_by_dns(self) -> None:
        static = yaml.safe_load(render_static(make_stack()))
        secure = static["entryPoints"]["secure"]
        assert secure["http"]["tls"]["domains"] == [{"main": "example.org", "sans": ["*.example.org"]}]
        assert static["certificatesResolvers"]["dns"]["acme"]["dnsChallenge"] == {"provider": "hetzner"}
        assert static["entryPoints"]["web"]["http"]["redirections"]["entryPoint"] == {
            "to": "secure",
            "scheme": "https",
        }

    def test_health_and_figures_are_on_the_backend_network_only(self) -> None:
        static = yaml.safe_load(render_static(make_stack(network="10.1.2")))
        assert static["entryPoints"]["internal"]["address"] == "10.1.2.65:8001"

    def test_a_trial_on_this_machine_is_for_this_machine(self) -> None:
        static = yaml.safe_load(
            render_static(make_stack(domain="localhost", dns_provider="none", http_port=8000))
        )
        assert static["entryPoints"]["web"]["address"] == "127.0.0.1:8000"
        assert "secure" not in static["entryPoints"]
        assert "certificatesResolvers" not in static
        public = yaml.safe_load(render_static(make_stack(dns_provider="none")))
        assert public["entryPoints"]["web"]["address"] == ":80"


class TestRoutes:
    def test_our_names_lead_to_our_programs_and_hide_what_machines_ask(self) -> None:
        routers = json.loads(render_routes(make_stack()))["http"]["routers"]
        assert (
            routers["press"]["rule"] == "Host(`press.example.org`) && !(Path(`/metrics`) || Path(`/ready`))"
        )
        assert routers["billing"]["rule"] == "Host(`billing.example.org`) && Path(`/webhooks/lago`)"

    def test_a_second_time_nothing_is_written(self, tmp_path: Path) -> None:
        stack = make_stack(dir=tmp_path)
        assert write_edge(stack)
        assert not write_edge(stack)
