"""Reads Hive DDL: words, names, strings and lists, as Athena's DDL engine does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infra.local.athena.errors import QueryError
from infra.local.athena.sql.types import parse_type

_TOKEN = re.compile(
    r"\s*(?:--[^\n]*\n|/\*.*?\*/|('(?:[^'\\]|\\.|'')*')|(\"(?:[^\"\\]|\\.)*\")|(`(?:[^`]|``)*`)|([\w.$:/+-]+)|(.))",
    re.S,
)
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\\\": "\\", "\\001": "\x01", "\\'": "'", '\\"': '"'}


@dataclass(frozen=True, slots=True)
class Word:
    """One token: `kind` is `string`, `name` (backticks), `word` or `mark`."""

    kind: str
    text: str


class HiveReader:
    """A cursor over the tokens of one DDL statement.

    Args:
        sql: The statement.
    """

    def __init__(self, sql: str) -> None:
        self.words: list[Word] = []
        self._sql = sql
        for match in _TOKEN.finditer(sql):
            single, double, tick, word, mark = match.groups()
            if single is not None or double is not None:
                body = (single or double)[1:-1].replace("''", "'")
                self.words.append(
                    Word("string", re.sub(r"\\(?:001|.)", lambda m: _ESCAPES.get(m[0], m[0]), body))
                )
            elif tick is not None:
                self.words.append(Word("name", tick[1:-1].replace("``", "`")))
            elif word is not None:
                self.words.append(Word("word", word))
            elif mark is not None and not mark.isspace() and mark != ";":
                self.words.append(Word("mark", mark))
        self._at = 0

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self._at >= len(self.words)

    def fail(self, expected: str) -> QueryError:
        """The error for what stands here."""
        found = self.words[self._at].text if not self.done else "<EOF>"
        return QueryError(
            "FAILED", f"ParseException line 1:1 mismatched input '{found}' expecting {expected}"
        )

    def accept(self, *words: str) -> bool:
        """Takes the words if all of them come next."""
        following = self.words[self._at : self._at + len(words)]
        if len(following) == len(words) and all(
            f.kind in ("word", "mark") and f.text.upper() == w for f, w in zip(following, words, strict=True)
        ):
            self._at += len(words)
            return True
        return False

    def expect(self, *words: str) -> None:
        """Takes the words or fails."""
        if not self.accept(*words):
            raise self.fail(" ".join(words))

    def end(self) -> None:
        """Fails unless the statement is over."""
        if not self.done:
            raise self.fail("<EOF>")

    def string(self) -> str:
        """Takes a quoted string."""
        if self.done or self.words[self._at].kind != "string":
            raise self.fail("a string in quotes")
        self._at += 1
        return self.words[self._at - 1].text

    def name(self) -> str:
        """Takes an identifier, in lower case."""
        if self.done or self.words[self._at].kind == "mark":
            raise self.fail("a name")
        self._at += 1
        return self.words[self._at - 1].text.lower()

    def qualified(self, default: str) -> tuple[str, str]:
        """Takes `[catalog.][database.]table`."""
        parts = self.name().split(".") if self._bare() else [self.name()]
        while self.accept(".") or (
            not self.done
            and self.words[self._at].text.startswith(".")
            and self.words[self._at].kind == "word"
        ):
            if self.words[self._at - 1].text == ".":
                parts.append(self.name())
            else:
                parts += [p for p in self.name().split(".") if p]
        parts = [p for p in parts if p]
        return (parts[-2] if len(parts) > 1 else default), parts[-1]

    def _bare(self) -> bool:
        return not self.done and self.words[self._at].kind == "word"

    def properties(self) -> dict[str, str]:
        """Takes `('key'='value', …)`."""
        self.expect("(")
        found = {}
        while not self.accept(")"):
            key = self.string()
            self.expect("=")
            found[key] = self.string()
            self.accept(",")
        return found

    def columns(self) -> list[dict[str, str]]:
        """Takes `(name type [COMMENT 'text'], …)` as Glue columns.

        Raises:
            QueryError: A type is unknown.
        """
        self.expect("(")
        columns = []
        while True:
            column = {"Name": self.name(), "Type": self._type()}
            if self.accept("COMMENT"):
                column["Comment"] = self.string()
            columns.append(column)
            if self.accept(")"):
                return columns
            self.expect(",")

    def _type(self) -> str:
        depth, parts = 0, []
        while not self.done:
            word = self.words[self._at]
            if depth == 0 and (word.text in (",", ")") or word.text.upper() == "COMMENT"):
                break
            depth += word.text.count("<") + word.text.count("(") - word.text.count(">") - word.text.count(")")
            parts.append(word.text)
            self._at += 1
        text = "".join(parts).lower()
        parse_type(text)
        return text

    def partition(self) -> dict[str, str]:
        """Takes `(key = 'value', …)`."""
        self.expect("(")
        values = {}
        while not self.accept(")"):
            key = self.name()
            self.expect("=")
            word = self.words[self._at] if not self.done else Word("mark", "")
            if word.kind not in ("string", "word"):
                raise self.fail("a value")
            values[key] = word.text
            self._at += 1
            self.accept(",")
        return values
