{#- One row for each rule that a student's school week meets. -#}
{{ config(partitioned_by=['graduation_year', 'iso_week', 'school_id']) }}

{%- set trends = ref('weekly_student_trends') %}
{%- set first_week = first_built_week(trends, ref('school_weeks')) %}
{%- set measures = warning_measures() %}
{%- set measured = [] %}
{%- set evidence = [] %}
{%- for measure, made_of in measures.items() %}
{%- do measured.append('cast(' ~ measure ~ ' as double)') %}
{%- do evidence.append('cast(' ~ made_of ~ ' as double)') %}
{%- endfor %}

with measured as (

    select
        trends.*,
        measures.measure,
        measures.measured,
        measures.evidence
    from {{ trends }} as trends
    cross join
        unnest(
            array['{{ measures | join("', '") }}'],
            array[{{ measured | join(',\n                ') }}],
            array[{{ evidence | join(',\n                ') }}]
        ) as measures (measure, measured, evidence)
    where
        trends.is_school_week
    {%- if first_week %}
        and trends.{{ since(trends, first_week) }}
        {%- endif %}

)

select
    measured.student_key,
    measured.week_start,
    rules.rule,
    rules.rules_version,
    measured.measure,
    measured.measured,
    rules.comparison,
    rules.threshold,
    measured.evidence,
    measured.as_of,
    measured.is_final,
    measured.row_count,
    measured.first_load_id,
    measured.last_load_id,
    measured.graduation_year,
    measured.iso_week,
    measured.school_id
from measured
inner join {{ ref('early_warning_rules') }} as rules on measured.measure = rules.measure
where
    measured.evidence >= rules.evidence_at_least
    and (
        (rules.comparison = 'at_least' and measured.measured >= rules.threshold)
        or (rules.comparison = 'at_most' and measured.measured <= rules.threshold)
    )
