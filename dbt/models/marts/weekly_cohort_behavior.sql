{#- One row per school, cohort and ISO week, over the same weeks that the students' mart builds again. -#}
{{ config(partitioned_by=['iso_week']) }}

{%- set students = ref('weekly_student_behavior') %}
{%- set first_week = first_built_week(students, ref('school_weeks')) %}

select
    school_id,
    week_start,
    {{ summed_students() }},
    graduation_year,
    iso_week
from {{ students }}
{%- if first_week %}
where {{ since(students, first_week) }}
{%- endif %}
group by school_id, week_start, graduation_year, iso_week
