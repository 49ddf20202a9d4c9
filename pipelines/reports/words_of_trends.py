"""The Spanish of the runs of the trends and of what dbt says, and why an early warning is raised."""

from __future__ import annotations

SPANISH = {
    # why a rule of early_warning_rules warns, in its own words
    "Missing a tenth of school for any reason is the usual definition of chronic absence": (
        "Faltar a la décima parte de las clases, por lo que sea, es lo que suele llamarse ausentismo crónico"
    ),
    "An unexcused absence in each of three school weeks in a row": (
        "Una falta sin justificar en cada una de tres semanas de clases seguidas"
    ),
    "Between any two of the last four school weeks the points fell by one or more a week": (
        "Entre cualesquiera dos de las últimas cuatro semanas de clases bajaron uno o más puntos a la semana"
    ),
    "Three reports of negative conduct within four weeks": (
        "Tres reportes de conducta negativa en cuatro semanas"
    ),
    "Nothing handed in for four weeks, of at least four in the four weeks before": (
        "Nada entregado en cuatro semanas, de quien entregó al menos cuatro en las cuatro anteriores"
    ),
    "Three school weeks without any event, of a student who had three in the weeks before": (
        "Tres semanas de clases sin ningún evento, de un alumno que tuvo tres en las semanas anteriores"
    ),
    # the runs of the trends
    "Runs of the trends": "Ejecuciones de las tendencias",
    "how long each model takes, and what failed": "cuánto tarda cada modelo y qué falló",
    "Runs shown: %(count)s. They are kept for 400 days.": (
        "Ejecuciones mostradas: %(count)s. Se guardan 400 días."
    ),
    "No student appears on this page.": "En esta página no aparece ningún alumno.",
    "No run is kept yet: run luca trends.": "Todavía no hay ninguna ejecución: ejecute luca trends.",
    "Seconds of each run": "Segundos de cada ejecución",
    "From its start to its end, failed runs too.": "De principio a fin, también las fallidas.",
    "Failures and warnings by run": "Fallos y avisos por ejecución",
    "Models, tests and lake tables, the newest run last.": (
        "Modelos, pruebas y tablas del lago; la ejecución más reciente, al final."
    ),
    "%(failures)s failed, %(warnings)s warn": "%(failures)s fallan, %(warnings)s avisan",
    "did not come to its end": "no llegó al final",
    "Rows by model": "Filas por modelo",
    "Rows of the weeks that were built, where Athena says how many, in the last run that built the model.": (
        "Filas de las semanas construidas, donde Athena dice cuántas, en la última ejecución del modelo."
    ),
    "Seconds by model": "Segundos por modelo",
    "The %(drawn)s of %(count)s models that took longest; a gap is a run that did not build it.": (
        "Los %(drawn)s modelos más lentos de %(count)s; un hueco es una ejecución que no lo construyó."
    ),
    "%(model)s: seconds by run": "%(model)s: segundos por ejecución",
    "The newest run": "La ejecución más reciente",
    "Run %(run)s, %(started)s to %(ended)s UTC, %(seconds)s s.": (
        "Ejecución %(run)s, de %(started)s a %(ended)s UTC, %(seconds)s s."
    ),
    "The marts are in order.": "Los marts están en orden.",
    "The run failed: its marts are not all in order.": (
        "La ejecución falló: no todos sus marts están en orden."
    ),
    "Model": "Modelo",
    "Seconds": "Segundos",
    "Test": "Prueba",
    "Lake table": "Tabla del lago",
    "Hours since its newest row": "Horas desde su fila más reciente",
    "Rows that speak against it": "Filas que la contradicen",
    "Tests passed: %(count)s.": "Pruebas superadas: %(count)s.",
    "Tests that did not pass": "Pruebas no superadas",
    # what dbt says of a model, a test or a lake table
    "success": "construido",
    "pass": "bien",
    "warn": "aviso",
    "fail": "no superada",
    "error": "error",
    "runtime error": "error de ejecución",
    "skipped": "omitido",
    "partial success": "construido en parte",
    "no-op": "sin nada que hacer",
}
