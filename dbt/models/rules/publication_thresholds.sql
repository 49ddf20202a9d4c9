{#- The schools that `publication_thresholds` of `dbt_project.yml` names, as rows; a lower number than the floor is the floor. -#}
{%- set thresholds = var('publication_thresholds') %}
{%- for threshold in thresholds %}
select
    cast('{{ threshold.school_id }}' as varchar) as school_id,
    greatest(cast({{ threshold.student_count }} as bigint), {{ publication_floor() }}) as student_count
{%- if not loop.last %}
union all
{%- endif %}
{%- else %}
select
    cast(null as varchar) as school_id,
    cast(null as bigint) as student_count
where false
{%- endfor %}
