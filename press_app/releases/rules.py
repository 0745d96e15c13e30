"""What a release offers to sites."""

from collections.abc import Iterable, Mapping, Sequence

BASE = "base"
"""Every site has it: the ERP itself."""
ENGINES_OWN = frozenset({"frappe", "erpnext"})
"""Sources that are no apps to choose: the framework, and what ``base`` stands for."""


def list_offered(app_sets: Iterable[Iterable[str]], sources: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """The apps that a site of this release may have: by its sources, where the code comes with the release."""
    if sources:
        found = {source["app"] for source in sources} - ENGINES_OWN
    else:
        found = {app for apps in app_sets for app in apps}
    return (BASE, *sorted(found - {BASE}))
