{#- The holidays that `school_holidays` of `dbt_project.yml` names, as rows. -#}
{%- set holidays = var('school_holidays') %}
{%- for holiday in holidays %}
select
    cast('{{ holiday.school_id }}' as varchar) as school_id,
    date '{{ holiday.first_day }}' as first_day,
    date '{{ holiday.last_day }}' as last_day,
    cast('{{ holiday.name }}' as varchar) as name
{%- if not loop.last %}
union all
{%- endif %}
{%- else %}
select
    cast(null as varchar) as school_id,
    cast(null as date) as first_day,
    cast(null as date) as last_day,
    cast(null as varchar) as name
where false
{%- endfor %}
