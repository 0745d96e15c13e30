"""The page for people."""

import re

import requests

from tests.billing_bridge.sandbox.driver import Driver


def load(lago: Driver, **headers: str) -> requests.Response:
    return requests.get(f"{lago.running.url}/sandbox/", headers=headers, timeout=5)


class TestPage:
    def test_it_shows_everything_escaped_and_without_scripts(self, lago: Driver) -> None:
        lago.customer(name="<script>alert(1)</script>")
        lago.plan("starter")
        lago.subscribe("starter")
        answer = load(lago)
        assert "It is not Lago" in answer.text
        assert "&lt;script&gt;" in answer.text
        assert "<script" not in answer.text
        assert "acme-erp" in answer.text
        assert "SBX-0001-001" in answer.text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]

    def test_its_buttons_pay_and_refuse(self, lago: Driver) -> None:
        lago.post("/sandbox/auto_pay", {"outcome": "pending"})
        lago.customer()
        lago.plan("starter")
        lago.subscribe("starter")
        actions = re.findall(r'action="([^"]+)"', load(lago).text)
        assert [each.rsplit("/", 1)[-1] for each in actions] == ["succeeded", "failed"]
        for action, status in zip(reversed(actions), ("failed", "succeeded"), strict=True):
            answer = requests.post(lago.running.url + action, timeout=5)
            assert answer.status_code == 200
            assert lago.invoices()[0]["payment_status"] == status

    def test_another_sites_form_is_turned_away(self, lago: Driver) -> None:
        assert load(lago, Origin="https://evil.example").status_code == 404
        assert load(lago, Origin=lago.running.url).status_code == 200

    def test_a_checkout_address_answers(self, lago: Driver) -> None:
        lago.customer()
        url = lago.post("/customers/acme/checkout_url")["customer"]["checkout_url"]
        answer = requests.get(url.replace("https://lago.example", lago.running.url), timeout=5)
        assert "no card is needed" in answer.text
