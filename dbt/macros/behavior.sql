{#- The types of the event contract (`transforms/events.py`; a test compares them). -#}
{% macro event_types() %}
    {{ return([
        'attendance',
        'participation',
        'activity_completed',
        'class_response',
        'assignment_submitted',
        'help_request',
        'conduct',
    ]) }}
{% endmacro %}

{#- Its statuses of attendance. -#}
{% macro attendance_statuses() %}
    {{ return(['present', 'late', 'absent', 'excused']) }}
{% endmacro %}

{#- The whole numbers that a week sums; 0 in an empty week. -#}
{% macro weekly_counts() %}
    {%- set counts = ['event_count'] -%}
    {%- for type in event_types() -%}{%- do counts.append(type ~ '_count') -%}{%- endfor -%}
    {%- for status in attendance_statuses() -%}{%- do counts.append(status ~ '_count') -%}{%- endfor -%}
    {{ return(counts + ['points']) }}
{% endmacro %}

{#- Share of the lessons that a student could attend and did; an excused absence is neither. -#}
{% macro attendance_rate() -%}
    cast(present_count + late_count as double) / nullif(present_count + late_count + absent_count, 0)
{%- endmacro %}
