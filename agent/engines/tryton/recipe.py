"""What a release is made of: the files of ``images/bench-tryton``, and the hashes that name what is made of them."""

import re
from pathlib import Path
from typing import ClassVar

from agent.engines.door.recipe import digest, list_code
from agent.errors import AgentError

TRYTOND = re.compile(r"^trytond==(\S+)", re.MULTILINE)
TEMPLATE_MAKERS = frozenset({"template.py", "company_setup.py", "localise.py", "offline.py", "places.py"})


class ReleaseUnknown(AgentError):
    """The host's bench program is of another version."""

    code: ClassVar[str] = "release_unknown"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "The release is not offered here"


class Recipe:
    """The folder of the image, read when it is asked."""

    def __init__(self, images_dir: Path) -> None:
        self.folder = (images_dir / "bench-tryton").resolve()
        self.door = (images_dir / "bench-door").resolve()
        self.requirements = self.folder / "requirements.txt"

    def check(self, version: str) -> None:
        """Raises :class:`ReleaseUnknown` when this host brings another version."""
        text = self.requirements.read_text("utf-8") if self.requirements.exists() else ""
        match = TRYTOND.search(text)
        offered = match[1] if match else "none"
        if offered != version:
            raise ReleaseUnknown(
                f"This host brings Tryton {offered}, not {version}. Nothing was changed; "
                f"deploy the release {offered}, or bring the agent to the version that has {version}."
            )

    def list_program(self) -> list[Path]:
        """The bench's own program, with what all bench programs share."""
        return [*list_code(self.folder / "bench_tryton"), *list_code(self.door / "bench_door")]

    def place(self, path: Path) -> Path:
        """Where a file of the program stands below the folder of the programs."""
        return path.relative_to(self.folder if path.is_relative_to(self.folder) else self.door)

    def list_web(self) -> list[Path]:
        """What the web root is made of."""
        of_web = (
            path for path in self.list_program() if path.name == "web_root.py" or "branding" in path.parts
        )
        return [self.folder / "web" / "package-lock.json", *of_web]

    def name_templates(self, version: str) -> str:
        """The folder of the templates: they hang on Tryton and on what makes them, not on the rest of the program."""
        makers = [path for path in self.list_program() if path.name in TEMPLATE_MAKERS]
        return f"templates-{version}-{digest([self.requirements, *makers])}"
