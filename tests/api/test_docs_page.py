from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from api import docs_page, openapi, problems
from api.contracts import RecordedEvaluation
from api.routes import OPERATIONS


class Page(HTMLParser):
    """Ids, links and tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.tags.append(tag)
        if "id" in found:
            self.ids.append(str(found["id"]))
        self.links += [str(found[name]) for name in ("href", "src", "action") if name in found]


TEXT = docs_page.page(OPERATIONS).decode()
PAGE = Page(TEXT)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each.method} {each.path}")
def test_the_page_teaches_every_operation(operation: Any) -> None:
    assert openapi.operation_id(operation) in PAGE.ids
    assert operation.summary in TEXT
    assert operation.takes is None or operation.examples, (
        "an operation with a body shows one that may be sent"
    )


def test_every_problem_leads_to_its_remedy() -> None:
    assert len(problems.KINDS) >= 15
    for kind in problems.KINDS:
        assert f"problem-{kind.slug}" in PAGE.ids
        assert kind.remedy


def test_links_lead_somewhere_and_nowhere_outside() -> None:
    for link in PAGE.links:
        assert link.startswith(("#", "/")), link
        if link.startswith("#"):
            assert link[1:] in PAGE.ids, link


def test_the_page_has_no_script_and_no_style_of_its_own() -> None:
    assert not {"script", "style", "iframe", "img", "form"} & set(PAGE.tags)
    assert "style=" not in TEXT


def test_ids_are_unique_and_headings_do_not_jump() -> None:
    assert len(PAGE.ids) == len(set(PAGE.ids))
    levels = [int(tag[1]) for tag in PAGE.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_field_of_every_body_is_described() -> None:
    document = openapi.document(OPERATIONS)
    for operation in OPERATIONS:
        for kind in (operation.takes, *operation.answers.values()):
            for field in docs_page._fields(kind, document):
                assert field["description"], (kind, field["name"])


def test_types_are_told_in_words() -> None:
    fields = {
        field["name"]: field["type"]
        for field in docs_page._fields(RecordedEvaluation, openapi.document(OPERATIONS))
    }
    assert fields["date"] == "date"
    assert fields["weight"] == "decimal or null"


def test_descriptions_cannot_become_markup() -> None:
    assert (
        docs_page._inline("a < b `<c>` **<d>**")
        == "a &lt; b <code>&lt;c&gt;</code> <strong>&lt;d&gt;</strong>"
    )


@pytest.mark.local
def test_the_documentation_is_served_without_a_token(client: Any) -> None:
    page = client.call("GET", "/docs", token="")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert client.call("GET", "/docs.css", token="").headers["content-type"] == "text/css; charset=utf-8"
    document = client.call("GET", "/openapi.json", token="").json
    assert document["openapi"] == "3.1.0"
    assert "/behavior" in document["paths"]
