from __future__ import annotations

from pathlib import Path

import yaml

from infra.local.templates import read_template
from transforms.load_history import COLUMNS, NAME, PARTITION_KEYS

ROOT = Path(__file__).parents[2]


def test_the_template_declares_the_columns() -> None:
    table = read_template(ROOT / "infra" / "load.yaml").resources["LoadsTable"].properties["TableInput"]
    declared = [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]]
    assert declared == [(column.name, column.glue_type) for column in COLUMNS]
    assert [key["Name"] for key in table["PartitionKeys"]] == list(PARTITION_KEYS)
    assert table["Name"] == NAME


def test_the_source_of_dbt_describes_the_columns() -> None:
    text = (ROOT / "dbt" / "models" / "staging" / "lake.yml").read_text()
    (source,) = [each for each in yaml.safe_load(text)["sources"][0]["tables"] if each["name"] == NAME]
    described = [(column["name"], column["data_type"], column["description"]) for column in source["columns"]]
    assert described == [
        *((c.name, c.glue_type, f"{{{{ doc('loads_{c.name}') }}}}") for c in COLUMNS),
        *((key, "string", f"{{{{ doc('loads_{key}') }}}}") for key in PARTITION_KEYS),
    ]
    docs = (ROOT / "dbt" / "models" / "staging" / "loads_columns.md").read_text()
    for column in COLUMNS:
        assert f"{{% docs loads_{column.name} %}}\n{column.meaning}\n{{% enddocs %}}" in docs


def test_no_column_speaks_of_a_person() -> None:
    assert not {column.name for column in COLUMNS} & {"student_key", "teacher_key", "student_id", "event_id"}
