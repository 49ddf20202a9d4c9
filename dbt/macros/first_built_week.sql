{#-
    The first week that a run builds, as a Monday (a date in Jinja); none when it builds all.

    It is the mart's look-back, or earlier: a school that sends again after a pause needs the weeks
    of its pause too. Both answers cost the same after one year of history and after ten.

    Args:
        upstream: What the mart counts, by school and week.
        calendar: `school_weeks`, which knows in one small partition who pauses; without it, the mart
            has no rows of weeks without events, so that a pause leaves nothing to fill.
-#}
{% macro first_built_week(upstream, calendar=none) %}
    {%- if not (execute and is_incremental()) -%}{{ return(none) }}{%- endif -%}
    {%- set first = look_back(this) -%}
    {%- if first is none or calendar is none -%}{{ return(first) }}{%- endif -%}
    {%- set before = weeks_after(first, -1) -%}
    {%- set pausing -%}
        select school_id
        from {{ calendar }}
        where
            iso_week = '{{ iso_week_of(before) }}'
            and last_event_week < date '{{ before.isoformat() }}'
            and school_id in (select school_id from {{ upstream }} where {{ since(upstream, first) }})
    {%- endset -%}
    {%- set schools = run_query(pausing).columns[0].values() -%}
    {%- if not schools -%}{{ return(first) }}{%- endif -%}
    {#- Longer pauses leave nothing behind: by then every student of the school counts as gone. -#}
    {%- set pause = var('silent_weeks_limit') + history_weeks() -%}
    {%- set resumed -%}
        with latest as (
            select school_id, max(iso_week) as iso_week
            from {{ this }}
            where
                iso_week >= '{{ iso_week_of(weeks_after(first, -pause)) }}'
                and school_id in ('{{ schools | join("', '") }}')
            group by school_id
        )
        select min(iso_week) as iso_week
        from latest
        where iso_week < '{{ iso_week_of(before) }}'
    {%- endset -%}
    {%- set paused = run_query(resumed).columns[0].values()[0] -%}
    {{ return(weeks_after(monday_of(paused), 1) if paused else first) }}
{% endmacro %}

{#-
    The Monday from which on every run builds a mart again; none while it is empty. The newest week
    is read from the catalog, not from files.
-#}
{% macro look_back(mart) %}
    {%- set newest = newest_week(mart) -%}
    {%- if not newest -%}{{ return(none) }}{%- endif -%}
    {{ return(earlier_if_asked(weeks_after(monday_of(newest), 1 - var('look_back_weeks')))) }}
{% endmacro %}

{#- The newest ISO week of a mart; none while it is empty. -#}
{% macro newest_week(mart) %}
    {%- set partitions = mart.incorporate(path={'identifier': mart.identifier ~ '$partitions'}) -%}
    {{ return(run_query('select max(iso_week) as iso_week from ' ~ partitions).columns[0].values()[0]) }}
{% endmacro %}

{#- A Monday, or that of the date that the run was told to build from (`since`), where it is earlier. -#}
{% macro earlier_if_asked(monday) %}
    {%- if not var('since') -%}{{ return(monday) }}{%- endif -%}
    {%- set since = modules.datetime.date.fromisoformat(var('since')) -%}
    {{ return([monday, since - modules.datetime.timedelta(days=since.weekday())] | min) }}
{% endmacro %}

{#- How many earlier weeks a week's figures look at, in `weekly_student_behavior`. -#}
{% macro history_weeks() %}{{ return(4) }}{% endmacro %}

{#- The same, in `weekly_student_trends`: a week's window is eight weeks that end with it. -#}
{% macro trend_history_weeks() %}{{ return(7) }}{% endmacro %}
