{#-
    Theil-Sen's slope: the median of the slopes between all pairs of points, which one odd week of
    four hardly moves (Sen 1968, https://doi.org/10.1080/01621459.1968.10480934).

    Of so few points Sen's interval can only be the one from the least to the greatest slope. It
    holds the true slope with confidence 1 - 2/n!: all n points would have to stand in order of
    their errors for it to miss. That is 92 % of four weeks and 67 % of three.
-#}

{#- The slopes between all pairs of a row's points, sorted; a pair with a missing point gives none. -#}
{% macro pair_slopes(values, weeks) -%}
    array_sort(filter(array[
        {%- for i in range(values | length) %}
        {%- for j in range(i + 1, values | length) %}
        cast({{ values[i] }} - {{ values[j] }} as double) / ({{ weeks[i] }} - {{ weeks[j] }})
        {{- ',' if not (loop.last and i == values | length - 2) }}
        {%- endfor %}
        {%- endfor %}
    ], slope -> slope is not null))
{%- endmacro %}

{#- The median of sorted slopes; null of fewer than three, which two points are enough for. -#}
{% macro median_slope(slopes) -%}
    if(
        cardinality({{ slopes }}) >= 3,
        (
            element_at({{ slopes }}, (cardinality({{ slopes }}) + 1) / 2)
            + element_at({{ slopes }}, cardinality({{ slopes }}) / 2 + 1)
        ) / 2
    )
{%- endmacro %}
