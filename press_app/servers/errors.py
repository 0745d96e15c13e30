"""What can be wrong with a server."""

from press_app.errors import Conflict, Invalid, NotFound


class ServerUnknown(NotFound):
    """No such server."""

    code = "server_unknown"


class ServerNameTaken(Conflict):
    """Another server has this name."""

    code = "server_name_taken"


class NoServer(Invalid):
    """No server can take the work."""

    code = "no_server"


class KeyInvalid(Invalid):
    """The agent's public key cannot be read."""

    code = "key_invalid"
