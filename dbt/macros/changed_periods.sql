{#-
    The periods in which grades or evaluations changed within the look-back, and from which week on
    their changes are: what a run of `student_period_grades` builds again. None when it builds all.

    A period lasts months, not years, so that what is read does not grow with history.
-#}
{% macro changed_periods(changes) %}
    {%- if not (execute and is_incremental()) -%}{{ return(none) }}{%- endif -%}
    {%- set first = look_back(ref('weekly_student_behavior')) -%}
    {%- if first is none -%}{{ return(none) }}{%- endif -%}
    {%- set touched -%}
        select period, min(week_start) as first_week
        from {{ changes }}
        where {{ since(changes, first) }} and change_type in ('evaluation', 'grade')
        group by period
    {%- endset -%}
    {%- set fresh = run_query(touched) -%}
    {%- if not fresh.rows -%}{{ return({'names': [], 'first_week': first}) }}{%- endif -%}
    {%- set names = fresh.columns[0].values() | list -%}
    {%- set known -%}
        select min(first_change_week) as first_week from {{ this }} where period in ('{{ names | join("', '") }}')
    {%- endset -%}
    {%- set before = run_query(known).columns[0].values()[0] -%}
    {%- set weeks = fresh.columns[1].values() | list + ([before] if before else []) -%}
    {{ return({'names': names, 'first_week': weeks | min}) }}
{% endmacro %}
