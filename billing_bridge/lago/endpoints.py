"""Webhook endpoints and the public key through lago-python-client, which is sound for these calls."""

from collections.abc import Callable
from typing import Any, TypeVar

import httpx
from lago_python_client import Client
from lago_python_client.exceptions import LagoApiError
from lago_python_client.models import WebhookEndpoint as Body

from billing_bridge.errors import LagoRefused, LagoUnreadable
from billing_bridge.lago.port import WebhookEndpoint

Result = TypeVar("Result")
SERVER_ERROR = 500


class EndpointAdmin:
    """The real adapter of `LagoAdmin`; only the processes that need it import this module."""

    def __init__(self, *, api_url: str, api_key: str) -> None:
        self._url = f"{api_url.rstrip('/')}/"
        self._key = api_key

    def get_public_key(self) -> bytes:
        key: bytes = self._ask(lambda client: client.webhooks.public_key())
        return key

    def list_webhook_endpoints(self) -> list[WebhookEndpoint]:
        answer = self._ask(lambda client: client.webhook_endpoints.find_all({"per_page": 100}))
        return [_endpoint(item) for item in answer["webhook_endpoints"]]

    def create_webhook_endpoint(self, *, url: str, event_types: tuple[str, ...]) -> WebhookEndpoint:
        body = self._body(url, event_types)
        return _endpoint(self._ask(lambda client: client.webhook_endpoints.create(body)))

    def update_webhook_endpoint(
        self, lago_id: str, *, url: str, event_types: tuple[str, ...]
    ) -> WebhookEndpoint:
        body = self._body(url, event_types)
        return _endpoint(self._ask(lambda client: client.webhook_endpoints.update(body, lago_id)))

    @staticmethod
    def _body(url: str, event_types: tuple[str, ...]) -> Any:
        return Body(
            webhook_url=url, signature_algo="hmac", name="press billing bridge", event_types=list(event_types)
        )

    def _ask(self, call: Callable[[Any], Result]) -> Result:
        try:
            return call(Client(api_key=self._key, api_url=self._url, max_retries=1))
        except LagoApiError as error:
            kind = LagoUnreadable if error.status_code >= SERVER_ERROR else LagoRefused
            raise kind(
                f"Lago answered {error.status_code} to a webhook call; nothing was changed."
            ) from error
        except (httpx.HTTPError, ValueError) as error:
            raise LagoUnreadable(f"Lago did not answer a webhook call ({type(error).__name__}).") from error


def _endpoint(item: Any) -> WebhookEndpoint:
    return WebhookEndpoint(
        lago_id=item.lago_id,
        url=item.webhook_url,
        signature_algo=item.signature_algo or "jwt",
        event_types=tuple(item.event_types or ("*",)),
    )
