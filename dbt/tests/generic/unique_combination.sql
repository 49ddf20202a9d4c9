{#- No two rows agree in all these columns. -#}
{% test unique_combination(model, columns, everything=false) %}

select
    {{ columns | join(',\n    ') }},
    count(*) as copies
from {{ recent(model, model, everything) }}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
