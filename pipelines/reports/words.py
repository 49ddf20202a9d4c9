"""The words of the reports in Spanish, by the English ones that stand in the templates."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from pipelines.reports import words_of_audits, words_of_trends


class Language(StrEnum):
    """A language of the reports."""

    EN = "en"
    ES = "es"


Say = Callable[[str], str]
"""An English text in the language of a page."""


class UnsaidError(KeyError):
    """A text that has no Spanish."""


def say_in(language: Language) -> Say:
    """What turns an English text of a template into that language's.

    Raises (when called):
        UnsaidError: Nobody has written it in Spanish yet.
    """
    return (lambda english: english) if language is Language.EN else _spanish


def _spanish(english: str) -> str:
    try:
        return SPANISH[english]
    except KeyError:
        raise UnsaidError(f"{english!r} has no Spanish: add it to pipelines/reports/words.py") from None


SPANISH = {
    **words_of_audits.SPANISH,
    **words_of_trends.SPANISH,
    # every page
    "Written %(moment)s UTC.": "Escrito el %(moment)s UTC.",
    "En español": "In English",  # a link to the other language is in that language
    "School": "Escuela",
    "Week": "Semana",
    "Students": "Alumnos",
    "Events": "Eventos",
    "Points": "Puntos",
    "Points a student": "Puntos por alumno",
    "Attendance": "Asistencia",
    "Rising": "Suben",
    "Steady": "Estables",
    "Falling": "Bajan",
    "Rows": "Filas",
    "Rule": "Regla",
    "Why": "Por qué",
    "all": "todas",
    "none": "ninguna",
    # the report of a school
    "%(school)s: weekly report": "%(school)s: informe semanal",
    "%(first)s to %(last)s. For the school's own staff: classes are small, and their numbers are shown as "
    "they are. No student is named.": "%(first)s a %(last)s. Para el personal de la escuela: los grupos son "
    "pequeños y sus cifras se muestran tal cual. No se nombra a ningún alumno.",
    "students this week": "alumnos esta semana",
    "events this week": "eventos esta semana",
    "attendance this week": "asistencia esta semana",
    "points a student": "puntos por alumno",
    "falling": "bajan",
    "early warnings": "alertas tempranas",
    "Points a student, week by week": "Puntos por alumno, semana a semana",
    "Sum of the week's points over the students of the roster who had any event so far. Grey: no school.": (
        "Suma de los puntos de la semana entre los alumnos que han tenido algún evento. Gris: sin clases."
    ),
    "Attendance, week by week": "Asistencia, semana a semana",
    "Mean over the students: present or late, of all that was not excused.": (
        "Media de los alumnos: presente o con retardo, de todo lo no justificado."
    ),
    "Students who rise and fall": "Alumnos que suben y bajan",
    "Their points of the latest week against the weeks before.": (
        "Sus puntos de la última semana frente a las anteriores."
    ),
    "What happened in the week": "Qué pasó en la semana",
    "Events of the latest week, by type.": "Eventos de la última semana, por tipo.",
    "Classes and subjects of the latest week": "Grupos y materias de la última semana",
    "Class": "Grupo",
    "Subject": "Materia",
    "Absences": "Faltas",
    "Late": "Retardos",
    "Positive conduct": "Conducta positiva",
    "Negative conduct": "Conducta negativa",
    "Nothing was reported for a class in this week.": "En esta semana no se registró nada de ningún grupo.",
    "Early warnings of the latest week": "Alertas tempranas de la última semana",
    "A warning is a reason to look at a student's weeks, not a judgement. Students are counted, not named.": (
        "Una alerta invita a mirar las semanas de un alumno, no lo juzga. Se cuentan alumnos, no se nombran."
    ),
    "No student meets a rule in this week.": "Ningún alumno cumple una regla en esta semana.",
    "Quality of what was sent": "Calidad de lo enviado",
    "The last four weeks. Landed = duplicate + quarantined + published.": (
        "Las últimas cuatro semanas. Llegadas = repetidas + en cuarentena + publicadas."
    ),
    "Table": "Tabla",
    "Loads": "Cargas",
    "Landed": "Llegadas",
    "Duplicate": "Repetidas",
    "Quarantined": "En cuarentena",
    "Published": "Publicadas",
    "Last published": "Última publicación",
    "Broken rules": "Reglas incumplidas",
    "No load had rows of this school.": "Ninguna carga tuvo filas de esta escuela.",
    "What is kept, and until when": "Qué se guarda y hasta cuándo",
    "Rows of the lake by year of graduation; two years after it nothing is left.": (
        "Filas del lago por año de egreso; dos años después no queda nada."
    ),
    "Graduation": "Egreso",
    "Removed on": "Se elimina el",
    "unknown": "desconocido",
    "by the year of each row": "según el año de cada fila",
    "Where the numbers come from": "De dónde salen las cifras",
    "Each command lists the pseudonymised events behind a row: their points add up to its points, and its "
    "other figures are counted from the same events.": "Cada orden enumera los eventos seudonimizados que "
    "hay detrás de una fila: sus puntos suman los de la fila, y sus demás cifras se cuentan de los mismos "
    "eventos.",
    "Each command lists the pseudonymised students behind a number: it counts them, or is the mean over "
    "them. The data dictionary says what each column means.": "Cada orden enumera los alumnos "
    "seudonimizados que hay detrás de una cifra: los cuenta, o es su media. El diccionario de datos dice "
    "qué es cada columna.",
    "As of %(moment)s UTC: what came later is not in it yet.": (
        "Al %(moment)s UTC: lo que llegó después todavía no está."
    ),
    "This week is final.": "Esta semana es definitiva.",
    "This week may still change.": "Esta semana aún puede cambiar.",
    # the platform's report
    "Events in the week": "Eventos en la semana",
    "Attendance, mean over students": "Asistencia, media de los alumnos",
    "Points against the weeks before": "Puntos frente a las semanas anteriores",
    "Hour at the school": "Hora en la escuela",
    "Week of": "Semana del",
    "Mon": "lun",
    "Tue": "mar",
    "Wed": "mié",
    "Thu": "jue",
    "Fri": "vie",
    "Sat": "sáb",
    "Sun": "dom",
    "sent": "enviados",
    "rejected": "rechazados",
    "duplicates": "repetidos",
    "stored": "guardados",
    "landed": "llegados",
    "quarantined": "en cuarentena",
    "discarded": "descartados",
    "in lake": "en el lago",
    "in trends": "en las tendencias",
    "Quality of the lake": "Calidad del lago",
    "rules and schools day by day, and each load": "reglas y escuelas día a día, y cada carga",
    "dbt docs": "Documentación de dbt",
    "each column of each mart, and the lineage": "cada columna de cada mart, y el linaje (en inglés)",
    "Weekly behaviour": "Comportamiento semanal",
    "Luca: weekly behaviour": "Luca: comportamiento semanal",
    "Students appear as pseudonyms only, and not on this page at all.": (
        "De los alumnos solo existen seudónimos, y en esta página ni eso."
    ),
    "%(first)s to %(last)s, one school.": "%(first)s a %(last)s, una escuela.",
    "%(first)s to %(last)s, %(count)s schools.": "%(first)s a %(last)s, %(count)s escuelas.",
    "schools": "escuelas",
    "students in the last week": "alumnos en la última semana",
    "events": "eventos",
    "weeks": "semanas",
    "attendance": "asistencia",
    "rising": "suben",
    "steady": "estables",
    "falling in the last week": "bajan en la última semana",
    "Events a week": "Eventos por semana",
    "All events of a school; the last week may not be over.": (
        "Todos los eventos de una escuela; la última semana puede no haber terminado."
    ),
    "Who rises, who falls": "Quién sube, quién baja",
    "Students of each school's last week, by their points against the weeks before.": (
        "Alumnos de la última semana de cada escuela, según sus puntos frente a las semanas anteriores."
    ),
    "When it happens": "Cuándo ocurre",
    "By the schools' own clocks and calendars.": "Según el reloj y el calendario de cada escuela.",
    "What happens": "Qué ocurre",
    "Events by type, over all weeks.": "Eventos por tipo, en todas las semanas.",
    "Present or late, of all that was not excused.": "Presente o con retardo, de todo lo no justificado.",
    "Each school's last week": "La última semana de cada escuela",
    "The week in which the school's newest event lies; it may not be over yet. A name leads to its report.": (
        "La semana del evento más reciente de la escuela; puede no haber terminado. "
        "El nombre lleva a su informe."
    ),
    "Weeks that changed after they were final": "Semanas que cambiaron siendo ya definitivas",
    "Weeks that changed after they were final: %(weeks)s (schools: %(schools)s).": (
        "Semanas que cambiaron siendo ya definitivas: %(weeks)s (escuelas: %(schools)s)."
    ),
    "All are counted.": "Todas están contadas.",
    "Not counted yet: %(waiting)s; run %(command)s": "Sin contar todavía: %(waiting)s; ejecute %(command)s",
    "Published (UTC)": "Publicadas (UTC)",
    "Counted": "Contadas",
    "not yet": "todavía no",
    "yes": "sí",
    "Each command lists the late rows behind a number.": (
        "Cada orden enumera las filas tardías que hay detrás de una cifra."
    ),
    "No final week has changed.": "Ninguna semana definitiva ha cambiado.",
    "Only %(listed)s of %(count)s are listed, those not counted yet first, then the newest. All of them:": (
        "Solo aparecen %(listed)s de %(count)s, primero las que faltan por contar y luego las más recientes. "
        "Todas:"
    ),
    "Completeness": "Integridad",
    "The day %(day)s does not add up.": "El día %(day)s no cuadra.",
    "The day %(day)s adds up.": "El día %(day)s cuadra.",
    "Audited %(moment)s UTC. Every event that a school sent was rejected, repeated or stored; what is stored "
    "is in the lake, in quarantine or on its way.": "Auditado el %(moment)s UTC. Todo evento que envió una "
    "escuela fue rechazado, repetido o guardado; lo guardado está en el lago, en cuarentena o en camino.",
    "repeated": "repetidos",
    "in flight": "en camino",
    "held": "retenidos",
    "missing": "perdidos",
    "No day has been audited yet.": "Todavía no se ha auditado ningún día.",
    "Retention": "Conservación",
    "critical": "crítica",
    "warning": "advertencia",
    "info": "informativa",
    "Findings of the audit of %(moment)s UTC, as of %(day)s: %(objects)s objects, %(size)s.": (
        "Hallazgos de la auditoría del %(moment)s UTC, al %(day)s: %(objects)s objetos, %(size)s."
    ),
    "The page of the audit": "La página de la auditoría",
    "What goes when": "Qué se elimina y cuándo",
    "Year": "Año",
    "Bytes": "Bytes",
    "nothing removes it": "nada lo elimina",
    "What lies in which cohort": "Qué hay en cada generación",
    "Nobody has audited yet what is kept.": "Todavía no se ha auditado lo que se conserva.",
    "The books": "Las cuentas",
    "Rejected, by reason:": "Rechazados, por motivo:",
    "Loads and their quality": "Las cargas y su calidad",
    "Every load is judged before it is published; rows of a school that breaks a critical rule wait in "
    "quarantine.": "Cada carga se juzga antes de publicarse; las filas de una escuela que incumple una regla "
    "crítica esperan en cuarentena.",
    "Load": "Carga",
    "State": "Estado",
    "Files": "Archivos",
    "More": "Más",
    "A student is rising or falling by the rule of the mart weekly_student_behavior; the data dictionary "
    "says it.": "Un alumno sube o baja según la regla del mart weekly_student_behavior; la dice el "
    "diccionario de datos.",
}
