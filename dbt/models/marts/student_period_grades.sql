{#-
    One row per school, student, subject and period: what evaluations and consolidated grade say
    last, beside the student's behaviour in the school's weeks of the period. A run builds those
    periods again in which something changed within the look-back.
-#}
{{ config(partitioned_by=['graduation_year', 'year', 'period', 'school_id'], meta={'built_by': 'period'}) }}

{%- set academic = ref('stg_academic_changes') %}
{%- set students = ref('weekly_student_behavior') %}
{%- set changed = changed_periods(academic) %}

with changes as (

    select
        *,
        max_by(operation, row(version, changed_at)) over (
            partition by school_id, student_key, subject, period, change_type, evaluation_key
        ) <> 'delete' as still_stands,
        row_number() over (
            partition by school_id, student_key, subject, period, change_type, evaluation_key
            order by version desc, changed_at desc
        ) = 1 as is_newest
    from {{ academic }}
    where
        change_type in ('evaluation', 'grade')
    {%- if changed %}
        and {{ since(academic, changed.first_week) }}
        and period in ('{{ changed.names | join("', '") }}')
        {%- endif %}

),

graded as (

    select
        school_id,
        student_key,
        subject,
        period,
        max_by(graduation_year, row(changed_at, graduation_year)) as graduation_year,
        max(if(change_type = 'grade' and is_newest and still_stands, score)) as grade,
        count_if(change_type = 'evaluation' and is_newest and still_stands) as evaluation_count,
        round(avg(if(change_type = 'evaluation' and is_newest and still_stands, cast(score as double))), 10)
            as mean_evaluation_score,
        min(if(change_type = 'evaluation', week_start)) as first_evaluation_week,
        max(if(change_type = 'evaluation', week_start)) as last_evaluation_week,
        min(week_start) as first_change_week,
        max(changed_at) as as_of,
        {{ evidence() | indent(8) }}
    from changes
    group by school_id, student_key, subject, period

),

-- The lake knows a period by its evaluations: it spans the weeks of all those of the school.
spans as (

    select
        school_id,
        period,
        min(first_evaluation_week) as first_week,
        max(last_evaluation_week) as last_week
    from graded
    group by school_id, period

),

behavior as (

    select
        weeks.school_id,
        weeks.student_key,
        spans.period,
        count_if(weeks.is_school_week) as school_weeks,
        cast(sum(weeks.present_count + weeks.late_count) as double)
        / nullif(sum(weeks.present_count + weeks.late_count + weeks.absent_count), 0) as attendance_rate,
        sum(weeks.participation_count) as participation_count,
        sum(weeks.assignment_submitted_count) as homework_count,
        sum(weeks.negative_conduct_count) as negative_conduct_count,
        sum(weeks.points) as points
    from {{ students }} as weeks
    inner join spans
        on weeks.school_id = spans.school_id and weeks.week_start between spans.first_week and spans.last_week
    {%- if changed %}
    where weeks.{{ since(students, changed.first_week) }}
    {%- endif %}
    group by weeks.school_id, weeks.student_key, spans.period

)

select
    graded.student_key,
    graded.subject,
    graded.grade,
    graded.evaluation_count,
    graded.mean_evaluation_score,
    spans.first_week,
    spans.last_week,
    behavior.school_weeks,
    behavior.attendance_rate,
    behavior.participation_count,
    behavior.homework_count,
    behavior.negative_conduct_count,
    behavior.points,
    graded.first_change_week,
    graded.as_of,
    graded.row_count,
    graded.first_load_id,
    graded.last_load_id,
    graded.graduation_year,
    cast(year(graded.first_change_week) as varchar) as year,
    graded.period,
    graded.school_id
from graded
inner join spans on graded.school_id = spans.school_id and graded.period = spans.period
left join behavior
    on
        graded.school_id = behavior.school_id
        and graded.student_key = behavior.student_key
        and graded.period = behavior.period
