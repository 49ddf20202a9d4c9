"""Properties of one resource, each taken or knowingly left; what remains is an error."""

from __future__ import annotations

from typing import Any

from infra.local.templates import TemplateError

_REQUIRED = object()


class Declared:
    """The properties of one resource, or of a part of it.

    Args:
        place: File and resource, then the path inside it, for errors.
        properties: Resolved; a copy is kept.
    """

    def __init__(self, place: str, properties: Any) -> None:
        if not isinstance(properties, dict):
            raise TemplateError(f"{place}: expected a mapping, found {properties!r}")
        self.place = place
        self._left = dict(properties)

    def take(self, name: str, default: Any = _REQUIRED) -> Any:
        """The value of a property; without a default it must be there."""
        if name not in self._left and default is _REQUIRED:
            raise TemplateError(f"{self.place}: {name} is missing")
        return self._left.pop(name, default)

    def part(self, name: str, default: Any = _REQUIRED) -> Declared:
        """A mapping inside the properties, to be taken apart in the same way."""
        return Declared(f"{self.place}.{name}", self.take(name, default))

    def only(self, name: str, *allowed: Any) -> None:
        """A property that, where it stands, can only say what we do anyway."""
        value = self._left.pop(name, allowed[0])
        if value not in allowed:
            raise TemplateError(
                f"{self.place}.{name} is {value!r}: the local cloud knows only {list(allowed)}"
            )

    def without_effect(self, *names: str) -> None:
        """Properties that mean nothing on one machine (code packages, architectures, tracing)."""
        for name in names:
            self._left.pop(name, None)

    def rest(self) -> dict[str, Any]:
        """All that is left, for an emulator that checks it itself."""
        left, self._left = self._left, {}
        return left

    def done(self) -> None:
        """All properties are taken.

        Raises:
            TemplateError: Some are not: the local cloud would silently not run them.
        """
        if self._left:
            raise TemplateError(
                f"{self.place}: {sorted(self._left)}: properties that infra/local does not run; "
                "teach it, or say in infra/local/resources why they have no effect on one machine"
            )


def same(place: str, what: str, expected: Any, found: Any) -> None:
    """Compares what was declared with what the emulator says it made.

    Raises:
        TemplateError: They differ: an emulator's "created" proves nothing.
    """
    if expected != found:
        raise TemplateError(
            f"{place}: {what} was declared as {expected!r}, but is {found!r} in the local cloud"
        )
