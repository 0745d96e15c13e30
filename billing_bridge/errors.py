"""The errors of the billing bridge: a code for programs, a sentence for people."""

from typing import ClassVar


class BridgeError(Exception):
    """Base of everything the bridge raises on purpose.

    `code` is stable and for programs, `status` is the HTTP answer, the message says what happened, what it
    did to the data and what to do next; `context` is for programs.
    """

    code: ClassVar[str] = "bridge_error"
    status: ClassVar[int] = 500

    def __init__(self, message: str, **context: object) -> None:
        super().__init__(message)
        self.message = message
        self.context = context


class SettingsIncomplete(BridgeError):
    code = "settings_incomplete"
    status = 503


class Unauthorized(BridgeError):
    code = "unauthorized"
    status = 401


class WebhookRefused(BridgeError):
    """The delivery was not accepted; nothing was stored."""

    code = "webhook_refused"
    status = 400


class SignatureRefused(BridgeError):
    """The delivery was not proven to come from Lago; nothing was stored."""

    code = "signature_refused"
    status = 401


class OrganizationRefused(BridgeError):
    code = "organization_refused"
    status = 403


class BodyTooLarge(BridgeError):
    code = "body_too_large"
    status = 413


class BodyTooSlow(BridgeError):
    code = "body_too_slow"
    status = 408


class NotFound(BridgeError):
    code = "not_found"
    status = 404


class NotReplayable(BridgeError):
    code = "not_replayable"
    status = 409


class LagoUnreadable(BridgeError):
    """Lago did not answer in a way that can be believed; nothing was decided."""

    code = "lago_unreadable"
    status = 502


class LagoRefused(LagoUnreadable):
    """Lago answered with a refusal that asking again will not change by itself."""

    code = "lago_refused"


class LagoNotYet(BridgeError):
    """Lago's picture does not yet show what its own event speaks of."""

    code = "lago_not_yet"
    status = 503


class PressUnreachable(BridgeError):
    """The control plane could not be asked; the wanted state will be sent again."""

    code = "press_unreachable"
    status = 502


class PressRefused(BridgeError):
    """The control plane refused the wanted state; it will be offered again."""

    code = "press_refused"
    status = 502


class PressKeptItsState(BridgeError):
    """The control plane holds a reading that it takes for later, with another wanted state: clocks disagree, or did."""

    code = "press_kept_its_state"
    status = 409


class SubjectUnusable(BridgeError):
    """The external id cannot be kept, so nothing can be wanted for it."""

    code = "subject_unusable"
    status = 422


class SubjectBusy(BridgeError):
    """Somebody else is working on this subscription right now."""

    code = "subject_busy"
    status = 423
