"""What engines refuse, the same words for every engine."""

from typing import ClassVar

from agent.errors import AgentError


class EngineUnknown(AgentError):
    """The host does not offer the engine."""

    code: ClassVar[str] = "engine_unknown"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The engine is not offered here"


class BenchUnknown(AgentError):
    """No such bench on this host."""

    code: ClassVar[str] = "bench_unknown"
    status: ClassVar[int] = 404
    title: ClassVar[str] = "The bench is not on this host"


class BenchNotHealthy(AgentError):
    """The bench does not answer."""

    code: ClassVar[str] = "bench_not_healthy"
    title: ClassVar[str] = "The bench does not answer"


class SiteUnknown(AgentError):
    """No such site on the bench."""

    code: ClassVar[str] = "site_unknown"
    status: ClassVar[int] = 404
    title: ClassVar[str] = "The site is not on this bench"


class SiteNotHealthy(AgentError):
    """The site does not answer as it should."""

    code: ClassVar[str] = "site_not_healthy"
    title: ClassVar[str] = "The site does not answer as it should"


class SiteDataUnreadable(AgentError):
    """The site's own data are missing or damaged."""

    code: ClassVar[str] = "site_data_unreadable"
    title: ClassVar[str] = "The site's data cannot be read"


class BackupUnreadable(AgentError):
    """The file is not a backup that this engine can restore."""

    code: ClassVar[str] = "backup_unreadable"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The backup cannot be read"


class SiteBusy(AgentError):
    """The site's own work does not end."""

    code: ClassVar[str] = "site_busy"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "The site is still working"


class AppUnknown(AgentError):
    """A product app that the bench's release does not have."""

    code: ClassVar[str] = "app_unknown"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The app is not in the release"


class AppNeeded(AgentError):
    """An app that cannot be removed."""

    code: ClassVar[str] = "app_needed"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "The app cannot be removed"


class ConfigRefused(AgentError):
    """A setting that a site cannot have."""

    code: ClassVar[str] = "config_refused"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The setting is not taken"


class LocaleUnknown(AgentError):
    """A country, currency, language or time zone that the engine does not know."""

    code: ClassVar[str] = "locale_unknown"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The locale is not known"


class TemplateMissing(AgentError):
    """No template for the apps and the locale was made on the bench."""

    code: ClassVar[str] = "template_missing"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "There is no template for these apps"
