{#-
    What a data test reads of a relation: its mart's look-back, so that a test costs the same every
    week.

    Args:
        relation: A mart, or what it counts.
        mart: Whose look-back it is.
        everything: Reads all weeks instead.
-#}
{% macro recent(relation, mart, everything=false) -%}
    {%- set first = look_back(mart) if execute and not everything else none -%}
    {%- if first -%}
    (select * from {{ relation }} where {{ since(relation, first) }})
    {%- else -%}
    {{ relation }}
    {%- endif -%}
{%- endmacro %}
