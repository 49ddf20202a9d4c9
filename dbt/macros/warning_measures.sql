{#- What a rule of early warning may look at, each with the count of what it is made of. -#}
{% macro warning_measures() %}
    {{ return({
        'absence_rate_8w': 'attendance_count_8w',
        'absence_streak_weeks': 'attendance_count_8w',
        'points_slope_high_4w': 'points_slope_weeks',
        'negative_conduct_count_4w': 'row_count',
        'homework_count_4w': 'if(points_slope_weeks = 4, homework_count_8w, 0)',
        'silent_school_weeks': 'row_count',
    }) }}
{% endmacro %}
