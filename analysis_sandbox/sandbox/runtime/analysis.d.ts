// Types of an analysis script: what it exports and what `ctx` offers.
//
// There are no modules, no files and no network: everything outside is reached through `ctx`.
// Beside the language (ES2023 and later) there are console, setTimeout, setInterval,
// queueMicrotask, structuredClone, TextEncoder, TextDecoder, atob, btoa and performance.now.
// Local time is UTC. There is no Intl and no eval.

/** Anything that JSON can say. */
type JSONValue = null | boolean | number | string | JSONValue[] | { [key: string]: JSONValue };

/** The default export of a script. */
interface Analysis {
  /** What people see in lists. */
  title: string;
  /** When it runs by itself. */
  schedule?: Schedule;
  /** What it uses. Datasources and analyses that are used must be named here. */
  dependencies?: {
    datasources?: string[];
    analyses?: string[];
  };
  /** What people fill in before a run. Without it, any parameters are accepted. */
  parameters?: Record<string, Parameter>;
  /**
   * Does the work. `params` is resolved and validated.
   *
   * Must return an object: not an array, null, or a primitive. NaN and infinities become null, a
   * Date becomes ISO 8601 text, a BigInt a number or, beyond 2 ** 53, a string. A Map or Set is an
   * error. `{ skipped: true, reason }` marks a run that had nothing to do.
   */
  run(ctx: Context, params: any): Promise<object> | object;
}

interface Schedule {
  /** Five fields: minute, hour, day, month, weekday. */
  cron: string;
  /** IANA name; UTC when absent. */
  timezone?: string;
  enabled?: boolean;
  retry_on_failure?: boolean;
  max_retries?: number;
  /** Run only if this returns a true value. Its `ctx` only reads. */
  shouldRun?(ctx: Context, params: any): Promise<boolean> | boolean;
}

interface Parameter {
  type:
    | "string"
    | "text"
    | "number"
    | "boolean"
    | "date"
    | "datetime"
    | "select"
    | "multiselect"
    | "object";
  required?: boolean;
  /** Also "today", "yesterday", "last_week", "last_month", "current_month", "week_start", "week_end". */
  default?: any;
  description?: string;
  /** A list, or a function that makes one. Its `ctx` only reads; it is called with `this` = the parameter. */
  options?:
    | Array<SelectOption | SelectOptionGroup>
    | ((
        ctx: Context,
        params: any,
      ) => Promise<Array<SelectOption | SelectOptionGroup>> | Array<SelectOption | SelectOptionGroup>);
  /** Parameters whose values `options` needs; derived from the function when absent. */
  depends_on?: string[];
  min?: number;
  max?: number;
  /** A regular expression that the whole text must match. */
  pattern?: string | RegExp;
}

interface SelectOption {
  value: string | number;
  label: string;
}

interface SelectOptionGroup {
  label: string;
  options: SelectOption[];
}

/** What a run reaches the outside with. Frozen. */
interface Context {
  /** The declared datasources by name. Any other name throws `Datasource 'x' not found`. */
  readonly datasource: { readonly [name: string]: Datasource };
  /** The project's warehouse: persistent, shared by its analyses. */
  readonly duckdb: Warehouse;
  /** Small values that outlive the run: cursors, flags. Synchronous. */
  readonly metadata: Metadata;
  /** The schedule of this analysis, in manual runs too; null if it has none. */
  readonly schedule: ScheduleFacts | null;
  /**
   * Run another analysis that `dependencies.analyses` names. A failure of it gives
   * `success: false`; an unknown, undeclared or circular name throws.
   */
  runAnalysis(analysisId: string, params?: Record<string, any>): Promise<AnalysisResult>;
  /** Write a log line. Objects are shown as JSON. */
  log(...args: any[]): void;
  /** Write a log line of level error. */
  error(...args: any[]): void;
  /** Wait. Ends early when the run is stopped. */
  sleep(ms: number): Promise<void>;
  /** True once somebody has asked to stop the run: return soon, what is left is interrupted. */
  shouldStop(): boolean;
}

/**
 * What a datasource offers depends on its type; any other name throws an error that lists what
 * there is. SQL types offer `query`.
 */
interface Datasource {
  /** Run a statement. `params` replace $1, $2, ... or ? in order. */
  query(sql: string, params?: any[]): Promise<Rows>;
  [operation: string]: (...args: any[]) => Promise<any>;
}

/** An array of row objects that drivers' habits work with as well. */
interface Rows extends Array<any> {
  /** The array itself. */
  readonly rows: Rows;
  /** The names in the first row. */
  readonly columns: string[];
  readonly rowCount: number;
}

interface Warehouse {
  /** Run a statement without a result. */
  exec(sql: string): Promise<void>;
  query(sql: string, params?: any[] | Record<string, any>): Promise<Rows>;
  /** Load the result of a datasource's statement into a table, without passing through the script. */
  load(datasource: string, sql: string, tableName: string, options?: LoadOptions): Promise<any>;
  tables(): Promise<string[]>;
  describe(tableName: string): Promise<TableInfo>;
}

interface LoadOptions {
  mode?: "replace" | "append" | "error";
}

interface TableInfo {
  name: string;
  columns: ColumnInfo[];
  rowCount: number;
  sizeBytes: number;
}

interface ColumnInfo {
  name: string;
  type: string;
  nullable: boolean;
}

interface Metadata {
  /** The value, or null. Always there: "run_id", "analysis_id", "version", "attempt". */
  get(key: string): any;
  /** Store a JSON value; it is kept at once, whatever becomes of the run. */
  set(key: string, value: JSONValue): void;
  has(key: string): boolean;
  delete(key: string): void;
  list(): string[];
}

interface ScheduleFacts {
  readonly cron: string;
  readonly timezone: string;
  readonly enabled: boolean;
  /** ISO 8601; null if it is not going to run. */
  readonly next_run: string | null;
  /** The moment this run was scheduled for; null in a manual one. */
  readonly scheduled_time: string | null;
}

interface AnalysisResult {
  success: boolean;
  result: any;
  status: string;
  job_id: string;
  error?: string;
  metadata: Record<string, any>;
}

/** What a failed `ctx` call throws. */
interface HostError extends Error {
  /** Stable and machine-readable, for example "QUERY_FAILED" or "READ_ONLY". */
  code?: string;
  /** What to do about it. */
  hint?: string;
  details?: any;
}
