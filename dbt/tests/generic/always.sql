{#- Every row keeps these rules; a row that does not is returned with the names of those it breaks. -#}
{% test always(model, rules, everything=false) %}

with judged as (

    select
        *,
        array_join(array[
            {%- for name, holds in rules.items() %}
            if(not coalesce({{ holds }}, false), '{{ name }}'){{ ',' if not loop.last }}
            {%- endfor %}
        ], ', ') as broken_rules
    from {{ recent(model, model, everything) }}

)

select *
from judged
where broken_rules <> ''

{% endtest %}
