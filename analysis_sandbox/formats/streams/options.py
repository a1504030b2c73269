"""What a script may say about a large file: how it is packed, what it holds, which part of it."""

from typing import Literal, Self, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.formats.delimited import DelimitedOptions
from analysis_sandbox.formats.streams.decompression import COMPRESSIONS

Format = Literal["csv", "excel", "json", "parquet"]
Archive = Literal["zip", "tar", "7z"]
ARCHIVES: tuple[Archive, ...] = get_args(Archive)
MAX_BATCH_ROWS = 100_000
_MOST_STEPS = 4
_ALIASES = {
    "gz": "gzip",
    "bzip2": "bz2",
    "zst": "zstd",
    "br": "brotli",
    "tgz": "tar.gz",
    "tbz2": "tar.bz2",
    "txz": "tar.xz",
    "tzst": "tar.zst",
}
_FORMAT_ALIASES = {
    "tsv": "csv",
    "xlsx": "excel",
    "xls": "excel",
    "jsonl": "json",
    "ndjson": "json",
}
_EXTENSIONS: dict[str, str] = {
    **{name: name for name in ("csv", "tsv", "json", "jsonl", "ndjson", "parquet", "xlsx", "xls")},
    **dict.fromkeys(("xlsm", "xlsb", "ods"), "excel"),
    "pq": "parquet",
}


class StreamOptions(BaseModel):
    """How a large file is to be read.

    `decompress` names the steps as a file's extension does (`tar.gz`), or is an array from the
    outermost on. `member` names a file in the archive, or is a pattern such as `*.csv`; of nested
    archives it is an array, one for each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    decompress: tuple[str, ...] = ()
    format: Format | None = None
    member: tuple[str | None, ...] = ()
    batch_size: int = Field(default=1000, ge=1, le=MAX_BATCH_ROWS, alias="batchSize")
    columns: tuple[str, ...] | None = None
    sheet: str | int | None = None
    path: str | None = None
    headers: bool | list[str] = True
    skip_rows: int = Field(default=0, ge=0, alias="skipRows")
    encoding: str = "utf-8"
    delimiter: str | None = None
    quote: str = '"'
    comment: str | None = None
    trim: bool = False
    types: bool = False
    ragged: Literal["error", "allow"] = "error"

    @field_validator("decompress", mode="before")
    @classmethod
    def _steps(cls, value: object) -> tuple[str, ...]:
        if value is None:
            return ()
        parts = [value] if isinstance(value, str) else value
        if not isinstance(parts, list | tuple):
            raise ValueError(  # noqa: TRY004 - pydantic takes no other
                "it must be a name, or an array of names from the outermost on"
            )
        return tuple(step for part in cast("list[object]", parts) for step in _named(part))

    @field_validator("member", mode="before")
    @classmethod
    def _members(cls, value: object) -> object:
        return () if value is None else (value,) if isinstance(value, str) else _tuple(value)

    @field_validator("columns", mode="before")
    @classmethod
    def _columns(cls, value: object) -> object:
        return _tuple(value)

    @field_validator("format", mode="before")
    @classmethod
    def _format(cls, value: object) -> object:
        name = value.lower() if isinstance(value, str) else value
        return _FORMAT_ALIASES.get(name, name) if isinstance(name, str) else name

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        archives = [step for step in self.decompress if step in ARCHIVES]
        if len(self.decompress) > _MOST_STEPS:
            raise ValueError(f"decompress: more than {_MOST_STEPS} steps")
        if len(self.member) > max(len(archives), 1):
            raise ValueError(f"member: {len(self.member)} names for {len(archives)} archives")
        if self.member and not archives:
            raise ValueError("member: decompress names no archive, such as zip, tar or 7z")
        if self.columns == ():
            raise ValueError("columns: name at least one")
        return self

    def members(self) -> list[str | None]:
        """Return what is wanted of each archive; a single name is for the innermost one."""
        archives = sum(step in ARCHIVES for step in self.decompress)
        return [None] * (archives - len(self.member)) + list(self.member)

    def delimited(self) -> DelimitedOptions:
        """Return what of it is about delimited text."""
        names = ("delimiter", "headers", "encoding", "quote", "comment", "trim", "types", "ragged")
        given = {name: getattr(self, name) for name in names}
        try:
            return DelimitedOptions.model_validate({**given, "skipRows": self.skip_rows})
        except ValidationError as error:
            raise _invalid(error) from None


def read_options(given: object) -> StreamOptions:
    """Return the options as a script gave them; raises `ValidationFailedError`."""
    if isinstance(given, StreamOptions):
        return given
    try:
        options = StreamOptions.model_validate({} if given is None else given)
    except ValidationError as error:
        raise _invalid(error) from None
    options.delimited()
    return options


def guess_options(key: str, given: object = None) -> StreamOptions:
    """Return options whose format and packing come from a key's extensions, unless given.

    Raises:
        ValidationFailedError: the extensions tell no format.
    """
    options = read_options(given)
    if options.format is not None:
        return options
    extensions = key.rpartition("/")[2].lower().split(".")[1:]
    steps: list[str] = []
    while extensions and not options.decompress:
        found = _ALIASES.get(extensions[-1], extensions[-1])
        if found not in COMPRESSIONS:
            break
        steps.append(found)
        extensions.pop()
    name = _EXTENSIONS.get(extensions[-1] if extensions else "")
    if name is None:
        raise ValidationFailedError(
            f"{key}: the name tells no format; it must end with .csv, .tsv, .json, .jsonl, "
            ".parquet or .xlsx, perhaps followed by .gz, .bz2, .zst or .xz"
        )
    update: dict[str, object] = {"format": _FORMAT_ALIASES.get(name, name)}
    if steps:
        update["decompress"] = tuple(steps)
    if name == "tsv" and options.delimiter is None:
        update["delimiter"] = "\t"
    return options.model_copy(update=update)


def _tuple(value: object) -> object:
    return tuple(cast("list[object]", value)) if isinstance(value, list) else value


def _named(part: object) -> list[str]:
    """Return the steps of one name, the outermost first: a file's extension ends with it."""
    if not isinstance(part, str):
        raise ValueError("every step must be a name")  # noqa: TRY004 - pydantic takes no other
    known = {*COMPRESSIONS, *ARCHIVES}
    steps: list[str] = []
    for name in _ALIASES.get(part.lower(), part.lower()).split("."):
        step = _ALIASES.get(name, name)
        if step not in known:
            raise ValueError(f"there is no {part!r}; there are {', '.join(sorted(known))}")
        steps.insert(0, step)
    return steps


def _invalid(error: ValidationError) -> ValidationFailedError:
    known = [field.alias or name for name, field in StreamOptions.model_fields.items()]
    problems: dict[str, str] = {}
    for item in error.errors():
        name = str(item["loc"][0]) if item["loc"] else ""
        problems[name] = (
            f"there is no such option; there are {', '.join(known)}"
            if item["type"] == "extra_forbidden"
            else item["msg"].removeprefix("Value error, ")
        )
    told = "; ".join(f"{name}: {text}" if name else text for name, text in problems.items())
    return ValidationFailedError(f"stream: {told}", fields=problems)
