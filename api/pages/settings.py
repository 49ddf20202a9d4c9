"""What the pages are told about their surroundings."""

from __future__ import annotations

import os


def development_login() -> bool:
    """Whether `/login` takes a pasted token and a cookie may hold it.

    `LUCA_DEVELOPMENT_LOGIN=on`; anything else, and so every deployment that does not say it, is no.
    """
    return os.environ.get("LUCA_DEVELOPMENT_LOGIN", "") == "on"
