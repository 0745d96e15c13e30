"""How much a request may bring: what announces more is answered in the contract's words before anything is read."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from agent.api.problems import answer

MAX_BODY_BYTES = 256 * 1024
_MAX_DIGITS = 12


class LengthGate:
    """Stands before Starlette's own limit, which counts what was not announced and answers the rest as plain text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _announces_too_much(Headers(scope=scope).get("content-length", "0")):
            detail = f"A request has at most {MAX_BODY_BYTES} bytes. Nothing was touched."
            refusal = answer(status=413, title="Content Too Large", detail=detail, code="content_too_large")
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _announces_too_much(length: str) -> bool:
    is_number = length.isascii() and length.isdigit() and len(length) <= _MAX_DIGITS
    return not is_number or int(length) > MAX_BODY_BYTES
