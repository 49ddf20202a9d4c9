"""Invented people: names that are common where the invented schools stand, put together by chance."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

GIVEN = (
    *("Ana", "Camila", "Carmen", "Daniela", "Elena", "Fernanda", "Inés", "Isabel", "Jimena", "Julia"),
    *("Lucía", "María José", "Martina", "Paula", "Renata", "Sofía", "Valentina", "Ximena", "Yolanda", "Zoé"),
    *("Alejandro", "Álvaro", "Andrés", "Bruno", "Diego", "Emiliano", "Gabriel", "Hugo", "Iker", "Joaquín"),
    *("José Luis", "Leonardo", "Mateo", "Miguel Ángel", "Nicolás", "Óscar", "Rodrigo", "Santiago", "Tomás"),
)
FAMILY = (
    *("Aguilar", "Álvarez", "Benítez", "Castillo", "Cruz", "Delgado", "Díaz", "Espinoza", "Fernández"),
    *("Flores", "García", "Gómez", "Guzmán", "Hernández", "Ibáñez", "Jiménez", "López", "Martínez"),
    *("Mendoza", "Morales", "Muñoz", "Navarro", "Núñez", "Ortega", "Peña", "Pérez", "Quispe", "Ramírez"),
    *("Reyes", "Rojas", "Ruiz", "Salazar", "Sánchez", "Soto", "Torres", "Vargas", "Vázquez", "Zúñiga"),
)


class Name(NamedTuple):
    """A person's name, as a class list has it.

    Attributes:
        given: One given name, or two.
        family: Both family names.
    """

    given: str
    family: str


def invented_name(random: Random) -> Name:
    """A name of nobody in particular.

    Args:
        random: The same state gives the same name.
    """
    return Name(random.choice(GIVEN), f"{random.choice(FAMILY)} {random.choice(FAMILY)}")
