{#- The ISO week of a date column, such as 2026-W06. -#}
{% macro iso_week(day) -%}
    cast(year_of_week({{ day }}) as varchar) || '-W' || lpad(cast(week({{ day }}) as varchar), 2, '0')
{%- endmacro %}

{#- The same, of a date in Jinja. -#}
{% macro iso_week_of(day) -%}
    {%- set year, week, _ = day.isocalendar() -%}
    {{ return('%d-W%02d' % (year, week)) }}
{%- endmacro %}

{#- The Monday, a date in Jinja, so many weeks after another. -#}
{% macro weeks_after(monday, weeks) -%}
    {{ return(monday + modules.datetime.timedelta(weeks=weeks)) }}
{%- endmacro %}

{#- The Monday of an ISO week in text. -#}
{% macro monday_of(iso_week) -%}
    {%- set year, week = iso_week.split('-W') -%}
    {{ return(modules.datetime.date.fromisocalendar(year | int, week | int, 1)) }}
{%- endmacro %}

{#-
    Predicate on the rows of a week and all later ones. Lake rows are told by year and month too, in
    literals, because Athena prunes partitions by nothing else; a mart is partitioned by week.
-#}
{% macro since(relation, monday) -%}
    iso_week >= '{{ iso_week_of(monday) }}'
    {%- if relation.identifier.startswith('stg_') %}
    and {{ in_months_since(monday) }}
    {%- endif -%}
{%- endmacro %}

{#- Predicate on lake rows: those of a date's month and all later ones. -#}
{% macro in_months_since(day) -%}
    (year > '{{ day.year }}' or (year = '{{ day.year }}' and month >= '{{ '%02d' % day.month }}'))
{%- endmacro %}

{#- Predicate on a mart's rows: the so many weeks before one, as literals, because they are partitions. -#}
{% macro in_weeks_before(monday, weeks) -%}
    {%- set names = [] -%}
    {%- for back in range(weeks, 0, -1) -%}
        {%- do names.append("'" ~ iso_week_of(weeks_after(monday, -back)) ~ "'") -%}
    {%- endfor -%}
    iso_week in ({{ names | join(', ') }})
{%- endmacro %}

{#- Predicate on lake rows: those of this month and the one before. -#}
{% macro of_late() -%}
    {{ in_months_since(run_started_at - modules.datetime.timedelta(days=31)) }}
{%- endmacro %}

{#- The ISO week of the same number in the year before a text such as 2026-W06. -#}
{% macro year_before(iso_week) -%}
    cast(cast(substr({{ iso_week }}, 1, 4) as integer) - 1 as varchar) || substr({{ iso_week }}, 5)
{%- endmacro %}
