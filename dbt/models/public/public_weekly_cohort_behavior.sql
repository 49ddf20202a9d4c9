{#-
    One row per school, cohort and school week with enough active students: the only cells that are
    published. All other public tables are computed from these rows alone, so that no total says
    anything about a cell that is not here.
-#}
{{ config(
    materialized='incremental',
    on_schema_change='fail',
    write_compression='snappy',
    partitioned_by=['iso_week'],
    meta={'built_by': 'once'}
) }}

{%- set students = ref('weekly_student_behavior') %}
{%- set first_week = first_unpublished_week(students) %}

with cells as (

    select
        students.school_id,
        students.week_start,
        students.graduation_year,
        students.iso_week,
        coalesce(max(thresholds.student_count), {{ publication_floor() }}) as threshold,
        count(*) as student_count,
        count(students.attendance_rate) as attending_count,
        avg(students.attendance_rate) as attendance_rate,
        count_if(students.participation_count > 0) as participating_count,
        cast(sum(students.participation_count) as double) / count(*) as participations_per_student,
        count_if(students.assignment_submitted_count > 0) as submitting_count,
        cast(sum(students.assignment_submitted_count) as double) / count(*) as assignments_per_student,
        cast(sum(students.points) as double) / count(*) as points_per_student,
        cast(count_if(students.trend = 'rising') - count_if(students.trend = 'falling') as double)
        / count(*) as trend_balance
    from {{ students }} as students
    left join {{ ref('publication_thresholds') }} as thresholds on students.school_id = thresholds.school_id
    where
        students.event_count > 0
        and students.is_school_week
        and students.is_final
    {%- if first_week %}
        and students.{{ since(students, first_week) }}
        {%- endif %}
    group by students.school_id, students.week_start, students.graduation_year, students.iso_week

),

large_enough as (

    select
        *,
        student_count - student_count % {{ published_student_step() }} as told_count
    from cells
    where student_count >= threshold

),

-- Who participated, and who did not, are groups too. Of three times the threshold one of them is at least
-- as large as the threshold whatever the mean is, and the other may be any of so many sizes.
-- Who is rising and who is falling are groups of their own: of a balance b of n students, either group
-- may be any of (1 - |b|) * n / 2 sizes, which the margin keeps from being fewer than the threshold.
margins as (

    select
        *,
        {{ rate_margin('told_count') | indent(8) }} as rate_margin,
        (200 * threshold + told_count - 1) / told_count as balance_margin
    from large_enough

),

judged as (

    select
        *,
        attending_count >= threshold and attending_count * rate_margin >= 200 as attendance_is_told,
        told_count >= 3 * threshold and participating_count >= threshold as participations_are_told,
        told_count >= 3 * threshold and submitting_count >= threshold as assignments_are_told,
        balance_margin < 100 as balance_is_told
    from margins

)

select
    school_id,
    week_start,
    graduation_year,
    told_count as student_count,
    if(attendance_is_told, {{ coded('attendance_rate', 'rate_margin') }}) as attendance_rate,
    cast(if(attendance_is_told, {{ coded_as('attendance_rate', 'rate_margin') | indent(4) }}) as varchar)
        as attendance_rate_bound,
    if(participations_are_told, round(participations_per_student, 1)) as participations_per_student,
    if(assignments_are_told, round(assignments_per_student, 1)) as assignments_per_student,
    round(points_per_student, 1) as points_per_student,
    if(balance_is_told, {{ coded('trend_balance', 'balance_margin', -1) }}) as trend_balance,
    cast(if(balance_is_told, {{ coded_as('trend_balance', 'balance_margin', -1) | indent(4) }}) as varchar)
        as trend_balance_bound,
    iso_week
from judged
