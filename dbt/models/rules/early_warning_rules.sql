{#-
    The rules of early warning: all of them, and nowhere else. Whoever changes a number or adds a rule
    raises `rules_version` of all: a warning names the version that it was raised by.

    `measure` is a column of `weekly_student_trends`; `evidence_at_least` is how much of what the
    measure is made of (`warning_measures`) there must be before it says anything.
-#}
select
    rule,
    1 as rules_version,
    measure,
    comparison,
    threshold,
    evidence_at_least,
    why
from (
    values
    (
        'chronic_absence', 'absence_rate_8w', 'at_least', 0.10e0, 10e0,
        'Missing a tenth of school for any reason is the usual definition of chronic absence'
    ),
    (
        'absent_week_after_week', 'absence_streak_weeks', 'at_least', 3e0, 3e0,
        'An unexcused absence in each of three school weeks in a row'
    ),
    (
        'falling_points', 'points_slope_high_4w', 'at_most', -1e0, 4e0,
        'Between any two of the last four school weeks the points fell by one or more a week'
    ),
    (
        'repeated_misconduct', 'negative_conduct_count_4w', 'at_least', 3e0, 3e0,
        'Three reports of negative conduct within four weeks'
    ),
    (
        'no_homework', 'homework_count_4w', 'at_most', 0e0, 4e0,
        'Nothing handed in for four weeks, of at least four in the four weeks before'
    ),
    (
        'silent', 'silent_school_weeks', 'at_least', 3e0, 3e0,
        'Three school weeks without any event, of a student who had three in the weeks before'
    )
) as rules (rule, measure, comparison, threshold, evidence_at_least, why)
