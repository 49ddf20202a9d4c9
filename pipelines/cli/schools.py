"""`luca schools`: the schools that the platform knows."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.progress import console

app = typer.Typer(help="The schools that the platform knows.", no_args_is_help=True)


class KnownSchoolError(ValueError):
    """The school is there already."""


@app.callback()
def schools() -> None:
    """The schools that the platform knows: of no other does it take events."""


@app.command()
def create(
    school: Annotated[str, typer.Argument(help="Its identifier, as its tokens say it.")],
    time_zone: Annotated[str, typer.Option(help="IANA name: decides the local date of every event.")],
) -> None:
    """Make a school, with the platform's rules of points, and its pseudonym key. Safe to repeat."""
    from adapters.pseudonym_keys import create_key
    from adapters.table import put_school
    from adapters.table import school as known
    from transforms.schools import School

    wanted = School(school, time_zone)
    found = known(school)
    if found is not None and found != wanted:
        raise KnownSchoolError(
            f"school {school!r} is there already, in {found.time_zone} with version {found.version} of its "
            "configuration: change that by PUT /config/school"
        )
    try:
        version = create_key(school).version  # first: no event of it may come without a key
    except FileExistsError:
        version = 0
    put_school(wanted)
    key = f"pseudonym key v{version}" if version else "the pseudonym key that it had"
    console.print(f"school {school} in {time_zone}, with {key}")
