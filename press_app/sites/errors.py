"""What can be wrong with a site."""

from press_app.errors import Conflict, Invalid, NotFound


class SiteUnknown(NotFound):
    """No such site."""

    code = "site_unknown"


class SiteNameInvalid(Invalid):
    """The name cannot be a host name."""

    code = "site_name_invalid"


class SiteNameTaken(Conflict):
    """The name is in use, or kept for an archived site."""

    code = "site_name_taken"


class SiteNotReady(Conflict):
    """The site's state does not allow this now."""

    code = "site_not_ready"


class NothingToChange(Conflict):
    """The site is as it is asked to be."""

    code = "nothing_to_change"


class TargetUnclear(Invalid):
    """A move must say one place."""

    code = "target_unclear"


class AppNeeded(Invalid):
    """The app is a part of every site."""

    code = "app_needed"


class AppNotOffered(Invalid):
    """The release that the site runs on has no such app."""

    code = "app_not_offered"


class ConfigRefused(Invalid):
    """A setting that must not stand in the configuration."""

    code = "config_refused"


class NoBackup(Conflict):
    """There is no verified backup to bring the site back from."""

    code = "no_backup"


class LoginLinkUnknown(NotFound):
    """No such login link, or it expired."""

    code = "login_link_unknown"


class EdgeDisagrees(Conflict):
    """The edge does not answer as it should yet; looked at again."""

    code = "edge_disagrees"
