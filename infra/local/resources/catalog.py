"""The Glue catalog, made and read back, and Athena's work groups."""

from __future__ import annotations

from infra.local.declarations import WorkGroupDeclaration
from infra.local.resources.declared import Declared, same
from infra.local.resources.maker import Workshop
from infra.local.templates import Made


def database(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::Glue::Database."""
    glue = shop.client("glue")
    definition = declared.take("DatabaseInput")
    declared.only("CatalogId", shop.account_id)
    declared.done()
    glue.create_database(DatabaseInput=definition)
    found = glue.get_database(Name=definition["Name"])["Database"]
    same(declared.place, "database", definition, {key: found.get(key) for key in definition})
    return Made(definition["Name"])


def table(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::Glue::Table."""
    glue = shop.client("glue")
    database_name, definition = declared.take("DatabaseName"), declared.take("TableInput")
    declared.only("CatalogId", shop.account_id)
    declared.done()
    glue.create_table(DatabaseName=database_name, TableInput=definition)
    found = glue.get_table(DatabaseName=database_name, Name=definition["Name"])["Table"]
    same(declared.place, "table", definition, {key: found.get(key) for key in definition})
    return Made(definition["Name"])


def work_group(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::Athena::WorkGroup."""
    name = declared.take("Name")
    declared.without_effect("Description", "Tags", "State", "RecursiveDeleteOption")
    configuration = declared.part("WorkGroupConfiguration", {})
    declared.done()
    # Metrics, encryption and the engine's version have no meaning on one machine.
    configuration.without_effect("PublishCloudWatchMetricsEnabled", "EngineVersion")
    enforce = configuration.take("EnforceWorkGroupConfiguration", True)
    cutoff = configuration.take("BytesScannedCutoffPerQuery", None)
    result = configuration.part("ResultConfiguration", {})
    configuration.done()
    location = result.take("OutputLocation", None)
    result.without_effect("EncryptionConfiguration")
    result.done()
    shop.plan.work_groups.append(
        WorkGroupDeclaration(name, location, enforce, None if cutoff is None else int(cutoff))
    )
    return Made(name)
