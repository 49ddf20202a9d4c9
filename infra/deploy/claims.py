"""Points each claim of docs/aws.md at the line of its resource: `python -m infra.deploy.claims`."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "aws.md"
_LINK = re.compile(r"\[([\w.]+\.yaml)(?::\d+)?\]\((\.\./infra/[\w.]+\.yaml)(?:#L\d+)?\) \| `(\w+)`")


class UnknownResourceError(LookupError):
    """A claim names a resource that its template does not have."""


def pointed(page: str, folder: Path = PAGE.parent) -> str:
    """The page with the line of each resource in its link.

    Args:
        page: Markdown.
        folder: What its links start from.

    Raises:
        UnknownResourceError: A template has no such resource.
    """

    def link(found: re.Match[str]) -> str:
        name, path, resource = found.groups()
        lines = (folder / path).read_text(encoding="utf-8").splitlines()
        if f"  {resource}:" not in lines:
            raise UnknownResourceError(f"{name} has no resource {resource}: mend the claim in docs/aws.md")
        line = lines.index(f"  {resource}:") + 1
        return f"[{name}:{line}]({path}#L{line}) | `{resource}`"

    return _LINK.sub(link, page)


if __name__ == "__main__":
    PAGE.write_text(pointed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
