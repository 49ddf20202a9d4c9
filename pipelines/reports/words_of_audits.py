"""The Spanish of the pages of quality, of a load and of the retention audit."""

from __future__ import annotations

SPANISH = {
    # quality, and a load
    "%(first)s to %(last)s, by days of UTC.": "%(first)s a %(last)s, por días UTC.",
    "No value of any row is shown.": "No se muestra ningún valor de ninguna fila.",
    "loads": "cargas",
    "rows landed": "filas llegadas",
    "rows published": "filas publicadas",
    "duplicate": "repetidas",
    "of these waiting": "de ellas en espera",
    "platform": "plataforma",
    "privacy": "privacidad",
    "": "",  # the owner of a rule that is there no more
    "not judged": "sin juzgar",
    "holds": "se cumple",
    "What waits for somebody": "Qué espera a alguien",
    "What": "Qué",
    "Where": "Dónde",
    "Owner": "Responsable",
    "load held": "carga retenida",
    "load failed": "carga fallida",
    "rows wait in quarantine": "filas esperan en cuarentena",
    "%(load)s of %(table)s": "%(load)s de %(table)s",
    "%(names)s and %(count)s more": "%(names)s y %(count)s más",
    "%(names)s, of %(table)s": "%(names)s, de %(table)s",
    "Nothing: no load is held or failed, no rows wait in quarantine, and the last judged day has no "
    "warning.": "Nada: ninguna carga está retenida ni ha fallado, no hay filas en cuarentena y el último día "
    "juzgado no tiene advertencias.",
    "Rules of %(table)s, day by day": "Reglas de %(table)s, día a día",
    "Nothing was judged in these weeks.": "En estas semanas no se juzgó nada.",
    "What the cells mean": "Qué significan las celdas",
    "critical: schools stopped, rows quarantined": "crítica: escuelas detenidas, filas en cuarentena",
    "warning: published, reported": "advertencia: publicadas, con aviso",
    "info: counted": "informativa: contadas",
    "nothing to judge": "nada que juzgar",
    "Numbers are rows that break the rule in the day's loads; of rules that judge a whole day, findings. "
    "Other rules, which held on every day: %(count)s.": "Las cifras son filas que incumplen la regla en las "
    "cargas del día; en las reglas que juzgan un día entero, hallazgos. Otras reglas, que se cumplieron "
    "todos los días: %(count)s.",
    "Broken rules of %(table)s by day": "Reglas incumplidas de %(table)s por día",
    "Schools": "Escuelas",
    "The same by school, the worst first. Other schools, which broke nothing: %(count)s.": (
        "Lo mismo por escuela, la peor primero. Otras escuelas, que no incumplieron nada: %(count)s."
    ),
    "Schools with broken rules of %(table)s by day": "Escuelas con reglas incumplidas de %(table)s por día",
    "Volume": "Volumen",
    "Rows published by day; the eight largest schools.": (
        "Filas publicadas por día; las ocho escuelas más grandes."
    ),
    "Day of the load (UTC)": "Día de la carga (UTC)",
    "Rows published": "Filas publicadas",
    "Freshness": "Frescura",
    "Since each school's last published rows; those who wait longest.": (
        "Desde las últimas filas publicadas de cada escuela; las que más esperan."
    ),
    "Hours since the last rows were published": "Horas desde que se publicaron las últimas filas",
    "Findings of judged days": "Hallazgos de los días juzgados",
    "Each day is judged by the weeks before it (luca quality day), and its published rows by the rules of "
    "the gate (luca quality deep). Results of these weeks: %(results)s, with findings: %(findings)s.": (
        "Cada día se juzga por las semanas anteriores (luca quality day), y sus filas publicadas por las "
        "reglas de la entrada (luca quality deep). Resultados de estas semanas: %(results)s, con hallazgos: "
        "%(findings)s."
    ),
    "Day": "Día",
    "Severity": "Gravedad",
    "What is so": "Qué pasa",
    "Quarantine": "Cuarentena",
    "Rows of schools that a load stopped, and what became of them. What is released goes through a load of "
    "its own.": "Filas de escuelas que una carga detuvo y qué fue de ellas. Lo liberado pasa por una carga "
    "propia.",
    "Waiting": "En espera",
    "Released": "Liberadas",
    "Discarded": "Descartadas",
    "Expired": "Caducadas",
    "Broken": "Incumplidas",
    "No load of these weeks stopped a school.": "Ninguna carga de estas semanas detuvo a una escuela.",
    "The newest %(count)s; a name leads to what the load was judged by.": (
        "Las %(count)s más recientes; el nombre lleva a lo que se juzgó de la carga."
    ),
    "published": "publicada",
    "on hold": "retenida",
    "open": "abierta",
    "None in these weeks.": "Ninguna en estas semanas.",
    "What each rule says, and who owns it, stands in docs/rules.md.": (
        "Qué dice cada regla y quién responde de ella está en docs/rules.md."
    ),
    "Data Docs of Great Expectations": "Data Docs de Great Expectations (en inglés)",
    "Load %(load)s: what was judged": "Carga %(load)s: qué se juzgó",
    "Rows of %(table)s: %(rows)s, judged by %(rules)s rules. No value of any row is shown.": (
        "Filas de %(table)s: %(rows)s, juzgadas por %(rules)s reglas. No se muestra ningún valor de ninguna "
        "fila."
    ),
    "No rule is broken": "No se incumple ninguna regla",
    "A school that breaks a critical rule is stopped: its rows of this load are in quarantine. Rows of the "
    "others are published.": "Una escuela que incumple una regla crítica se detiene: sus filas de esta carga "
    "están en cuarentena. Las de las demás se publican.",
    "Why it matters": "Por qué importa",
    "What holds": "Qué se cumple",
    "Why it is there": "Por qué existe",
    "Why these rules are there": "Por qué existen estas reglas",
    "(all)": "(todas)",
    "(none)": "(ninguna)",
    # the states of a load
    "claiming": "tomando archivos",
    "claimed": "con sus archivos",
    "judged": "juzgada",
    # the types of events
    "participation": "participación",
    "activity_completed": "actividad completada",
    "class_response": "respuesta en clase",
    "assignment_submitted": "tarea entregada",
    "help_request": "petición de ayuda",
    "conduct": "conducta",
    # the retention audit
    "As of %(day)s.": "Al %(day)s.",
    "Objects: %(objects)s, %(size)s, in %(seconds)s s.": "Objetos: %(objects)s, %(size)s, en %(seconds)s s.",
    "Cohorts were not compared.": "No se compararon generaciones.",
    "Schools whose cohorts were compared with their rosters: %(count)s.": (
        "Escuelas cuyas generaciones se compararon con sus listas: %(count)s."
    ),
    "as the registry says": "como dice el registro",
    "Everything is as the registry says.": "Todo está como dice el registro.",
    "Findings": "Hallazgos",
    "Check": "Comprobación",
    "How many": "Cuántos",
    "how many": "cuántos",
    "What to do": "Qué hacer",
    "Bytes of current objects, by the year in which nothing of them may be left.": (
        "Bytes de objetos vigentes, por el año en que no debe quedar nada de ellos."
    ),
    "Bytes of lake and marts, by year of graduation.": "Bytes del lago y de los marts, por año de egreso.",
    "Audits before": "Auditorías anteriores",
    "Critical findings and warnings of each audit, the newest last; coloured by the worst of them.": (
        "Hallazgos críticos y advertencias de cada auditoría, la más reciente al final; el color es del peor."
    ),
    "What lies where": "Qué hay y dónde",
    "Place": "Lugar",
    "Objects": "Objetos",
    "Buckets": "Buckets",
    "Bucket": "Bucket",
    "Lifecycle rules": "Reglas de ciclo de vida",
    "Old versions": "Versiones antiguas",
    "Their bytes": "Sus bytes",
}
