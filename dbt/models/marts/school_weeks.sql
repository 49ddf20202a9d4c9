{#-
    The calendar: one row per school and ISO week, from the school's first week to the newest week of
    any school, so that a pause is told apart from a fall. Built first; every other mart asks it.
-#}
{{ config(partitioned_by=['iso_week']) }}

{%- set events = ref('stg_behavior_events') %}
{%- set first_week = first_built_week(events) %}

with sent as (

    select
        school_id,
        week_start,
        week_start as last_event_week,
        count(*) as event_count,
        count(distinct local_date) as event_days,
        max(received_at) as as_of,
        {{ evidence() }}
    from {{ events }}
    {%- if first_week %}
    where {{ since(events, first_week) }}
    {%- endif %}
    group by school_id, week_start

),

known as (

    select * from sent
    {%- if first_week %}
    union all
    select
        school_id,
        week_start,
        last_event_week,
        event_count,
        event_days,
        as_of,
        {{ evidence_columns() }}
    from {{ this }}
    where {{ in_weeks_before(first_week, 1) }}
    {%- endif %}

),

ends as (

    select
        school_id,
        min(week_start) as first_week,
        max(max(week_start)) over () as newest_week
    from known
    group by school_id

),

dense as (

    select
        ends.school_id,
        weeks.week_start,
        coalesce(known.event_count, 0) as event_count,
        coalesce(known.event_days, 0) as event_days,
        max(known.last_event_week) over (partition by ends.school_id order by weeks.week_start) as last_event_week,
        known.as_of,
        weeks.week_start <= date_add('week', -{{ var('look_back_weeks') }}, ends.newest_week) as is_final,
        coalesce(known.row_count, 0) as row_count,
        known.first_load_id,
        known.last_load_id
    from ends
    cross join unnest(sequence(ends.first_week, ends.newest_week, interval '7' day)) as weeks (week_start)
    left join known on ends.school_id = known.school_id and weeks.week_start = known.week_start

),

-- A holiday makes a week one without school if it covers it from Monday to Friday.
holidays as (

    select
        dense.school_id,
        dense.week_start,
        min(school_holidays.name) as holiday
    from dense
    inner join {{ ref('school_holidays') }} as school_holidays
        on
            dense.school_id = if(school_holidays.school_id = '*', dense.school_id, school_holidays.school_id)
            and dense.week_start >= school_holidays.first_day
            and date_add('day', 4, dense.week_start) <= school_holidays.last_day
    group by dense.school_id, dense.week_start

)

select
    dense.school_id,
    dense.week_start,
    dense.event_count,
    dense.event_days,
    holidays.holiday,
    dense.event_count > 0 and holidays.holiday is null as is_school_week,
    dense.last_event_week,
    dense.as_of,
    dense.is_final,
    dense.row_count,
    dense.first_load_id,
    dense.last_load_id,
    {{ iso_week('dense.week_start') }} as iso_week
from dense
left join holidays on dense.school_id = holidays.school_id and dense.week_start = holidays.week_start
{%- if first_week %}
where dense.week_start >= date '{{ first_week.isoformat() }}'
{%- endif %}
