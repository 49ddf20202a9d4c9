{#-
    One row per school, ISO week that was final and week of the load that brought rows of it all the same.
    A run looks at the loads of the newest two months; which weeks the lake knew when a load was
    opened is told by the calendar, whose rows name the first load of each week.
-#}
{{ config(partitioned_by=['iso_week'], meta={'built_by': 'once'}) }}

{%- set loads = source('lake', 'loads') %}
{%- set calendar = ref('school_weeks') %}
{%- set first_load_week = first_looked_at_load_week(loads) %}
{%- set newest = first_read_week(calendar) %}

with published as (

    select
        loads.load_id,
        loads.school_id,
        loads.published_at,
        {{ iso_week('loads.opened_at') }} as iso_week,
        weeks.changed_week,
        weeks.week_rows
    from {{ loads }} as loads
    cross join unnest(loads.published_weeks) as weeks (changed_week, week_rows)
    where
        loads.table_name = 'behavior_events'
    {%- if first_load_week %}
        and {{ in_months_since(first_load_week) }}
        and {{ iso_week('loads.opened_at') }} >= '{{ iso_week_of(first_load_week) }}'
        {%- endif %}

),

arrived as (

    select
        week_start,
        min(first_load_id) as first_load_id
    from {{ calendar }}
    where
        event_count > 0
    {%- if newest %}
        and {{ since(calendar, weeks_after(newest, -var('silent_weeks_limit'))) }}
        {%- endif %}
    group by week_start

),

-- A week is final when four newer ones are there; what a load itself brings makes none final for it.
final_weeks as (

    select
        published.load_id,
        {{ iso_week("date_add('week', -" ~ var('look_back_weeks') ~ ", max(arrived.week_start))") }}
            as newest_final_week
    from published
    inner join arrived on published.load_id > arrived.first_load_id
    group by published.load_id

)

select
    published.school_id,
    published.changed_week,
    max(published.published_at) as as_of,
    sum(published.week_rows) as row_count,
    min(published.load_id) as first_load_id,
    max(published.load_id) as last_load_id,
    published.iso_week
from published
inner join final_weeks
    on published.load_id = final_weeks.load_id and published.changed_week <= final_weeks.newest_final_week
group by published.school_id, published.changed_week, published.iso_week
