"""All use cases of one installation, as the faces receive them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analysis_sandbox.services.access import AccessService
from analysis_sandbox.services.analyses import AnalysisService
from analysis_sandbox.services.datasources import DatasourceService
from analysis_sandbox.services.discovery import DiscoveryService
from analysis_sandbox.services.limits import LimitService
from analysis_sandbox.services.options import OptionsService
from analysis_sandbox.services.runs import RunService
from analysis_sandbox.services.warehouse import WarehouseService


@dataclass(frozen=True, slots=True)
class Services:
    """What a face may call.

    `readiness` answers each part's name with None when it works, else with what is wrong;
    `close` releases connections and sandbox processes.
    """

    access: AccessService
    analyses: AnalysisService
    runs: RunService
    options: OptionsService
    limits: LimitService
    warehouse: WarehouseService
    datasources: DatasourceService
    discovery: DiscoveryService
    readiness: Callable[[], Mapping[str, str | None]]
    close: Callable[[], None]
