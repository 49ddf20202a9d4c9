{#- One row per school and ISO week, over the same weeks that the students' mart builds again. -#}
{{ config(partitioned_by=['iso_week']) }}

{%- set students = ref('weekly_student_behavior') %}
{%- set first_week = first_built_week(students) %}

select
    school_id,
    week_start,
    count(*) as student_count,
    count_if(event_count > 0) as active_student_count,
    {%- for count in weekly_counts() %}
    sum({{ count }}) as {{ count }},
    {%- endfor %}
    avg(attendance_rate) as attendance_rate,
    count_if(trend = 'rising') as rising_student_count,
    count_if(trend = 'steady') as steady_student_count,
    count_if(trend = 'falling') as falling_student_count,
    iso_week
from {{ students }}
{%- if first_week %}
where {{ since(students, first_week) }}
{%- endif %}
group by school_id, week_start, iso_week
