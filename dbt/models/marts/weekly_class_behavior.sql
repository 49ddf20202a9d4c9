{#- One row per school, class, subject and ISO week with events. -#}
{{ config(partitioned_by=['iso_week']) }}

{%- set events = ref('stg_behavior_events') %}
{%- set calendar = ref('school_weeks') %}
{%- set first_week = first_built_week(events) %}

with counted as (

    select
        school_id,
        class_id,
        subject,
        week_start,
        count(distinct student_key) as active_student_count,
        {{ counted_events() | indent(8) }},
        {{ evidence() | indent(8) }}
    from {{ events }}
    {%- if first_week %}
    where {{ since(events, first_week) }}
    {%- endif %}
    group by school_id, class_id, subject, week_start

)

select
    counted.school_id,
    counted.class_id,
    counted.subject,
    counted.week_start,
    counted.active_student_count,
    {%- for count in weekly_counts() %}
    counted.{{ count }},
    {%- endfor %}
    {{ attendance_rate() }} as attendance_rate,
    calendar.as_of,
    calendar.is_final,
    counted.row_count,
    counted.first_load_id,
    counted.last_load_id,
    {{ iso_week('counted.week_start') }} as iso_week
from counted
inner join {{ calendar }} as calendar
    on counted.school_id = calendar.school_id and counted.week_start = calendar.week_start
{%- if first_week %}
where calendar.{{ since(calendar, first_week) }}
{%- endif %}
