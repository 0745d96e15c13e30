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


class NoBackup(Conflict):
    """There is no verified backup to bring the site back from."""

    code = "no_backup"


class LoginLinkUnknown(NotFound):
    """No such login link, or it expired."""

    code = "login_link_unknown"


class EdgeDisagrees(Conflict):
    """The edge does not answer as it should yet; looked at again."""

    code = "edge_disagrees"
