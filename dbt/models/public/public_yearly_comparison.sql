{#- The same ISO week of two years, side by side, from what is published of each; weeks 53 have no partner. -#}
{%- set compared = ['student_count'] + published_measures() | list %}
select
    this_year.school_id,
    this_year.iso_week,
    year_before.iso_week as iso_week_before,
    {{ beside('this_year', 'year_before', compared) }}
from {{ ref('public_weekly_school_behavior') }} as this_year
inner join {{ ref('public_weekly_school_behavior') }} as year_before
    on
        this_year.school_id = year_before.school_id
        and {{ year_before('this_year.iso_week') }} = year_before.iso_week
