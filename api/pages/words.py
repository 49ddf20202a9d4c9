"""The words of the pages, in Spanish and English: one line a phrase, both languages side by side."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from api.language import Language

_PHRASES: dict[str, tuple[str, str]] = {
    # every page
    "skip": ("Ir al contenido", "Skip to the content"),
    "main_menu": ("Principal", "Main"),
    "students": ("Alumnos", "Students"),
    "log_out": ("Salir", "Log out"),
    # a student's page
    "of_class": ("Grupo {}", "Class {}"),
    "generation": ("Generación {}", "Class of {}"),
    "week_of": ("Semana del {} al {}", "Week of {} to {}"),
    "this_week": ("esta semana", "this week"),
    "week_nav": ("Cambiar de semana", "Change the week"),
    "week_before": ("Semana anterior", "Previous week"),
    "week_after": ("Semana siguiente", "Next week"),
    "score": ("Puntaje", "Score"),
    "points_one": ("{} punto", "{} point"),
    "points_many": ("{} puntos", "{} points"),
    "score_is": (
        "El puntaje suma los puntos de {} eventos. Abre cada renglón para ver cuándo ocurrió cada uno.",
        "The score sums the points of {} events. Open a line to see when each of them happened.",
    ),
    "score_is_one": (
        "El puntaje son los puntos de un solo evento. Abre el renglón para ver cuándo ocurrió.",
        "The score is the points of a single event. Open the line to see when it happened.",
    ),
    "no_events": ("Sin eventos en esta semana.", "No events in this week."),
    "kept_since": (
        "Aquí se ven los eventos desde el {}; los anteriores están solo en los informes.",
        "Events are shown here since {}; older ones are only in the reports.",
    ),
    "when": ("Cuándo", "When"),
    "points": ("Puntos", "Points"),
    "rule": ("Regla", "Rule"),
    "rule_version": ("versión {}", "version {}"),
    "subject": ("Materia", "Subject"),
    "reported_by": ("Registró", "Reported by"),
    "total": ("Total", "Total"),
    "download": ("Descargar la semana (CSV)", "Download the week (CSV)"),
    "all_times": ("Horas locales de la escuela ({}).", "Local times of the school ({})."),
    "last_weeks": ("Últimas semanas", "The last weeks"),
    "chart_title": ("Puntaje por semana", "Score by week"),
    "chart_text": ("Puntaje de cada semana: {}.", "Score of each week: {}."),
    "chart_point": ("semana del {}: {}", "week of {}: {}"),
    "chart_table": ("Ver como tabla", "Show as a table"),
    "week": ("Semana", "Week"),
    "analysis": ("Análisis semanal", "Weekly analysis"),
    "analysis_text": (
        "Semanas completas, cada una frente a las cuatro anteriores. Esta semana está arriba, al momento.",
        "Whole weeks, each against the four before it. This week is above, as it happens.",
    ),
    "no_analysis": (
        "Todavía no se ha analizado ninguna semana de este alumno.",
        "No week of this student has been analysed yet.",
    ),
    "trend": ("Tendencia", "Trend"),
    "trend_rising": ("Al alza", "Rising"),
    "trend_steady": ("Estable", "Steady"),
    "trend_falling": ("A la baja", "Falling"),
    "trend_unknown": ("No comparable", "Not comparable"),
    "against_before": ("Frente a la anterior", "Against the week before"),
    "attendance_4w": ("Asistencia en 4 semanas", "Attendance over 4 weeks"),
    "notices": ("Avisos", "Warnings"),
    "no_school": ("sin clases", "no school"),
    "provisional": ("puede cambiar", "may change"),
    "as_of": (
        "Con los eventos recibidos hasta el {}; los atrasados cambian las semanas recientes.",
        "With the events received until {}; late ones change the recent weeks.",
    ),
    "warning_rules": ("Avisos según la versión {} de sus reglas.", "Warnings by version {} of their rules."),
    "warnings_now": ("Avisos de la semana del {}:", "Warnings of the week of {}:"),
    "warning_chronic_absence": (
        "faltó a una décima parte o más de las clases en ocho semanas",
        "missed a tenth or more of school in eight weeks",
    ),
    "warning_absent_week_after_week": (
        "faltas sin justificar tres semanas seguidas",
        "unexcused absences three weeks in a row",
    ),
    "warning_falling_points": ("sus puntos bajan semana tras semana", "points fall week after week"),
    "warning_repeated_misconduct": (
        "tres reportes de conducta o más en cuatro semanas",
        "three reports of conduct or more in four weeks",
    ),
    "warning_no_homework": ("no entregó tareas en cuatro semanas", "handed nothing in for four weeks"),
    "warning_silent": ("tres semanas de clases sin ningún evento", "three school weeks without any event"),
    "grades": ("Calificaciones", "Grades"),
    "period": ("Periodo", "Period"),
    "period_span": ("Del {} al {}.", "From {} to {}."),
    "nightly": (
        "Las calificaciones se calculan cada noche: lo que se registra hoy cuenta mañana.",
        "Grades are calculated every night: what is recorded today counts tomorrow.",
    ),
    "no_period": (
        "La escuela aún no ha definido sus periodos, así que no hay calificaciones.",
        "The school has not defined its periods yet, so there are no grades.",
    ),
    "no_grades": (
        "Todavía no hay evaluaciones en este periodo.",
        "There are no evaluations in this period yet.",
    ),
    "passed": ("Aprobada", "Passing"),
    "failed": ("No aprobada", "Not passing"),
    "no_score": ("Sin calificación todavía", "No grade yet"),
    "passes_from": ("Se aprueba con {} o más.", "Passing is {} or more."),
    "how": ("Cómo se obtuvo", "How it came about"),
    "evaluation": ("Evaluación", "Evaluation"),
    "kind": ("Tipo", "Type"),
    "day": ("Fecha", "Date"),
    "result": ("Resultado", "Result"),
    "weight": ("Peso", "Weight"),
    "adds": ("Aporta", "Adds"),
    "mean": ("Promedio", "Mean"),
    "how_many": ("Evaluaciones", "Evaluations"),
    "sum_rounded": ("Suma {}, que se redondea a {}.", "The sum is {}, which is rounded to {}."),
    "sum_exact": ("La suma es la calificación: {}.", "The sum is the grade: {}."),
    "thirds": (
        "Los pesos y aportes se muestran con dos decimales; la suma se hace con los valores exactos.",
        "Weights and contributions are shown with two decimals; the sum is made of the exact values.",
    ),
    "by_type": (
        "Hay cambios desde el último cálculo; esta es la calificación como se calculó entonces, por tipo.",
        "Something changed since the last calculation; this is the grade as it was made then, by type.",
    ),
    "calculated": (
        "Calculada el {} con la versión {} de las reglas.",
        "Calculated on {} with version {} of the rules.",
    ),
    "of_evaluation_pending": ("cuenta desde mañana", "counts from tomorrow"),
    "of_evaluation_corrected": (
        "corregida: la corrección cuenta desde mañana",
        "corrected: counts from tomorrow",
    ),
    "of_evaluation_removed": ("retirada: deja de contar mañana", "taken out: stops counting tomorrow"),
    "of_evaluation_unweighted_type": ("no cuenta: su tipo no tiene peso", "does not count: no weight"),
    "of_evaluation_outside_period": (
        "no cuenta: fuera del periodo",
        "does not count: outside of the period",
    ),
    # the list
    "all_classes": ("Todos los grupos", "All classes"),
    "class_": ("Grupo", "Class"),
    "search": ("Buscar por nombre o clave", "Search by name or id"),
    "show": ("Mostrar", "Show"),
    "name": ("Nombre", "Name"),
    "participations": ("Participaciones", "Participations"),
    "absences": ("Faltas", "Absences"),
    "lates": ("Retardos", "Late"),
    "failing": ("Materias no aprobadas", "Subjects not passing"),
    "list_caption": (
        "{} alumnos, semana del {} al {}. Los encabezados ordenan la tabla.",
        "{} students, week of {} to {}. The headings sort the table.",
    ),
    "nobody": ("Ningún alumno coincide con la búsqueda.", "No student matches the search."),
    "nobody_yet": (
        "La escuela todavía no tiene alumnos en la plataforma. Un administrador importa la lista.",
        "The school has no students on the platform yet. An administrator imports the list.",
    ),
    "too_many": (
        "Son más de {} alumnos: elige un grupo para ordenar por esa columna. Están por nombre.",
        "There are more than {} students: choose a class to sort by that column. They are sorted by name.",
    ),
    "pages": ("Páginas", "Pages"),
    "page_of": ("Página {} de {}", "Page {} of {}"),
    "page_before": ("Página anterior", "Previous page"),
    "page_after": ("Página siguiente", "Next page"),
    "download_list": ("Descargar la lista (CSV)", "Download the list (CSV)"),
    "sorted_by": ("ordenado", "sorted"),
    # login
    "log_in": ("Entrar", "Log in"),
    "log_in_title": ("Entrar con un token", "Log in with a token"),
    "log_in_text": (
        "Esta entrada es para desarrollo. Un token se obtiene con",
        "This login is for development. A token is printed by",
    ),
    "token": ("Token", "Token"),
    "token_refused": (
        "Ese token no es válido: puede haber vencido o ser de otra plataforma. Pide uno nuevo.",
        "That token does not hold: it may have expired or belong to another platform. Ask for a new one.",
    ),
    "logged_out": ("Has salido.", "You have logged out."),
    # problems
    "problem_number": ("Número de la solicitud: {}", "Number of the request: {}"),
    "back": ("Volver al inicio", "Back to the start"),
    "problem_unauthenticated": ("Hace falta identificarse", "You need to log in"),
    "remedy_unauthenticated": (
        "Entra de nuevo con tu cuenta de la escuela.",
        "Log in again with your account of the school.",
    ),
    "problem_forbidden": ("No tienes acceso a esta página", "You have no access to this page"),
    "remedy_forbidden": (
        "Un alumno ve solo su propia página; un maestro, las de su escuela.",
        "A student sees their own page only; a teacher, those of their school.",
    ),
    "problem_not-found": ("No existe en esta escuela", "There is no such thing in this school"),
    "remedy_not-found": (
        "Revisa la clave del alumno o el periodo en la dirección.",
        "Check the student's id or the period in the address.",
    ),
    "problem_invalid": ("La dirección no se entiende", "The address makes no sense"),
    "remedy_invalid": (
        "Una parte de la dirección no es válida. Vuelve al inicio y sigue los enlaces.",
        "A part of the address is not valid. Go back to the start and follow the links.",
    ),
    "problem_unavailable": ("Ahora mismo no hay respuesta", "There is no answer right now"),
    "remedy_unavailable": (
        "Nada se ha perdido. Espera unos segundos y vuelve a cargar la página.",
        "Nothing is lost. Wait a few seconds and load the page again.",
    ),
    "problem_fault": ("Algo falló de nuestro lado", "Something failed on our side"),
    "remedy_fault": (
        "Ya quedó registrado. Si se repite, comunica el número de la solicitud.",
        "It is on record. If it happens again, tell us the number of the request.",
    ),
}
_SAME_WORDS = {"busy": "unavailable"}
_TYPES: dict[str, tuple[str, str]] = {
    "exam": ("Examen", "Exam"),
    "homework": ("Tarea", "Homework"),
    "quiz": ("Prueba corta", "Quiz"),
    "project": ("Proyecto", "Project"),
    "participation": ("Participación", "Participation"),
}
_DAYS = (("lun", "mar", "mié", "jue", "vie", "sáb", "dom"), ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))
_MONTHS = (
    ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_PLACE = {Language.ES: 0, Language.EN: 1}
_WORDS = {
    language: MappingProxyType({name: both[place] for name, both in _PHRASES.items()})
    for language, place in _PLACE.items()
}


def words(language: Language) -> Mapping[str, str]:
    """All phrases in a language, by name."""
    return _WORDS[language]


def problem_words(slug: str, language: Language) -> tuple[str, str]:
    """What a kind of problem is called, and what a person does about it."""
    name = _SAME_WORDS.get(slug, slug)
    if f"problem_{name}" not in _PHRASES:
        name = "fault"
    return _WORDS[language][f"problem_{name}"], _WORDS[language][f"remedy_{name}"]


def type_of_evaluation(code: str, language: Language) -> str:
    """A school's code of a type in words, where it is a usual one; else the code."""
    both = _TYPES.get(code)
    return both[_PLACE[language]] if both else code.replace("_", " ")


def day(value: date, language: Language, *, year: bool = False, weekday: bool = False) -> str:
    """`3 feb`, `3 feb 2026`, `mar 3 feb`."""
    place = _PLACE[language]
    text = f"{value.day} {_MONTHS[place][value.month - 1]}"
    if weekday:
        text = f"{_DAYS[place][value.weekday()]} {text}"
    return f"{text} {value.year}" if year else text
