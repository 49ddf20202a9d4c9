{#-
    The totals of a mart are those of what it counts, for each school and week.

    Args:
        other: What it counts, by school and week.
        totals: By name, an aggregate `here` and the one `there` that must equal it.
        everything: Compares all weeks, not only those that the last run built.
-#}
{% test adds_up_to(model, other, totals, everything=false) %}

with here as (

    select
        school_id,
        iso_week,
        {%- for name, total in totals.items() %}
        {{ total.here }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ recent(model, model, everything) }}
    group by school_id, iso_week

),

there as (

    select
        school_id,
        iso_week,
        {%- for name, total in totals.items() %}
        {{ total.there }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ recent(other, model, everything) }}
    group by school_id, iso_week

)

select
    coalesce(here.school_id, there.school_id) as school_id,
    coalesce(here.iso_week, there.iso_week) as iso_week,
    {%- for name in totals %}
    here.{{ name }} as {{ name }}_here,
    there.{{ name }} as {{ name }}_there{{ ',' if not loop.last }}
    {%- endfor %}
from here
full outer join there on here.school_id = there.school_id and here.iso_week = there.iso_week
where
    {%- for name in totals %}
    {{ 'or ' if not loop.first }}coalesce(here.{{ name }}, 0) <> coalesce(there.{{ name }}, 0)
    {%- endfor %}

{% endtest %}
