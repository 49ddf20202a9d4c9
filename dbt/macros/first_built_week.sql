{#-
    The first week that a run builds, as a Monday (a date in Jinja); none when it builds all.

    It is the mart's look-back, or earlier: a school that sends again after a pause needs the weeks
    of its pause too. Both answers come from the mart's latest weeks, so that they cost the same
    after one year and after ten.

    Args:
        upstream: What the mart counts, by school and week.
-#}
{% macro first_built_week(upstream) %}
    {%- if not (execute and is_incremental()) -%}{{ return(none) }}{%- endif -%}
    {%- set first = look_back(this) -%}
    {%- if first is none -%}{{ return(none) }}{%- endif -%}
    {#- Longer pauses leave nothing behind: by then every student of the school counts as gone. -#}
    {%- set pause = var('silent_weeks_limit') + history_weeks() -%}
    {%- set resumed -%}
        with latest as (
            select school_id, max(week_start) as week_start
            from {{ this }}
            where iso_week >= '{{ iso_week_of(weeks_after(first, -pause)) }}'
            group by school_id
        )
        select min(week_start) as week_start
        from latest
        where
            week_start < date '{{ weeks_after(first, -1).isoformat() }}'
            and school_id in (select school_id from {{ upstream }} where {{ since(upstream, first) }})
    {%- endset -%}
    {%- set paused = run_query(resumed).columns[0].values()[0] -%}
    {{ return(weeks_after(paused, 1) if paused else first) }}
{% endmacro %}

{#-
    The Monday from which on every run builds a mart again; none while it is empty. The newest week
    is read from the catalog, not from files.
-#}
{% macro look_back(mart) %}
    {%- set partitions = mart.incorporate(path={'identifier': mart.identifier ~ '$partitions'}) -%}
    {%- set newest = run_query('select max(iso_week) as iso_week from ' ~ partitions).columns[0].values()[0] -%}
    {%- if not newest -%}{{ return(none) }}{%- endif -%}
    {%- set first = weeks_after(monday_of(newest), 1 - var('look_back_weeks')) -%}
    {%- if var('since') -%}
        {%- set since = modules.datetime.date.fromisoformat(var('since')) -%}
        {%- set first = [first, since - modules.datetime.timedelta(days=since.weekday())] | min -%}
    {%- endif -%}
    {{ return(first) }}
{% endmacro %}

{#- How many earlier weeks a week's figures look at. -#}
{% macro history_weeks() %}{{ return(4) }}{% endmacro %}
