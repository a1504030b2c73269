"""What a script declares, as models: read from its default export, stored as metadata."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.limits import LimitOverrides
from analysis_sandbox.values import JSONObject

ParameterType = Literal[
    "string", "text", "number", "boolean", "date", "select", "multiselect", "object"
]


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True)


class SelectOption(_Declared):
    """One choice: what the script gets and what people see."""

    value: str | int | float
    label: str


class OptionGroup(_Declared):
    """Choices under a heading; a group itself cannot be chosen."""

    label: str
    options: list[SelectOption]


class ParameterSpec(_Declared):
    """One parameter.

    `type` is the declared name (`text` and `string` mean the same). `depends_on` names the
    parameters that its options function reads.
    """

    type: ParameterType
    required: bool = False
    default: JsonValue = None
    description: str | None = None
    options: list[SelectOption | OptionGroup] | None = None
    has_dynamic_options: bool = False
    depends_on: list[str] = Field(default_factory=list[str])
    min: int | float | None = None
    max: int | float | None = None
    pattern: str | None = None

    def choices(self) -> list[SelectOption]:
        """Return the static options without their groups."""
        flat: list[SelectOption] = []
        for entry in self.options or []:
            flat.extend(entry.options if isinstance(entry, OptionGroup) else [entry])
        return flat


class ScheduleSpec(_Declared):
    """When an analysis runs by itself. `cron` has five canonical fields, Sunday is 0."""

    cron: str
    timezone: str = "UTC"
    enabled: bool = True
    retry_on_failure: bool = False
    max_retries: int = 3
    has_should_run: bool = False
    with_dependencies: bool = False


class Dependencies(_Declared):
    """What a script may use. `inferred`: read from its code, because it declares nothing."""

    datasources: list[str] = Field(default_factory=list[str])
    analyses: list[str] = Field(default_factory=list[str])
    inferred: bool = False


class Definition(_Declared):
    """One script's declaration; `parameters` None means that it takes any."""

    title: str | None = None
    schedule: ScheduleSpec | None = None
    dependencies: Dependencies | None = None
    parameters: dict[str, ParameterSpec] | None = None
    execution: LimitOverrides | None = None

    def to_metadata(self) -> JSONObject:
        """Return the form that is stored: only what is stated, as JSON."""
        metadata: JSONObject = {}
        if self.title is not None:
            metadata["title"] = self.title
        if self.dependencies is not None:
            stated = {"datasources", "analyses"} | self.dependencies.model_fields_set
            included = stated if self.dependencies.inferred else stated - {"inferred"}
            metadata["dependencies"] = self.dependencies.model_dump(include=included)
        if self.parameters is not None:
            metadata["parameters"] = {
                name: {
                    "type": spec.type,
                    "required": spec.required,
                    **spec.model_dump(exclude_defaults=True),
                }
                for name, spec in self.parameters.items()
            }
        if self.schedule is not None:
            metadata["schedule"] = self.schedule.model_dump()
        if self.execution is not None:
            metadata["execution"] = self.execution.model_dump(by_alias=True, exclude_none=True)
        return metadata

    @classmethod
    def from_metadata(cls, metadata: JSONObject) -> Self:
        """Return the definition that `to_metadata` was made of; unknown keys are passed over.

        Raises:
            ValidationFailedError: the metadata is not of this form.
        """
        try:
            return cls.model_validate(metadata)
        except ValidationError as error:
            problems = {
                ".".join(map(str, item["loc"])): item["msg"]
                for item in error.errors(include_url=False, include_input=False)
            }
            raise ValidationFailedError(
                f"The stored metadata cannot be read: {problems}", fields=problems
            ) from error
