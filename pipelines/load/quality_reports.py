"""The gate's reports as one site of many loads, in a folder and in the reports bucket.

Great Expectations builds a site of one run and empties its folder first, so each load's site is
built aside and its pages are added here, under an index of our own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from html import escape
from pathlib import Path

from adapters import lake
from adapters.settings import setting

PREFIX = "quality/"
_ASSETS = "static/"  # 4 MB of styles and scripts, the same for every run
_PAGES = "validations/"

_INDEX = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Quality of the loads</title>
<style>body {{ font: 1rem/1.5 system-ui; margin: 2rem auto; max-width: 48rem; padding: 0 1rem }}</style>
</head>
<body>
<h1>Quality of the loads</h1>
<p>What every load was judged by and what was found, newest first. No page shows a value of any row.</p>
<ul>
{reports}
</ul>
</body>
</html>
"""


def keep(site: Path, docs: Path | None) -> None:
    """Adds the site of one load to the reports bucket, and to a folder.

    Args:
        site: What Great Expectations wrote.
        docs: The folder; None adds to the bucket alone.
    """
    bucket = setting("REPORTS_BUCKET")
    lake.write_folder(site, bucket, PREFIX, once=(_ASSETS,))
    pages = [key.removeprefix(PREFIX) for key in lake.keys_under(bucket, f"{PREFIX}{_PAGES}")]
    lake.write(bucket, f"{PREFIX}index.html", index(pages).encode(), "text/html")
    if docs is not None:
        shutil.copytree(site, docs, dirs_exist_ok=True)
        found = (page.relative_to(docs).as_posix() for page in (docs / _PAGES).rglob("*.html"))
        (docs / "index.html").write_text(index(found))


def index(pages: Iterable[str]) -> str:
    """The page that lists the reports, newest load first.

    Args:
        pages: Their paths: `validations/{table}/{load_id}/{time}/….html`.
    """
    rows = []
    for page in sorted(pages, key=lambda path: path.split("/")[2], reverse=True):
        _, table, load_id, *_ = page.split("/")
        rows.append(f'<li><a href="{escape(page)}">{escape(load_id)}</a> {escape(table)}</li>')
    return _INDEX.format(reports="\n".join(rows))
