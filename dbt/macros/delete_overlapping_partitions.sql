{#-
    Replaces dbt-athena's macro of this name, which `insert_overwrite` calls between building the
    new rows and inserting them. dbt-athena removes the partitions that the new rows fill, so a
    (cohort, week) that no longer has rows, because its students moved to another cohort, would
    stay and count them twice. Here all weeks that were built again go, in every cohort; of a mart
    that is built by period (`meta`), all those periods; of one whose weeks are built once, only what
    is built now. First the columns are compared: where they differ nothing may be gone.
-#}
{% macro delete_overlapping_partitions(target_relation, tmp_relation, partitioned_by) %}
    {%- do process_schema_changes(config.get('on_schema_change'), tmp_relation, target_relation) -%}
    {%- if config.get('meta', {}).get('built_by') == 'period' -%}
        {%- for period in run_query('select distinct period from ' ~ tmp_relation).columns[0].values() -%}
            {%- do adapter.clean_up_partitions(target_relation, ["period = '" ~ period ~ "'"]) -%}
        {%- endfor -%}
        {{ return('') }}
    {%- endif -%}
    {%- set first = look_back(target_relation) if config.get('meta', {}).get('built_by') != 'once' else none -%}
    {%- set built = run_query('select min(iso_week) as iso_week from ' ~ tmp_relation).columns[0].values()[0] -%}
    {#- The look-back goes even if nothing is left in it; a school's pause may reach further back. -#}
    {%- set weeks = ([iso_week_of(first)] if first else []) + ([built] if built else []) -%}
    {%- if weeks -%}
        {%- do adapter.clean_up_partitions(target_relation, ["iso_week >= '" ~ weeks | min ~ "'"]) -%}
    {%- endif -%}
{% endmacro %}
