"""Dagster's private names that orchestration uses: what to look at when its version changes.

Base classes that pull in a whole subsystem are imported where they are used, in `storage`,
`run_execution`, `refresher` and `code_server`, so that no process imports more than it needs.
"""

from dagster._check import CheckError
from dagster._core.code_pointer import CustomPointer, ModuleCodePointer
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.errors import (
    DagsterRunAlreadyExists,
    DagsterUserCodeUnreachableError,
)
from dagster._core.events import EngineEventData, JobFailureData, RunFailureReason
from dagster._core.launcher.base import (
    CheckRunHealthResult,
    LaunchRunContext,
    RunLauncher,
    WorkerStatus,
)
from dagster._core.origin import JobPythonOrigin
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.run_coordinator.base import SubmitRunContext
from dagster._core.run_coordinator.queued_run_coordinator import (
    QueuedRunCoordinator,
    RunQueueConfig,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
)
from dagster._core.storage.dagster_run import (
    ACTIVE_RUN_STATUSES,
    FINISHED_STATUSES,
)
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, ConfigurableClassData
from dagster._utils.tags import TagConcurrencyLimitsCounter

__all__ = [
    "ACTIVE_RUN_STATUSES",
    "FINISHED_STATUSES",
    "CheckError",
    "CheckRunHealthResult",
    "ConfigurableClass",
    "ConfigurableClassData",
    "CustomPointer",
    "DagsterRunAlreadyExists",
    "DagsterUserCodeUnreachableError",
    "EngineEventData",
    "ExecuteRunArgs",
    "GrpcServerCodeLocationOrigin",
    "InstigatorState",
    "InstigatorStatus",
    "InstigatorType",
    "JobFailureData",
    "JobPythonOrigin",
    "LaunchRunContext",
    "ModuleCodePointer",
    "QueuedRunCoordinator",
    "ReconstructableRepository",
    "RemoteInstigatorOrigin",
    "RemoteRepositoryOrigin",
    "RunFailureReason",
    "RunLauncher",
    "RunQueueConfig",
    "ScheduleInstigatorData",
    "SubmitRunContext",
    "TagConcurrencyLimitsCounter",
    "WorkerStatus",
]
