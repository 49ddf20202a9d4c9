{#-
    One row per student and ISO week. A run builds the latest weeks again, from their events and
    from the rows of the four weeks before them, which also tell which students there are.
-#}
{{ config(partitioned_by=['graduation_year', 'iso_week', 'school_id']) }}

{%- set events = ref('stg_behavior_events') %}
{%- set calendar = ref('school_weeks') %}
{%- set first_week = first_built_week(events, calendar) %}
{%- set counts = weekly_counts() %}

with sent as (

    select
        school_id,
        student_key,
        week_start,
        max_by(graduation_year, row(received_at, graduation_year)) as graduation_year,
        0 as silent_weeks,
        max(received_at) as last_received_at,
        {{ counted_events() | indent(8) }},
        {{ evidence() | indent(8) }}
    from {{ events }}
    {%- if first_week %}
    where {{ since(events, first_week) }}
    {%- endif %}
    group by school_id, student_key, week_start

),

known as (

    select * from sent
    {%- if first_week %}
    union all
    select
        school_id,
        student_key,
        week_start,
        graduation_year,
        silent_weeks,
        last_received_at,
        {{ counts | join(',\n        ') }},
        {{ evidence_columns() | indent(8) }}
    from {{ this }}
    where {{ in_weeks_before(first_week, history_weeks()) }}
    {%- endif %}

),

spans as (

    select
        *,
        least(
            coalesce(
                date_add('week', -1, lead(week_start) over (partition by school_id, student_key order by week_start)),
                max(week_start) over (partition by school_id)
            ),
            date_add('week', greatest({{ var('silent_weeks_limit') }} - silent_weeks, 0), week_start)
        ) as last_week
    from known

),

-- No week is missing from here on: a week without events is a row of zeros.
dense as (

    select
        spans.school_id,
        spans.student_key,
        spans.graduation_year,
        weeks.week_start,
        date_diff('week', date '1970-01-05', weeks.week_start) as week_number,
        spans.silent_weeks + date_diff('week', spans.week_start, weeks.week_start) as silent_weeks,
        {%- for count in counts %}
        if(weeks.week_start = spans.week_start, spans.{{ count }}, 0) as {{ count }},
        {%- endfor %}
        if(weeks.week_start = spans.week_start, spans.row_count, 0) as row_count,
        if(weeks.week_start = spans.week_start, spans.first_load_id) as first_load_id,
        if(weeks.week_start = spans.week_start, spans.last_load_id) as last_load_id,
        if(weeks.week_start = spans.week_start, spans.last_received_at) as last_received_at
    from spans
    cross join unnest(sequence(spans.week_start, spans.last_week, interval '7' day)) as weeks (week_start)
    where
        weeks.week_start = spans.week_start
        or spans.graduation_year = 0
        or year(weeks.week_start) <= spans.graduation_year

),

opened as (

    select
        dense.*,
        calendar.is_school_week,
        calendar.as_of,
        calendar.is_final
    from dense
    inner join {{ calendar }} as calendar
        on dense.school_id = calendar.school_id and dense.week_start = calendar.week_start
    {%- if first_week %}
    where calendar.{{ since(calendar, weeks_after(first_week, -history_weeks())) }}
    {%- endif %}

),

compared as (

    select
        *,
        points - sum(points) over (student range between 1 preceding and 1 preceding) as points_change,
        cast(sum(points) over (student range between 3 preceding and current row) as double)
        / count(*) over (student range between 3 preceding and current row) as points_moving_avg_4w,
        coalesce(
            sum(if(is_school_week, points)) over (student range between 4 preceding and 1 preceding), 0
        ) as earlier_points,
        count_if(is_school_week) over (student range between 4 preceding and 1 preceding) as earlier_weeks
    from opened
    window student as (partition by school_id, student_key order by week_number)

),

-- This week's points against their mean m over the earlier weeks, with a dead band of max(3, |m| / 5).
-- 3 is the most that one event gives by the default rules, so one event never makes a trend, and a
-- fifth lets a busy student vary. In whole numbers, so that no rounding decides at the edge: with
-- m = earlier_points / earlier_weeks, both sides are multiplied by 5 * earlier_weeks.
judged as (

    select
        *,
        5 * (earlier_weeks * points - earlier_points) as change,
        greatest(15 * earlier_weeks, abs(earlier_points)) as band
    from compared

)

select
    student_key,
    week_start,
    {{ counts[:-1] | join(',\n    ') }},
    {{ attendance_rate() }} as attendance_rate,
    points,
    points_change,
    points_moving_avg_4w,
    cast(case
        when not is_school_week or earlier_weeks = 0 then 'steady'
        when change > band then 'rising'
        when change < -band then 'falling'
        else 'steady'
    end as varchar) as trend,
    silent_weeks,
    is_school_week,
    last_received_at,
    as_of,
    is_final,
    {{ evidence_columns() }},
    graduation_year,
    {{ iso_week('week_start') }} as iso_week,
    school_id
from judged
{%- if first_week %}
where week_start >= date '{{ first_week.isoformat() }}'
{%- endif %}
