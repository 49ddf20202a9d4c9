{#- The same ISO week of two years, side by side; weeks 53 have no partner. -#}
{{ config(materialized='view', versions_to_keep=1) }}

select
    this_year.school_id,
    this_year.iso_week,
    year_before.iso_week as iso_week_before,
    this_year.active_student_count,
    year_before.active_student_count as active_student_count_before,
    this_year.attendance_rate,
    this_year.attendance_rate - year_before.attendance_rate as attendance_rate_change,
    cast(this_year.points as double) / nullif(this_year.active_student_count, 0) as points_per_student,
    cast(year_before.points as double) / nullif(year_before.active_student_count, 0) as points_per_student_before,
    cast(this_year.participation_count as double) / nullif(this_year.active_student_count, 0)
        as participations_per_student,
    cast(year_before.participation_count as double) / nullif(year_before.active_student_count, 0)
        as participations_per_student_before,
    this_year.row_count + year_before.row_count as row_count,
    year_before.first_load_id,
    this_year.last_load_id,
    this_year.as_of,
    this_year.is_final
from {{ ref('weekly_school_behavior') }} as this_year
inner join {{ ref('weekly_school_behavior') }} as year_before
    on
        this_year.school_id = year_before.school_id
        and {{ year_before('this_year.iso_week') }} = year_before.iso_week
inner join {{ ref('school_weeks') }} as calendar
    on this_year.school_id = calendar.school_id and this_year.iso_week = calendar.iso_week and calendar.is_school_week
inner join {{ ref('school_weeks') }} as calendar_before
    on
        year_before.school_id = calendar_before.school_id
        and year_before.iso_week = calendar_before.iso_week
        and calendar_before.is_school_week
