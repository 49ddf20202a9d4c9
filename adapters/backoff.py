"""How long to wait before a call is tried again."""

from __future__ import annotations

import random


def jittered(first: float, attempt: int) -> float:
    """Seconds to wait before an attempt: at random, up to a bound that doubles with each.

    So those that were refused together do not come back together ("full jitter",
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).

    Args:
        first: Seconds; the bound is `first * 2**attempt`.
        attempt: 1 for the first repetition.
    """
    return random.uniform(0, first * 2**attempt)  # noqa: S311 - jitter is no secret
