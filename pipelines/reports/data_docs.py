"""Great Expectations' Data Docs of the newest loads: its own rendering, in pages that fetch nothing.

Great Expectations' renderers draw each suite and each validation from the results that the loads kept
(`pipelines.load.quality_reports`). Its page around them fetches styles, scripts and a logo from other
sites, so that one is left out, and a page of ours stands in its place.

| where, in the reports bucket and in a folder | what |
|---|---|
| `quality/data-docs/index.html` | the validations by table, and whether they succeeded |
| `quality/data-docs/{table}/{load_id}.html` | one validation |
| `quality/data-docs/expectations/{table}.html` | the suite of the table's newest validation |
"""

from __future__ import annotations

import json
import re
import shutil
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from markupsafe import Markup

from adapters import lake
from adapters.settings import setting
from expectations.verdict import new_context
from pipelines.load.quality_reports import PREFIX
from pipelines.reports.kept import bring
from pipelines.reports.pages import environment
from transforms.lake_schema import LAKE_TABLES

FOLDER = "data-docs"
INDEX = "index.html"
NEWEST = 20  # loads of a table: some days of them, and drawn in seconds
_ITS_ROOT = "../../../../"  # Great Expectations' own pages lie four folders deep, ours one


@dataclass(frozen=True, slots=True)
class Validation:
    """What Great Expectations gave for a load.

    Attributes:
        load_id: The load.
        result: As it is kept: `ExpectationSuiteValidationResult.to_json_dict()`.
    """

    load_id: str
    result: Mapping[str, Any]


def write_data_docs(folder: Path, *, newest: int = NEWEST) -> Path:
    """Writes the pages of each table's newest validations, and into the reports bucket.

    Args:
        folder: Where to; it is made. Pages of older loads that are there stay, the index leaves them out.
        newest: How many validations of a table, at least 1.

    Returns:
        The index.

    Raises:
        ValueError: `newest` is less than 1.
    """
    if newest < 1:
        raise ValueError(f"{newest} validations of a table: at least 1 can be shown")
    validations = {table: _kept(table, newest) for table in LAKE_TABLES}
    with TemporaryDirectory() as made:
        for name, page in data_docs(validations).items():
            file = Path(made, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(page, encoding="utf-8")
        lake.write_folder(Path(made), setting("REPORTS_BUCKET"), f"{PREFIX}{FOLDER}/")
        shutil.copytree(made, folder, dirs_exist_ok=True)
    return folder / INDEX


def fetch_data_docs(folder: Path) -> bool:
    """Brings the pages that the reports bucket has, those that its index lists, into a folder.

    Returns:
        Whether there are any: before the first were written there are none.
    """
    if not bring(f"{PREFIX}{FOLDER}/{INDEX}", folder / INDEX):
        return False
    for name in re.findall(r'href="(\w+/[^"]+)"', (folder / INDEX).read_text(encoding="utf-8")):
        if not (folder / name).exists():
            bring(f"{PREFIX}{FOLDER}/{name}", folder / name)
    return True


def _kept(table: str, newest: int) -> list[Validation]:
    """The newest results of a table, newest first: a load's id begins with its time."""
    bucket = setting("REPORTS_BUCKET")
    keys = sorted(key for key in lake.keys_under(bucket, f"{PREFIX}{table}/") if key.endswith(".json"))
    return [
        Validation(Path(key).stem, json.loads(lake.read(bucket, key))) for key in keys[: -newest - 1 : -1]
    ]


def data_docs(validations: Mapping[str, Sequence[Validation]]) -> dict[str, str]:
    """The pages by their path.

    Args:
        validations: By lake table, newest first.
    """
    pages = {INDEX: _page("Data Docs", validations=validations)}
    if not any(validations.values()):
        return pages
    new_context()  # the renderers ask the context in force
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own deprecations are not ours to mend
        for table, of_table in validations.items():
            for each in of_table:
                sections = _validation(table, each.result)
                pages[f"{table}/{each.load_id}.html"] = _page(f"{table}, load {each.load_id}", sections)
            if of_table:
                title = f"Expectations of {table}"
                pages[f"expectations/{table}.html"] = _page(title, _suite(table, of_table[0].result))
    return pages


def _validation(table: str, result: Mapping[str, Any]) -> list[Markup]:
    from great_expectations.render.renderer import ValidationResultsPageRenderer  # noqa: PLC0415 - seconds

    loaded = _loaded(result)
    # A frame in memory has no name of its own, and the page would say "Data asset: None".
    loaded.meta["batch_spec"] = {**(loaded.meta.get("batch_spec") or {}), "data_asset_name": table}
    return _drawn(ValidationResultsPageRenderer().render(loaded))


def _suite(table: str, result: Mapping[str, Any]) -> list[Markup]:
    from great_expectations import ExpectationSuite  # noqa: PLC0415 - seconds
    from great_expectations.render.renderer import ExpectationSuitePageRenderer  # noqa: PLC0415

    expectations = [each.expectation_config for each in _loaded(result).results]
    return _drawn(ExpectationSuitePageRenderer().render(ExpectationSuite(table, expectations=expectations)))


def _loaded(result: Mapping[str, Any]) -> Any:
    from great_expectations.core.expectation_validation_result import (  # noqa: PLC0415 - seconds
        expectationSuiteValidationResultSchema,
    )

    # It writes what was found into its pages as it is, and it changes what it loads.
    found = [{**each, "result": _escaped(each["result"])} for each in result["results"]]
    return expectationSuiteValidationResultSchema.load({**result, "results": found})


def _escaped(found: Any) -> Any:
    """What an expectation found, with every text in it as HTML says it."""
    if isinstance(found, str):
        return escape(found)
    if isinstance(found, Mapping):
        return {name: _escaped(value) for name, value in found.items()}
    return [_escaped(value) for value in found] if isinstance(found, list) else found


@cache
def _view() -> Any:
    from great_expectations.render.view.view import DefaultJinjaSectionView  # noqa: PLC0415 - seconds

    return DefaultJinjaSectionView()


def _drawn(document: Any) -> list[Markup]:
    """The sections of a page of Great Expectations, without the page around them."""
    drawn = (
        _view().render({"section": section.to_json_dict(), "section_loop": {"index": number}})
        for number, section in enumerate(document.sections, start=1)
    )
    return [Markup(_in_our_page(text)) for text in drawn]  # noqa: S704 - `_escaped`


def _in_our_page(section: str) -> str:
    """A section with links from where ours lies, and headings that follow our page's title."""
    for its, ours in (("h5", "h2"), ("h6", "h3")):
        section = section.replace(f"<{its}", f"<{ours}").replace(f"</{its}>", f"</{ours}>")
    return section.replace(_ITS_ROOT, "../")


def _page(
    title: str,
    sections: Iterable[Markup] = (),
    validations: Mapping[str, Sequence[Validation]] | None = None,
) -> str:
    template = environment().get_template("data_docs.html.j2")
    return template.render(title=title, sections=list(sections), validations=validations)
