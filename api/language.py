"""The words that people read, in Spanish and English, chosen by `Accept-Language`."""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from functools import lru_cache


class Language(StrEnum):
    """A language of the platform; the first is the one of who asks for no other."""

    ES = "es"
    EN = "en"


# One and many, of events in a week; the outcome is what the rules give points to.
_OUTCOMES: dict[Language, dict[str, tuple[str, str]]] = {
    Language.ES: {
        "attendance.present": ("asistencia", "asistencias"),
        "attendance.late": ("retardo", "retardos"),
        "attendance.absent": ("falta", "faltas"),
        "attendance.excused": ("falta justificada", "faltas justificadas"),
        "participation": ("participación", "participaciones"),
        "activity_completed": ("actividad completada", "actividades completadas"),
        "class_response": ("respuesta en clase", "respuestas en clase"),
        "assignment_submitted": ("tarea entregada", "tareas entregadas"),
        "help_request": ("petición de ayuda", "peticiones de ayuda"),
        "conduct.positive": ("conducta positiva", "conductas positivas"),
        "conduct.neutral": ("conducta neutra", "conductas neutras"),
        "conduct.negative": ("conducta negativa", "conductas negativas"),
    },
    Language.EN: {
        "attendance.present": ("attendance", "attendances"),
        "attendance.late": ("late arrival", "late arrivals"),
        "attendance.absent": ("absence", "absences"),
        "attendance.excused": ("excused absence", "excused absences"),
        "participation": ("participation", "participations"),
        "activity_completed": ("completed activity", "completed activities"),
        "class_response": ("answer in class", "answers in class"),
        "assignment_submitted": ("submitted assignment", "submitted assignments"),
        "help_request": ("request for help", "requests for help"),
        "conduct.positive": ("positive conduct", "positive conducts"),
        "conduct.neutral": ("neutral conduct", "neutral conducts"),
        "conduct.negative": ("negative conduct", "negative conducts"),
    },
}
_THIS_WEEK = {Language.ES: "{} esta semana", Language.EN: "{} this week"}
OUTCOMES = tuple(_OUTCOMES[Language.ES])


def plain(text: str) -> str:
    """Lower case without accents: `pena` finds Peña."""
    split = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in split if not unicodedata.combining(character))


def alphabetical(text: str) -> str:
    """What to sort a name by: Álvarez stands beside Alvarez, and Ñ after all that begins with N."""
    return plain(unicodedata.normalize("NFC", text.casefold()).replace("ñ", "n\uffff"))


def count_this_week(count: int, outcome: str, language: Language) -> str:
    """`5 participaciones esta semana`."""
    return _THIS_WEEK[language].format(in_words(count, outcome, language))


def in_words(count: int, outcome: str, language: Language) -> str:
    """`5 participaciones`."""
    one, many = _OUTCOMES[language].get(outcome, (outcome, outcome))
    return f"{count} {one if count == 1 else many}"


@lru_cache(512)
def preferred(accept_language: str) -> Language:
    """The language of an `Accept-Language` header that we have; Spanish where it names none of ours.

    https://www.rfc-editor.org/rfc/rfc9110#field.accept-language
    """
    best, best_quality = Language.ES, 0.0
    for part in accept_language[:500].split(","):
        tag, _, parameters = part.strip().partition(";")
        name = tag.strip().lower().split("-", 1)[0]
        if name not in set(Language):
            continue
        quality = _quality(parameters)
        if quality > best_quality:
            best, best_quality = Language(name), quality
    return best


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
