{#- One row per school and ISO week: its published cells together. -#}
select
    school_id,
    iso_week,
    {{ summed_cells() }}
from {{ ref('public_weekly_cohort_behavior') }}
group by school_id, iso_week
