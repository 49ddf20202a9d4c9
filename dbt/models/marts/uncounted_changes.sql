{#- The late changes that no run has counted yet: the week was not built again since their load. -#}
{{ config(materialized='view', versions_to_keep=1) }}

select
    late.school_id,
    late.changed_week,
    max(late.as_of) as as_of,
    sum(late.row_count) as row_count,
    min(late.first_load_id) as first_load_id,
    max(late.last_load_id) as last_load_id
from {{ ref('late_changes') }} as late
left join {{ ref('weekly_school_behavior') }} as built
    on late.school_id = built.school_id and late.changed_week = built.iso_week
where built.last_load_id is null or built.last_load_id < late.last_load_id
group by late.school_id, late.changed_week
