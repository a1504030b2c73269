"""Datasources: what there is, adding and changing stored ones, and what they hold."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from analysis_sandbox.services.datasource_models import (
    DatasourceCatalog,
    DatasourceDetail,
    DatasourceList,
    DatasourceRemoved,
    DatasourceSample,
    DatasourceTest,
    DatasourceType,
    SecretRotation,
)
from analysis_sandbox.services.discovery import (
    DEFAULT_ENTRIES,
    DEFAULT_ROWS,
    MOST_ENTRIES,
    MOST_ROWS,
)
from api import examples
from api.datasource_schemas import AddDatasourceRequest, ChangeDatasourceRequest
from api.dependencies import Caller, DatasourceName, EntryName, JSONRoute, Use, errors
from api.examples import answers

router = APIRouter(prefix="/api/datasources", tags=["datasources"], route_class=JSONRoute)

_Version = Annotated[
    int | None, Query(description="Refuse, with 409, when it is at another version by now.")
]


@router.get(
    "",
    operation_id="list_datasources",
    summary="List datasources",
    responses={**answers(examples.DATASOURCES), **errors()},
)
def list_datasources(services: Use, caller: Caller) -> DatasourceList:
    """Return the datasources of the token's project, by name; no configuration, no secret."""
    return services.datasources.list_datasources(caller)


@router.post(
    "",
    operation_id="add_datasource",
    summary="Add a datasource",
    status_code=201,
    responses={**answers(examples.DATASOURCE, status=201), **errors(409, 413, 415)},
)
def add_datasource(
    body: AddDatasourceRequest, services: Use, caller: Caller, response: Response
) -> DatasourceDetail:
    """Check a configuration and store it, its secrets encrypted. Needs the role manager.

    Nothing is connected to: test it afterwards. One that reaches the machine itself (its files,
    its sockets, its private network over HTTP) needs the role admin.
    """
    added = services.datasources.add(
        caller, body.name, type_name=body.type, access=body.access, config=body.config
    )
    response.headers["Location"] = f"{router.prefix}/{added.name}"
    return added


@router.get(
    "/types",
    operation_id="list_datasource_types",
    summary="List types of datasources",
    responses={**answers(examples.DATASOURCE_TYPES), **errors()},
)
def list_datasource_types(services: Use, caller: Caller) -> list[DatasourceType]:
    """Return the installed types with the JSON Schema of their configuration."""
    return services.datasources.types(caller)


@router.post(
    "/secrets/rotate",
    operation_id="rotate_datasource_secrets",
    summary="Change the key of stored secrets",
    responses=errors(409),
)
def rotate_datasource_secrets(services: Use, caller: Caller) -> SecretRotation:
    """Encrypt the secrets of every project with a new key. Needs the role admin."""
    return services.datasources.rotate_secrets(caller)


@router.get(
    "/{name}",
    operation_id="get_datasource",
    summary="Read a datasource",
    responses={**answers(examples.DATASOURCE), **errors(404)},
)
def get_datasource(name: DatasourceName, services: Use, caller: Caller) -> DatasourceDetail:
    """Return one datasource; managers see its configuration, nobody its secrets."""
    return services.datasources.get_datasource(caller, name)


@router.put(
    "/{name}",
    operation_id="update_datasource",
    summary="Change a datasource",
    responses={**answers(examples.DATASOURCE), **errors(404, 409, 413, 415)},
)
def update_datasource(
    name: DatasourceName, body: ChangeDatasourceRequest, services: Use, caller: Caller
) -> DatasourceDetail:
    """Replace what a stored datasource is configured with. Needs the role manager.

    Secrets stay when they are not named; where one is sent to cannot change without it.
    """
    return services.datasources.update(
        caller, name, access=body.access, config=body.config, version=body.version
    )


@router.delete(
    "/{name}",
    operation_id="remove_datasource",
    summary="Remove a datasource",
    responses=errors(404, 409),
)
def remove_datasource(
    name: DatasourceName,
    services: Use,
    caller: Caller,
    *,
    force: Annotated[bool, Query(description="Also when analyses use it.")] = False,
    version: _Version = None,
) -> DatasourceRemoved:
    """Remove a stored datasource and its secrets for good. Needs the role manager."""
    return services.datasources.remove(caller, name, force=force, version=version)


@router.post(
    "/{name}/test",
    operation_id="test_datasource",
    summary="Test a datasource",
    responses={**answers(examples.DATASOURCE_TEST), **errors(404)},
)
def test_datasource(name: DatasourceName, services: Use, caller: Caller) -> DatasourceTest:
    """Connect, and look at each layer that keeps it read-only. Needs the role manager."""
    return services.discovery.test(caller, name)


@router.get(
    "/{name}/catalog",
    operation_id="list_datasource_catalog",
    summary="List what a datasource holds",
    responses={**answers(examples.DATASOURCE_CATALOG), **errors(404)},
)
def list_datasource_catalog(
    name: DatasourceName,
    services: Use,
    caller: Caller,
    *,
    search: Annotated[
        str, Query(description="Only what has this in its name.", max_length=200)
    ] = "",
    limit: Annotated[
        int, Query(description="How many at most.", ge=1, le=MOST_ENTRIES)
    ] = DEFAULT_ENTRIES,
) -> DatasourceCatalog:
    """Return its tables, prefixes and objects, or operations. Needs the role runner."""
    return services.discovery.catalog(caller, name, search=search, limit=limit)


# Before the entry itself: its name may hold slashes.
@router.get(
    "/{name}/catalog/{entry:path}/sample",
    operation_id="sample_datasource_entry",
    summary="Read the first rows",
    responses={**answers(examples.DATASOURCE_SAMPLE), **errors(404)},
)
def sample_datasource_entry(
    name: DatasourceName,
    entry: EntryName,
    services: Use,
    caller: Caller,
    *,
    limit: Annotated[
        int, Query(description="How many rows at most.", ge=1, le=MOST_ROWS)
    ] = DEFAULT_ROWS,
) -> DatasourceSample:
    """Return the first rows of a table or an object. Needs the role runner."""
    return services.discovery.sample(caller, name, entry, limit=limit)


@router.get(
    "/{name}/catalog/{entry:path}",
    operation_id="describe_datasource_entry",
    summary="Describe what a datasource holds",
    responses={**answers(examples.DATASOURCE_ENTRY), **errors(404)},
)
def describe_datasource_entry(
    name: DatasourceName, entry: EntryName, services: Use, caller: Caller
) -> dict[str, Any]:
    """Return the columns of a table, or the parameters of an operation. Needs the role runner."""
    return services.discovery.describe(caller, name, entry)
