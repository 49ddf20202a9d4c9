"""The teacher's pages: HTML beside the operations, from the same assembled profile.

`api.app.Api(pages=…)` takes their routes; `api.profile.student_profile` and
`api.routes.students.class_list` assemble what they show.
"""
