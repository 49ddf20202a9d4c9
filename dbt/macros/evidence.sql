{#-
    What stands behind a row of a mart, as its last columns but the partitions: how many lake rows it
    counts, and the first and the last of the loads that published them.
-#}

{#- Of lake rows, which are counted here. -#}
{% macro evidence() -%}
    count(*) as row_count,
    min(load_id) as first_load_id,
    max(load_id) as last_load_id
{%- endmacro %}

{#- Of a mart's rows, which are summed here; with a window, over its rows. -#}
{% macro evidence_of_rows(window=none) -%}
    {%- set over = ' over ' ~ window if window else '' -%}
    sum(row_count){{ over }} as row_count,
    min(first_load_id){{ over }} as first_load_id,
    max(last_load_id){{ over }} as last_load_id
{%- endmacro %}

{% macro evidence_columns() -%}
    row_count,
    first_load_id,
    last_load_id
{%- endmacro %}
