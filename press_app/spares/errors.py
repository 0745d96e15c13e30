"""What can be wrong with spares."""

from press_app.errors import Conflict


class SparesLeft(Conflict):
    """Prepared sites still stand on a bench that is to go."""

    code = "spares_left"
