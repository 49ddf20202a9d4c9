"""The teacher's pages: HTML beside the operations, from the same assembled contents.

`site.routes` makes their routes, for `api.app.Api(pages=…)`; `student` and `classes` are the pages,
`frame` answers their requests by the operations' own `Endpoint`. Nothing runs in the browser: folding
is HTML's, sorting and weeks are links, the chart is drawn here.
"""
