{#-
    What may be published of a cell, a school's cohort in a week. `docs/decisions` says why these rules.
-#}

{#- No cell of fewer students is published, whatever a school wishes. -#}
{% macro publication_floor() %}{{ return(10) }}{% endmacro %}

{#- Numbers of students are rounded down to a multiple of this. -#}
{% macro published_student_step() %}{{ return(5) }}{% endmacro %}

{#-
    How near to 0 and to 100 %, in per cent, the rate of so many students is told.

    Args:
        students: A published number of students, at least the floor.
-#}
{% macro rate_margin(students) -%}
    case
        when {{ students }} < 20 then 20
        when {{ students }} < 40 then 10
        when {{ students }} < 100 then 5
        when {{ students }} < 300 then 2
        else 1
    end
{%- endmacro %}

{#- A number of which no more is told than that it is within a margin (in per cent) of the least it can be or of 1. -#}
{% macro coded(share, margin, least=0) -%}
    least(greatest(round({{ share }}, 2), {{ least }} + {{ margin }} / 100e0), 1 - {{ margin }} / 100e0)
{%- endmacro %}

{#- What a coded number is: `at_most` or `at_least` what is told; null where it is the number itself. -#}
{% macro coded_as(share, margin, least=0) -%}
    case
        when {{ share }} <= {{ least }} + {{ margin }} / 100e0 then 'at_most'
        when {{ share }} >= 1 - {{ margin }} / 100e0 then 'at_least'
    end
{%- endmacro %}

{#- The measures of a published cell: with how many decimals, and whether they are coded. -#}
{% macro published_measures() %}
    {{ return({
        'attendance_rate': {'decimals': 2, 'coded': true},
        'participations_per_student': {'decimals': 1, 'coded': false},
        'assignments_per_student': {'decimals': 1, 'coded': false},
        'points_per_student': {'decimals': 1, 'coded': false},
        'trend_balance': {'decimals': 2, 'coded': true},
    }) }}
{% endmacro %}

{#- What published cells say together: nothing but arithmetic on what is published. -#}
{% macro summed_cells() -%}
    sum(student_count) as student_count,
    count(*) as cell_count,
    {%- for name, measure in published_measures().items() %}
    round(
        sum({{ name }} * student_count) / nullif(sum(if({{ name }} is not null, student_count)), 0),
        {{ measure.decimals }}
    ) as {{ name }},
    {%- if measure.coded %}
    count_if({{ name }}_bound is not null) as {{ name }}_coded_cells,
    {%- endif %}
    {%- endfor %}
    arbitrary(week_start) as week_start
{%- endmacro %}

{#-
    The Monday from which on a run publishes; none when it publishes all.

    A week is published once, when it is final: two versions of a week would tell by their difference
    what came between. Where no cell is large enough a week leaves no trace, so a run looks back only
    so many weeks (`publication_weeks`). Only who names a date (`since`) publishes weeks again.

    Args:
        students: What is published.
-#}
{% macro first_unpublished_week(students) %}
    {%- if not (execute and is_incremental()) -%}{{ return(none) }}{%- endif -%}
    {%- set newest = newest_week(students) -%}
    {%- if not newest -%}{{ return(none) }}{%- endif -%}
    {%- set first = weeks_after(monday_of(newest), -var('publication_weeks')) -%}
    {%- set published = newest_week(this) -%}
    {%- if published -%}
        {%- set first = [first, weeks_after(monday_of(published), 1)] | max -%}
    {%- endif -%}
    {{ return(earlier_if_asked(first)) }}
{% endmacro %}

{#- The same columns of two relations, those of the second with `_before` behind their names. -#}
{% macro beside(this, before, names) -%}
    {%- for name in names -%}
    {{ this }}.{{ name }},
    {{ before }}.{{ name }} as {{ name }}_before{{ ',\n    ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
