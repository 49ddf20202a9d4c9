{#- One row per ISO week: the published cells of all schools together. -#}
select
    iso_week,
    {{ summed_cells() }}
from {{ ref('public_weekly_cohort_behavior') }}
group by iso_week
