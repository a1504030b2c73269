"""The catalogue: one pool of connections and a repository for each thing it keeps."""

from analysis_sandbox.catalogue.analyses import AnalysisRepository
from analysis_sandbox.catalogue.audit import AuditRepository
from analysis_sandbox.catalogue.crashes import CrashRepository
from analysis_sandbox.catalogue.datasources import DatasourceRepository
from analysis_sandbox.catalogue.engine import Database
from analysis_sandbox.catalogue.metadata import MetadataRepository
from analysis_sandbox.catalogue.runs import RunRepository
from analysis_sandbox.catalogue.schedules import ScheduleRepository
from analysis_sandbox.catalogue.tokens import TokenRepository
from analysis_sandbox.catalogue.usage import UsageRepository


class Catalogue:
    """Everything stored about analyses. Thread-safe; opens its first connection when needed.

    While PostgreSQL restarts, calls wait and try again for up to `patience_seconds`; then, or when
    it is away for longer, they raise `UnavailableError`.
    """

    def __init__(self, url: str, *, pool_size: int = 5, patience_seconds: float = 15.0) -> None:
        self._database = Database(url, pool_size=pool_size, patience_seconds=patience_seconds)
        self.analyses = AnalysisRepository(self._database)
        self.runs = RunRepository(self._database)
        self.metadata = MetadataRepository(self._database)
        self.tokens = TokenRepository(self._database)
        self.schedules = ScheduleRepository(self._database)
        self.crashes = CrashRepository(self._database)
        self.audit = AuditRepository(self._database)
        self.datasources = DatasourceRepository(self._database)
        self.usage = UsageRepository(self._database)

    def ping(self) -> None:
        """Return when the database answers now; raises `UnavailableError` without waiting."""
        self._database.ping()

    def close(self) -> None:
        """Close every connection. Closing twice is allowed."""
        self._database.close()
