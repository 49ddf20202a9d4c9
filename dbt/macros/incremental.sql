{#-
    Replaces dbt-athena's materialization of this name. Athena computes the rows of what is built again into
    one table without partitions, at once, and `pipelines/trends/publishing.py` makes partitions of it:
    Athena itself writes at most 100 in a statement, and can replace none without removing it first.

    What is built again goes where nothing is left of it: every week from the look-back on, in every cohort;
    of a mart that is built by period (`meta`), all those periods; of one whose weeks are built once, only
    what is built now. A full refresh leaves nothing of before.
-#}
{% materialization incremental, adapter='athena' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_relation(this) -%}
    {%- set staging = make_temp_relation(target_relation) -%}
    {%- set again = is_incremental() -%}
    {%- set built_by = config.get('meta', {}).get('built_by', 'week') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {%- set left = adapter.get_relation(staging.database, staging.schema, staging.identifier) -%}
    {%- if left is not none -%}{%- do drop_relation(left) -%}{%- endif -%}
    {%- do run_query(create_table_as(true, staging, compiled_code, 'sql', true)) -%}

    {%- if existing_relation is not none and existing_relation.is_view -%}
        {%- do drop_relation(existing_relation) -%}
    {%- elif again -%}
        {#- Where the columns differ nothing may be changed. -#}
        {%- do process_schema_changes(config.get('on_schema_change'), staging, target_relation) -%}
    {%- endif -%}

    {%- set first = look_back(target_relation) if again and built_by == 'week' else none -%}
    {%- set published = adapter.publish_mart(
        target_relation,
        staging,
        config.get('partitioned_by'),
        'all' if not again else 'periods' if built_by == 'period' else 'weeks',
        iso_week_of(first) if first else none,
        config.get('write_compression')
    ) -%}
    {%- do store_raw_result(
        'main',
        message=published.rows ~ ' rows; partitions: ' ~ published.written ~ ' written, ' ~ published.unchanged
            ~ ' unchanged, ' ~ published.dropped ~ ' dropped',
        code='OK',
        rows_affected=published.rows
    ) -%}

    {%- do drop_relation(staging) -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
