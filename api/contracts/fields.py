"""Types of fields that several bodies share, with what the OpenAPI document says of them."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from transforms import keys
from transforms.students import GRADUATION_YEARS, LONGEST_NAME

_NUMBER = {"type": "number", "format": "decimal"}
Identifier = Annotated[str, Meta(pattern=keys.IDENTIFIER, description="Letters, digits, `_` and `-` (1–64).")]
Score = Annotated[
    Decimal, Meta(extra_json_schema={**_NUMBER, "minimum": 0, "maximum": 100, "multipleOf": 0.001})
]
Number = Annotated[Decimal, Meta(extra_json_schema=_NUMBER)]
Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
Year = Annotated[int, Meta(ge=GRADUATION_YEARS[0], le=GRADUATION_YEARS[-1])]
Version = Annotated[int, Meta(ge=1, le=999_999)]
LocalDate = datetime.date  # a field named `date` hides the type of that name
