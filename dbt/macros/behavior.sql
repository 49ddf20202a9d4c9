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

{#- Its polarities of conduct that say something. -#}
{% macro told_polarities() %}
    {{ return(['positive', 'negative']) }}
{% endmacro %}

{#- The whole numbers that a week sums; 0 in an empty week. -#}
{% macro weekly_counts() %}
    {%- set counts = ['event_count'] -%}
    {%- for type in event_types() -%}{%- do counts.append(type ~ '_count') -%}{%- endfor -%}
    {%- for status in attendance_statuses() -%}{%- do counts.append(status ~ '_count') -%}{%- endfor -%}
    {%- for polarity in told_polarities() -%}{%- do counts.append(polarity ~ '_conduct_count') -%}{%- endfor -%}
    {{ return(counts + ['points']) }}
{% endmacro %}

{#- The same, counted from events. -#}
{% macro counted_events() -%}
    count(*) as event_count,
    {%- for type in event_types() %}
    count_if(event_type = '{{ type }}') as {{ type }}_count,
    {%- endfor %}
    {%- for status in attendance_statuses() %}
    count_if(status = '{{ status }}') as {{ status }}_count,
    {%- endfor %}
    {%- for polarity in told_polarities() %}
    count_if(polarity = '{{ polarity }}') as {{ polarity }}_conduct_count,
    {%- endfor %}
    sum(points) as points
{%- endmacro %}

{#- Share of the lessons that a student could attend and did; an excused absence is neither. -#}
{% macro attendance_rate() -%}
    cast(present_count + late_count as double) / nullif(present_count + late_count + absent_count, 0)
{%- endmacro %}

{#-
    What a week of many students says, from their rows of `weekly_student_behavior`. A mean is rounded
    because its last bits depend on the order in which its terms are added.
-#}
{% macro summed_students() -%}
    count(*) as student_count,
    count_if(event_count > 0) as active_student_count,
    {%- for count in weekly_counts() %}
    sum({{ count }}) as {{ count }},
    {%- endfor %}
    round(avg(attendance_rate), 10) as attendance_rate,
    count_if(trend = 'rising') as rising_student_count,
    count_if(trend = 'steady') as steady_student_count,
    count_if(trend = 'falling') as falling_student_count,
    arbitrary(as_of) as as_of,
    arbitrary(is_final) as is_final,
    {{ evidence_of_rows() }}
{%- endmacro %}
