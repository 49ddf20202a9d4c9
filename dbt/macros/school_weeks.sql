{#- A measure of the three school weeks before, where they are within the window. -#}
{% macro lags_within(name) %}
    {%- set lags = [] -%}
    {%- for back in range(1, 4) -%}
        {%- do lags.append(
            'if(week_number - week_number_' ~ back ~ ' <= ' ~ trend_history_weeks() ~ ', ' ~ name ~ '_' ~ back ~ ')'
        ) -%}
    {%- endfor -%}
    {{ return(lags) }}
{% endmacro %}

{#- Sum of a count over the last four school weeks of the window; null in a week without school. -#}
{% macro of_four(name) -%}
    if(is_school_week, {{ name }}
    {%- for lag in lags_within(name) %} + coalesce({{ lag }}, 0){% endfor %})
{%- endmacro %}

{#- These columns of the three school weeks before, over the window `school_weeks`: `points_1` … -#}
{% macro lagged_columns(names) -%}
    {%- for name in names -%}
    {%- set last = loop.last -%}
    {%- for back in range(1, 4) -%}
    lag({{ name }}, {{ back }}) over school_weeks as {{ name }}_{{ back }}{{ ',\n' if not (last and loop.last) }}
    {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}

{#- The slopes of a measure between all pairs of the last four school weeks of the window. -#}
{% macro slopes_of_four(name) -%}
    {{ pair_slopes([name] + lags_within(name), ['week_number'] + lags_within('week_number')) }}
{%- endmacro %}
