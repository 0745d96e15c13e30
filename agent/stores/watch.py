"""Whether the store did what backups need when it was last tried; trying takes too long for whoever asks."""

import threading

import structlog

from agent.errors import AgentError
from agent.stores.port import BackupStore

EVERY_SECONDS = 3600.0
AGAIN_SECONDS = 60.0
"""What failed is tried again sooner: whoever put it right wants to see it."""
log = structlog.get_logger(__name__)


class StoreWatch:
    """Tries the store now and then; what it found last is read at once."""

    def __init__(self, store: BackupStore) -> None:
        self._store = store
        self._said = "ok"

    @property
    def said(self) -> str:
        """``ok``, which it is until it was tried, or what does not hold."""
        return self._said

    def run(self, stopping: threading.Event) -> None:
        """Try until told to stop."""
        while True:
            self.look()
            if stopping.wait(EVERY_SECONDS if self._said == "ok" else AGAIN_SECONDS):
                return

    def look(self) -> None:
        """Try everything once."""
        try:
            wrong = [finding for finding in self._store.check() if not finding.is_ok]
        except AgentError as error:
            self._said = error.message
        except Exception as error:
            # The thread must live: nobody would start it again.
            log.exception("store.check_failed")
            self._said = f"it could not be tried ({type(error).__name__})"
        else:
            self._said = "; ".join(f"{finding.name}: {finding.message}" for finding in wrong) or "ok"
        if self._said != "ok":
            log.warning("store.not_well", said=self._said)
