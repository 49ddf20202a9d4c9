"""Step Functions on one machine: an interpreter of the Amazon States Language that we use.

Small and honest: JSONPath, `lambda:invoke`, `states:startExecution.sync:2`, `ecs:runTask.sync`, maps
(inline, or distributed over a JSON list in S3), and the fields of `definition`; whatever else a
definition says is refused before it runs. Unlike the
emulators' interpreters it keeps the error type of a failed function (our retries name them),
counts transitions and waits, and can run waits at any scale (`docs/decisions` says what the
emulators do instead).
https://states-language.net/spec.html
"""
