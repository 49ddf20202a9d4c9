"""All operations of the API, in the order in which the documentation teaches them."""

from __future__ import annotations

from api.routes import classes, configuration, evaluations, profile, students

OPERATIONS = (
    *evaluations.OPERATIONS,
    *profile.OPERATIONS,
    *classes.OPERATIONS,
    *students.OPERATIONS,
    *configuration.OPERATIONS,
)
