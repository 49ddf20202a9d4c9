"""A text that people read in two languages, written once, where its fact is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """A text in English and in Spanish.

    Commands and logs say the English one, which is also its `str`; pages say that of their language.

    Attributes:
        en: In English.
        es: In Spanish; '' of what was kept before it had any.
    """

    en: str
    es: str

    @classmethod
    def of(cls, kept: str | Mapping[str, str]) -> Words:
        """From JSON: both, or only an English text, as it was kept before."""
        return cls(kept, "") if isinstance(kept, str) else cls(kept["en"], kept["es"])

    def __str__(self) -> str:
        """The English text."""
        return self.en
