"""The teacher's pages: HTML beside the operations, from the same assembled contents.

`api.app.Api(pages=…)` takes a function that makes their routes. `api.profile.student_profile` and
`api.class_week.class_week` assemble what they show, `adapters.tenant_table.evaluations` what stands
behind a grade.
"""
