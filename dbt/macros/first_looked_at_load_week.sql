{#-
    The first week whose loads a run looks at, as a Monday: that of the month before the newest load's;
    earlier if the run was told to (`since`), none when it looks at all. The newest month is read from
    the catalog, not from files.
-#}
{% macro first_looked_at_load_week(loads) %}
    {%- if not (execute and is_incremental()) -%}{{ return(none) }}{%- endif -%}
    {%- set partitions = loads.incorporate(path={'identifier': loads.identifier ~ '$partitions'}) -%}
    {%- set newest = run_query("select max(year || '-' || month) as month from " ~ partitions).columns[0].values()[0] -%}
    {%- if not newest -%}{{ return(none) }}{%- endif -%}
    {%- set before = modules.datetime.date.fromisoformat(newest ~ '-01') - modules.datetime.timedelta(days=28) -%}
    {{ return(earlier_if_asked(weeks_after(before, 0) - modules.datetime.timedelta(days=before.weekday()))) }}
{% endmacro %}

{#- The Monday from which a run reads a mart that it is not building; none where it builds all anew. -#}
{% macro first_read_week(mart) %}
    {%- if not (execute and is_incremental()) -%}{{ return(none) }}{%- endif -%}
    {{ return(look_back(mart)) }}
{% endmacro %}
