"""The table of routes in memory, by group, so that a change costs the rendering of its own group."""

from press_app.edge.port import News, Route
from press_app.edge.render import Group, Piece, find_groups, render_file, render_group


class Table:
    """Takes news, gives the text of the file."""

    def __init__(self, pages_url: str) -> None:
        self._pages_url = pages_url
        self._routes: dict[str, Route] = {}
        self._groups: dict[Group, dict[str, Route]] = {}
        self._pieces: dict[Group, Piece] = {}

    def take(self, news: News) -> bool:
        """Learn what changed. True when anything is other than it was."""
        changes = dict(news.routes)
        if news.is_whole:
            changes |= dict.fromkeys(self._routes.keys() - changes.keys())
        changed = [site_id for site_id, route in changes.items() if route != self._routes.get(site_id)]
        for site_id in changed:
            self._remove(site_id)
            self._add(site_id, changes[site_id])
        return bool(changed)

    def render(self) -> str:
        """The whole file; only groups that changed since the last time are rendered anew."""
        for group in self._groups.keys() - self._pieces.keys():
            self._pieces[group] = render_group(group, self._groups[group].values())
        return render_file([self._pieces[group] for group in sorted(self._groups)], self._pages_url)

    def _remove(self, site_id: str) -> None:
        before = self._routes.pop(site_id, None)
        for group in () if before is None else find_groups(before):
            self._pieces.pop(group, None)
            del self._groups[group][site_id]
            if not self._groups[group]:
                del self._groups[group]

    def _add(self, site_id: str, route: Route | None) -> None:
        if route is None:
            return
        self._routes[site_id] = route
        for group in find_groups(route):
            self._pieces.pop(group, None)
            self._groups.setdefault(group, {})[site_id] = route
