{#-
    Where a student is going: each week's window of eight calendar weeks and its last four school
    weeks. One row for each of `weekly_student_behavior`.
-#}
{{ config(partitioned_by=['graduation_year', 'iso_week', 'school_id']) }}

{%- set students = ref('weekly_student_behavior') %}
{%- set first_week = first_built_week(students, ref('school_weeks')) %}
{%- set lagged = [
    'week_number', 'points', 'attendance_rate', 'attended_count', 'attendable_count', 'participation_count',
    'assignment_submitted_count', 'positive_conduct_count', 'negative_conduct_count'
] %}
{%- set eight = '(student range between ' ~ trend_history_weeks() ~ ' preceding and current row)' %}

with weeks as (

    select
        *,
        date_diff('week', date '1970-01-05', week_start) as week_number,
        present_count + late_count as attended_count,
        present_count + late_count + absent_count as attendable_count,
        if(is_school_week, 1, 0) as open_week,
        if(absent_count > 0, 1, 0) as absent_week,
        if(absent_count = 0 and present_count + late_count > 0, 1, 0) as attended_week
    from {{ students }}
    {%- if first_week %}
    where {{ since(students, weeks_after(first_week, -trend_history_weeks())) }}
    {%- endif %}

),

-- How many such weeks there were so far: a streak is a difference of two of these.
counted as (

    select
        *,
        sum(open_week) over student as open_weeks,
        sum(absent_week) over student as absent_weeks,
        sum(attended_week) over student as attended_weeks,
        {{ lagged_columns(lagged) | indent(8) }}
    from weeks
    window
        student as (partition by school_id, student_key order by week_number),
        school_weeks as (partition by school_id, student_key, is_school_week order by week_number)

),

windows as (

    select
        *,
        {{ evidence_of_rows(eight) | indent(8) | replace('as row_count', 'as window_row_count')
            | replace('as first_load_id', 'as window_first_load_id')
            | replace('as last_load_id', 'as window_last_load_id') }},
        max(as_of) over {{ eight }} as window_as_of,
        count_if(is_school_week) over {{ eight }} as school_weeks_8w,
        sum(attendance_count) over {{ eight }} as attendance_count_8w,
        cast(sum(absent_count + excused_count) over {{ eight }} as double)
        / nullif(sum(attendance_count) over {{ eight }}, 0) as absence_rate_8w,
        absent_weeks - coalesce(
            max(if(attended_week = 1, absent_weeks)) over {{ eight }},
            min(absent_weeks - absent_week) over {{ eight }}
        ) as absence_streak_weeks,
        attended_weeks - coalesce(
            max(if(absent_week = 1, attended_weeks)) over {{ eight }},
            min(attended_weeks - attended_week) over {{ eight }}
        ) as attendance_streak_weeks,
        open_weeks - coalesce(
            max(if(event_count > 0, open_weeks)) over {{ eight }},
            min(open_weeks - open_week) over {{ eight }}
        ) as silent_school_weeks,
        sum(assignment_submitted_count) over {{ eight }} as homework_count_8w
    from counted
    window student as (partition by school_id, student_key order by week_number)

),

-- School weeks of before the window say nothing, so that a run need not read them.
slopes as (

    select
        *,
        if(is_school_week, {{ slopes_of_four('points') | indent(8) }}) as points_slopes,
        if(is_school_week, {{ slopes_of_four('attendance_rate') | indent(8) }}) as attendance_rate_slopes
    from windows

)

select
    student_key,
    week_start,
    is_school_week,
    school_weeks_8w,
    points,
    points_change,
    {%- for name in ('points', 'attendance_rate') %}
    {{ median_slope(name ~ '_slopes') | indent(4) }} as {{ name }}_slope_4w,
    if(cardinality({{ name }}_slopes) >= 3, element_at({{ name }}_slopes, 1)) as {{ name }}_slope_low_4w,
    if(cardinality({{ name }}_slopes) >= 3, element_at({{ name }}_slopes, -1)) as {{ name }}_slope_high_4w,
    cast(case cardinality({{ name }}_slopes) when 6 then 4 when 3 then 3 end as integer) as {{ name }}_slope_weeks,
    {%- endfor %}
    cast({{ of_four('attended_count') }} as double)
    / nullif({{ of_four('attendable_count') }}, 0) as attendance_rate_4w,
    attendance_count_8w,
    absence_rate_8w,
    absence_streak_weeks,
    attendance_streak_weeks,
    {{ of_four('participation_count') }} as participation_count_4w,
    {{ of_four('assignment_submitted_count') }} as homework_count_4w,
    homework_count_8w,
    {{ of_four('positive_conduct_count') }} as positive_conduct_count_4w,
    {{ of_four('negative_conduct_count') }} as negative_conduct_count_4w,
    silent_school_weeks,
    window_as_of as as_of,
    is_final,
    window_row_count as row_count,
    window_first_load_id as first_load_id,
    window_last_load_id as last_load_id,
    graduation_year,
    iso_week,
    school_id
from slopes
{%- if first_week %}
where {{ since(students, first_week) }}
{%- endif %}
