{#- None of these columns is ever null. -#}
{% test never_null(model, columns) %}

select *
from {{ recent(model, model) }}
where
    {%- for column in columns %}
    {{ 'or ' if not loop.first }}{{ column }} is null
    {%- endfor %}

{% endtest %}
