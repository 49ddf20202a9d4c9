"""Ten questions to begin with: what analysts ask, as the SQL that answers and the chart that shows it.

Each stands in one place, `pipelines.questions.catalogue`; the docs, the saved queries of the
template, `luca ask` and the notebook are made of it.
"""
