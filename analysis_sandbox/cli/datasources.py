"""Commands about datasources: list, add, update, remove, test, and what they hold."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, cast

import typer

from analysis_sandbox.cli import output
from analysis_sandbox.cli.datasource_inputs import (
    is_secret,
    parse_fields,
    put,
    read_secrets,
    required_secrets,
    take,
)
from analysis_sandbox.cli.session import Session, with_session

datasource = typer.Typer(no_args_is_help=True, help="Where scripts get their data from.")

Access = Literal["read_only", "read_write"]
_Name = Annotated[str, typer.Argument(help="The datasource's name.")]
_Entry = Annotated[str, typer.Argument(help="As `tables` shows it.")]
_Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="A field, such as pool_size=2 or auth.type=bearer; FIELD:=JSON for lists.",
    ),
]
_Secret = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="FIELD[=@FILE]",
        help="A secret field: read from the file, else asked for (a line of stdin each).",
    ),
]
_Access = Annotated[Access | None, typer.Option("--access", help="What scripts may do.")]


@datasource.command("list")
@with_session
def list_datasources(session: Session) -> None:
    """List the datasources of the project."""
    with session.connect() as api:
        found = api.datasources("GET")
    if session.as_json:
        output.print_json(found)
        return
    output.print_table(
        ("NAME", "TYPE", "ACCESS", "FROM", "OPERATIONS", "PROBLEM"),
        (
            (
                one["name"],
                one["type"],
                one["access"],
                "datasources.yaml" if one["origin"] == "file" else "stored",
                ", ".join(one["operations"]),
                one["problem"],
            )
            for one in found["datasources"]
        ),
    )
    for one in found["datasources"]:
        for note in one["notes"]:
            output.say(f"note: {one['name']}: {note}")
    if found["problem"]:
        output.say(f"warning: {found['problem']}")


@datasource.command("show")
@with_session
def show(session: Session, name: _Name) -> None:
    """Show how a datasource is configured; of its secrets, which are set."""
    with session.connect() as api:
        _print(session, api.datasources("GET", name))


@datasource.command("types")
@with_session
def types(
    session: Session,
    type_name: Annotated[
        str | None, typer.Argument(metavar="TYPE", help="Show its fields.")
    ] = None,
) -> None:
    """List the types of datasources, or the fields of one."""
    with session.connect() as api:
        found: list[dict[str, Any]] = api.datasources("GET", below=["types"])
    one_type = None if type_name is None else _type(found, type_name)
    if session.as_json:
        output.print_json(one_type or found)
    elif one_type is None:
        output.print_table(
            ("TYPE", "WHAT IS CONFIGURED", "PROBLEM"),
            ((one["type"], one["description"], one["problem"]) for one in found),
        )
    else:
        _print_fields(one_type)


@datasource.command("add")
@with_session
def add(
    session: Session,
    name: _Name,
    *,
    type_name: Annotated[str, typer.Option("--type", help="`datasource types` lists them.")],
    fields: _Set = None,
    secret: _Secret = None,
    access: _Access = None,
) -> None:
    """Add a datasource; its secrets are asked for, stored encrypted and never shown."""
    with session.connect() as api:
        known = _type(api.datasources("GET", below=["types"]), type_name)
        config = parse_fields(fields or (), known["secrets"])
        wanted = required_secrets(known["config_schema"], known["secrets"])
        for field, value in read_secrets(secret or (), wanted=wanted).items():
            put(config, field, value)
        body = {"name": name, "type": type_name, "access": access, "config": config}
        _print(session, api.datasources("POST", body=body))
    output.say(f"Added. Test it: analysis-sandbox datasource test {name}")


@datasource.command("update")
@with_session
def update(
    session: Session,
    name: _Name,
    *,
    fields: _Set = None,
    unset: Annotated[
        list[str] | None, typer.Option("--unset", metavar="FIELD", help="Take a field away.")
    ] = None,
    secret: _Secret = None,
    access: _Access = None,
) -> None:
    """Change some fields of a stored datasource; the others, and its secrets, stay."""
    with session.connect() as api:
        known = api.datasources("GET", name)
        secrets = _type(api.datasources("GET", below=["types"]), known["type"])["secrets"]
        config: dict[str, Any] = known["config"] or {}
        for field, value in _leaves(parse_fields(fields or (), secrets)):
            put(config, field, value)
        for field in unset or ():
            if is_secret(field, secrets):
                put(config, field, None)
            else:
                take(config, field)
        for field, value in read_secrets(secret or (), wanted=()).items():
            put(config, field, value)
        body = {"access": access, "config": config, "version": known["version"]}
        _print(session, api.datasources("PUT", name, body=body))


@datasource.command("remove")
@with_session
def remove(
    session: Session,
    name: _Name,
    *,
    force: Annotated[bool, typer.Option("--force", help="Also when analyses use it.")] = False,
) -> None:
    """Remove a stored datasource and its secrets for good."""
    with session.connect() as api:
        removed = api.datasources("DELETE", name, force=force)
    if session.as_json:
        output.print_json(removed)
        return
    output.print_text(f"{name} is removed")
    if removed["used_by"]:
        output.say(f"warning: these fail from now on: {', '.join(removed['used_by'])}")


@datasource.command("test")
@with_session
def test(session: Session, name: _Name) -> None:
    """Connect to a datasource, and look at what keeps it read-only; 1 if it does not answer."""
    with session.connect() as api:
        found = api.datasources("POST", name, ["test"])
    if session.as_json:
        output.print_json(found)
    else:
        output.print_table(
            ("CHECK", "", "DETAIL"),
            (
                (check["name"], "ok" if check["ok"] else "NO", check["detail"])
                for check in found["checks"]
            ),
        )
    if not found["connected"]:
        raise typer.Exit(1)


@datasource.command("tables")
@with_session
def tables(
    session: Session,
    name: _Name,
    *,
    search: Annotated[str, typer.Option("--search", help="Only what has this in its name.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 1000,
) -> None:
    """List what a datasource holds: tables, prefixes and objects, or operations."""
    with session.connect() as api:
        found = api.datasources("GET", name, ["catalog"], search=search, limit=limit)
    if session.as_json:
        output.print_json(found)
        return
    output.print_table(
        ("NAME", "KIND", "ABOUT"),
        (
            (_full_name(entry), entry.get("kind"), entry.get("description"))
            for entry in found["entries"]
        ),
    )
    if found["truncated"]:
        output.say(f"{len(found['entries'])} of {found['total']}; narrow it down with --search")


@datasource.command("describe")
@with_session
def describe(session: Session, name: _Name, entry: _Entry) -> None:
    """Show one entry in full: the columns of a table, the parameters of an operation."""
    with session.connect() as api:
        found: dict[str, Any] = api.datasources("GET", name, ["catalog", entry])
    if session.as_json:
        output.print_json(found)
        return
    tables = {key: value for key, value in found.items() if _is_table(value)}
    output.print_fields({key: value for key, value in found.items() if key not in tables})
    for items in tables.values():
        _print_rows(items)


@datasource.command("sample")
@with_session
def sample(
    session: Session,
    name: _Name,
    entry: _Entry,
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many rows.")] = 10,
) -> None:
    """Show the first rows of a table or an object."""
    with session.connect() as api:
        found = api.datasources("GET", name, ["catalog", entry, "sample"], limit=limit)
    if session.as_json:
        output.print_json(found["rows"])
        return
    _print_rows([row if isinstance(row, dict) else {"value": row} for row in found["rows"]])


@datasource.command("rotate-key")
@with_session
def rotate_key(session: Session) -> None:
    """Encrypt the secrets of every project with a new key, and forget the one before."""
    with session.connect() as api:
        found = api.datasources("POST", below=["secrets", "rotate"])
    if session.as_json:
        output.print_json(found)
        return
    output.print_text(f"{found['reencrypted']} datasources are encrypted anew; key: {found['key']}")
    for name in found["unreadable"]:
        output.say(f"warning: {name}: its secrets could not be read; give them again")


def _type(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for one in found:
        if one["type"] == name:
            if one["problem"]:
                raise typer.BadParameter(one["problem"])
            return one
    known = ", ".join(one["type"] for one in found)
    raise typer.BadParameter(f"'{name}' is no type of datasource; there are {known}")


def _leaves(fields: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in fields.items():
        inner = cast("dict[str, object]", value) if isinstance(value, dict) else {}
        if inner:
            yield from _leaves(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, cast("object", value)


def _print(session: Session, found: dict[str, Any]) -> None:
    if session.as_json:
        output.print_json(found)
        return
    output.print_fields(
        {
            "name": found["name"],
            "type": found["type"],
            "access": found["access"],
            "operations": ", ".join(found["operations"]),
            "from": "datasources.yaml" if found["origin"] == "file" else "stored",
            "configuration": found["config"],
            "secrets that are set": ", ".join(found["secrets"]),
            "used by": ", ".join(found["used_by"]),
            "version": found["version"],
            "changed": output.moment(found["updated_at"]),
            "changed by": found["updated_by"],
            "problem": found["problem"],
            "notes": "; ".join(found["notes"]),
        }
    )


def _print_fields(found: dict[str, Any]) -> None:
    schema = found["config_schema"]
    required = schema.get("required", ())
    output.print_text(found["description"])
    output.print_table(
        ("FIELD", "", "DEFAULT", "ABOUT"),
        (
            (
                name,
                ", ".join(
                    word
                    for word, holds in (
                        ("required", name in required),
                        ("secret", is_secret(name, found["secrets"])),
                    )
                    if holds
                ),
                field.get("default"),
                field.get("description"),
            )
            for name, field in schema.get("properties", {}).items()
        ),
    )
    if inner := [name for name in found["secrets"] if "." in name]:
        output.say(f"Secrets within fields: {', '.join(inner)}")


def _is_table(value: object) -> bool:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return bool(items) and all(isinstance(item, dict) for item in items)


def _full_name(entry: dict[str, Any]) -> str:
    return ".".join(filter(None, (entry.get("schema"), entry.get("name"))))


def _print_rows(rows: list[dict[str, Any]]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    output.print_table(
        [column.upper() for column in columns],
        ([row.get(column) for column in columns] for row in rows),
    )
