/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
// Types of an analysis script: what it exports, what `ctx` offers, and what there is beside the
// language. Nothing else can be reached: no files, no network, no process, no eval.
//
// A script is one ES module. It may import the npm packages that were allowed for it when it was
// saved. Local time is UTC. In editors: `/** @type {Analysis} */ export default {...}`, or in
// TypeScript `export default {...} satisfies Analysis`.

// ---- The script ------------------------------------------------------------------------------

/** Anything that JSON can say. */
type JSONValue = null | boolean | number | string | JSONValue[] | { [key: string]: JSONValue };

/**
 * The default export of a script.
 * @example
 * export default {
 *   title: "Revenue per city",
 *   dependencies: { datasources: ["shop"] },
 *   parameters: { since: { type: "date", default: "last_month" } },
 *   async run(ctx, params) {
 *     const rows = await ctx.datasource.shop.query(
 *       "SELECT city, sum(amount) AS revenue FROM orders WHERE day >= $1 GROUP BY city",
 *       [params.since],
 *     );
 *     ctx.log("cities:", rows.length);
 *     return { rows };
 *   },
 * };
 */
interface Analysis {
  /** What people see in lists. The name (id) is derived from it unless one is given. */
  title: string;
  /** When it runs by itself. */
  schedule?: Schedule;
  /**
   * What it uses. Datasources and analyses that are used must be named here.
   * @example dependencies: { datasources: ["shop"], analyses: ["exchange_rates"] }
   */
  dependencies?: {
    datasources?: string[];
    analyses?: string[];
  };
  /**
   * What people fill in before a run. Without it, any parameters are accepted.
   * @example parameters: { city: { type: "string", required: true } }
   */
  parameters?: Record<string, Parameter>;
  /**
   * Limits of its runs, up to the installation's maximums. What is set for the analysis by its
   * managers wins.
   * @example execution: { timeout_ms: 120_000, memory_mb: 512 }
   */
  execution?: Execution;
  /**
   * Does the work. `params` is resolved and validated.
   *
   * Must return an object: not an array, null, or a primitive. NaN and infinities become null, a
   * Date becomes ISO 8601 text, a BigInt a number or, beyond 2 ** 53, a string. A DataFrame becomes
   * its rows. A Map or Set is an error. `{ skipped: true, reason }` marks a run that had nothing to
   * do.
   * @example async run(ctx, params) { return { rows: await ctx.duckdb.query("FROM sales") }; }
   */
  run(ctx: Context, params: any): Promise<object> | object;
}

/**
 * When an analysis runs by itself.
 * @example schedule: { cron: "0 9 * * 1", timezone: "Europe/Oslo", retry_on_failure: true }
 */
interface Schedule {
  /** Five fields: minute, hour, day, month, weekday. "0 9 * * 1" is Mondays at 9:00. */
  cron: string;
  /** IANA name, such as "America/New_York"; UTC when absent. */
  timezone?: string;
  /** False: it is there, but does not run until somebody switches it on. */
  enabled?: boolean;
  /** Run again after a failure. */
  retry_on_failure?: boolean;
  /** How often; 3 unless stated. */
  max_retries?: number;
  /** Run the analyses it depends on first. */
  with_dependencies?: boolean;
  /**
   * Run only if this returns a true value. Its `ctx` only reads.
   * @example shouldRun: async (ctx) => !ctx.metadata.get("finished")
   */
  shouldRun?(ctx: Context, params: any): Promise<boolean> | boolean;
}

/**
 * Limits that a script states for its runs; absent means the installation's default.
 * @example execution: { timeout_ms: 300_000, result_size_mb: 20 }
 */
interface Execution {
  /** Heap of the script, in MB. */
  memory_mb?: number;
  /** The same as memory_mb. */
  memory_limit_mb?: number;
  /** Wall clock, in milliseconds. */
  timeout_ms?: number;
  /** Result as JSON, in MB. */
  result_size_mb?: number;
  /** Memory of one operator of a warehouse query, in MB. */
  duckdb_memory_mb?: number;
  /** Rows that DataFrames hold at once, in MB. */
  dataframe_memory_mb?: number;
  /** Runs of this analysis beside each other. */
  max_concurrent_runs?: number;
  /** Calls of `ctx` without an answer at once; more wait. */
  host_calls_in_flight?: number;
  /** What crosses in one call, in MB. */
  frame_mb?: number;
  /** Lines of the log. */
  log_lines?: number;
  /** Bytes of the log. */
  log_bytes?: number;
  /** Analyses of one chain of runAnalysis. */
  nesting_depth?: number;
}

/**
 * One parameter: its type, its checks and its choices.
 * @example top: { type: "number", default: 10, min: 1, max: 100, description: "How many" }
 */
interface Parameter {
  /** What the value is; `params` has it in this type. Dates are "YYYY-MM-DD". */
  type: "string" | "text" | "number" | "boolean" | "date" | "select" | "multiselect" | "object";
  /** Without a value (and without a default) the run is refused. */
  required?: boolean;
  /**
   * Used when no value is given. Dates also take "today", "yesterday", "last_week", "last_month",
   * "current_month", "week_start" and "week_end".
   */
  default?: any;
  /** Shown beside the input. */
  description?: string;
  /**
   * The choices: a list, or a function that makes one. Its `ctx` only reads; it is asked again when
   * a parameter that it reads changes.
   * @example
   * options: async (ctx, params) =>
   *   (await ctx.datasource.shop.query("SELECT id, name FROM cities WHERE country = $1", [params.country]))
   *     .map((row) => ({ value: row.id, label: row.name }))
   */
  options?:
    | Array<SelectOption | SelectOptionGroup>
    | ((
        ctx: Context,
        params: any,
      ) =>
        | Promise<Array<SelectOption | SelectOptionGroup | string | number>>
        | Array<SelectOption | SelectOptionGroup | string | number>);
  /** Parameters whose values `options` needs; derived from the function when absent. */
  depends_on?: string[];
  /** Smallest number. */
  min?: number;
  /** Largest number. */
  max?: number;
  /** A regular expression that the whole text must match. */
  pattern?: string | RegExp;
}

/**
 * One choice: what the script gets and what people see.
 * @example { value: 47, label: "Norway" }
 */
interface SelectOption {
  value: string | number;
  label: string;
}

/**
 * Choices under a heading.
 * @example { label: "Nordics", options: [{ value: 47, label: "Norway" }] }
 */
interface SelectOptionGroup {
  label: string;
  options: SelectOption[];
}

// ---- ctx -------------------------------------------------------------------------------------

/**
 * What a run reaches the outside with. Frozen. In options functions and `shouldRun` it only reads:
 * what writes throws an error with the code READ_ONLY.
 */
interface Context {
  /**
   * The declared datasources by name. Any other name throws an error that lists the declared ones.
   * @example const rows = await ctx.datasource.shop.query("SELECT * FROM orders WHERE id = $1", [7]);
   */
  readonly datasource: { readonly [name: string]: AnyDataSource };
  /**
   * The project's warehouse (DuckDB): persistent tables, shared by the analyses of the project.
   * @example await ctx.duckdb.exec("CREATE TABLE IF NOT EXISTS totals (day DATE, amount DOUBLE)");
   */
  readonly duckdb: Warehouse;
  /**
   * Small values that outlive the run: cursors, flags. Synchronous.
   * @example ctx.metadata.set("last_id", rows.at(-1).id);
   */
  readonly metadata: Metadata;
  /**
   * The schedule of this analysis, in manual runs too; null if it has none.
   * @example return { next: ctx.schedule?.next_run ?? null };
   */
  readonly schedule: ScheduleFacts | null;
  /**
   * Compression, hashes, CSV and Excel. Synchronous.
   * @example const rows = ctx.utils.parseCSV(text, { types: true });
   */
  readonly utils: Utils;
  /** Uploaded files. Not in this version: every access throws UNSUPPORTED_OPERATION. */
  readonly files: Files;
  /**
   * Make a DataFrame: a table that the host holds and calculates with Polars.
   * @example const df = ctx.DataFrame(rows).groupBy("city").agg({ total: col("amount").sum() });
   */
  readonly DataFrame: DataFrameConstructor;
  /**
   * Run one statement on the run's own database: in memory, empty at first, gone with the run. The
   * tables of the warehouse are readable there as `project.<table>`. A statement that changes rows
   * answers with `[{ Count: n }]`.
   * @example
   * await ctx.query("CREATE TABLE users (id INTEGER, name VARCHAR)");
   * await ctx.query("INSERT INTO users VALUES (?, ?)", [1, "Alice"]);
   * const { rows } = await ctx.query("SELECT * FROM users");
   */
  query<Row = any>(sql: string, params?: SQLParams): Promise<Rows<Row>>;
  /**
   * Run a statement on a declared datasource; the same as `ctx.queryDatasource`.
   * @example const rows = await ctx.query("shop", "SELECT * FROM orders LIMIT 10");
   */
  query<Row = any>(datasource: string, sql: string, params?: SQLParams): Promise<Rows<Row>>;
  /**
   * Run a statement on a declared datasource, with its name as a value.
   * @example const { rows } = await ctx.queryDatasource(params.source, "SELECT count(*) FROM orders");
   */
  queryDatasource<Row = any>(name: string, sql: string, params?: SQLParams): Promise<Rows<Row>>;
  /**
   * Make a table of the run's own database from rows or from a DataFrame; returns how many rows it
   * has. Columns and their types come from the values: text that is nothing but ISO 8601 dates
   * becomes dates. A table of this name is replaced.
   * @example
   * await ctx.loadData("orders", orders);
   * const top = await ctx.query("SELECT city, sum(amount) AS total FROM orders GROUP BY city");
   */
  loadData(tableName: string, rows: object[] | DataFrame): Promise<number>;
  /**
   * Run another analysis that `dependencies.analyses` names. A failure of it gives
   * `success: false`; an unknown, undeclared or circular name throws.
   * @example
   * const rates = await ctx.runAnalysis("exchange_rates", { day: params.day });
   * if (!rates.success) throw new Error(rates.error);
   * return { rates: rates.result.rates };
   */
  runAnalysis(analysisId: string, params?: Record<string, any>): Promise<AnalysisResult>;
  /**
   * Tell how far the run is, from 0 to 1: progress bars show it at once.
   * @example ctx.progress(done / total, `${done} of ${total} cities`);
   */
  progress(fraction: number, message?: string): void;
  /**
   * Say how to show a table of the result. `key` is where its rows are, such as "rows" or
   * "report.rows".
   * @example
   * ctx.table("rows", { columns: [{ name: "share", label: "Share", format: "percent", digits: 1 }] });
   * return { rows };
   */
  table(key: string, options?: TableOptions): void;
  /**
   * Add a chart of rows of the result.
   * @example ctx.chart({ type: "bar", data: "rows", x: "city", y: "revenue", title: "Revenue" });
   */
  chart(spec: ChartSpec): void;
  /**
   * Write a log line. Objects are shown as JSON.
   * @example ctx.log("loaded", rows.length, "rows");
   */
  log(...args: any[]): void;
  /**
   * Write a log line of level error. The run goes on.
   * @example ctx.error("no rate for", currency);
   */
  error(...args: any[]): void;
  /**
   * Wait. Ends early when the run is stopped.
   * @example await ctx.sleep(1000);
   */
  sleep(ms: number): Promise<void>;
  /**
   * True once somebody has asked to stop the run: return soon, what is left is interrupted.
   * @example if (ctx.shouldStop()) return { partial: true, done };
   */
  shouldStop(): boolean;
}

// ---- Rows ------------------------------------------------------------------------------------

/** Values for $1, $2, … or ? in order; or by name for :name, in DuckDB $name. A Date is ISO 8601. */
type SQLParams = readonly any[] | Readonly<Record<string, any>>;

/**
 * An array of row objects that drivers' habits work with as well. Integers within ±2 ** 53 are
 * numbers, larger ones and decimals of more than 15 digits are strings, dates are ISO 8601 text.
 * `count_star()` can be read as `count` and `avg(x)` as `avg` where no other column is called so.
 * @example
 * const rows = await ctx.duckdb.query("SELECT count(*), avg(amount) FROM orders");
 * return { orders: rows[0].count, average: rows.rows[0].avg };
 * @example
 * // TypeScript: say what a row is.
 * const sales = await ctx.duckdb.query<{ city: string; amount: number }>("FROM sales");
 */
interface Rows<Row = any> extends Array<Row> {
  /** The array itself. */
  readonly rows: Rows<Row>;
  /** The names in the first row; none without rows. */
  readonly columns: string[];
  /** How many rows there are. */
  readonly rowCount: number;
}

// ---- Datasources -----------------------------------------------------------------------------

/**
 * What `ctx.datasource.NAME` is. What it offers depends on the type of the datasource; any other
 * name throws an error that lists what there is. For exact types, name the type:
 * `const shop: SQLDataSource = ctx.datasource.shop;`
 */
interface AnyDataSource {
  /** SQL: run a statement. */
  query<Row = any>(sql: string, params?: SQLParams): Promise<Rows<Row>>;
  /** GraphQL: run a query. */
  query(options: GraphQLQueryOptions): Promise<any>;
  /** SQL: the rows of a statement as a DataFrame. Object storage: those of an object. */
  frame(sql: string, params?: any): Promise<DataFrame>;
  /** SQL: run a statement that writes. Only with `access: read_write`. */
  execute(sql: string, params?: SQLParams): Promise<{ rowCount: number }>;
  /** SQL and object storage: a large result chunk by chunk. See SQLDataSource and S3DataSource. */
  stream: any;
  /** SQL: insert rows. Only with `access: read_write`. */
  insert(table: string, rows: object[]): Promise<{ rowCount: number }>;
  /** Object storage: see S3DataSource. */
  list: any;
  /** Object storage and REST. */
  get: any;
  put: any;
  /** REST: see RESTDataSource. */
  post: any;
  patch: any;
  delete: any;
  /** Object storage. */
  getSignedUrl: any;
  multipartUpload: any;
  /** REST: all pages as one array. */
  paginate: any;
  /** OpenAPI and SOAP: see OpenAPIDataSource and SOAPDataSource. */
  call: any;
  /** OpenAPI: the operations of the document by their ids. */
  operations: any;
  /** GraphQL: run a mutation. */
  mutate: any;
  [operation: string]: any;
}

/** One of the datasource types. */
type DataSource =
  | SQLDataSource
  | S3DataSource
  | RESTDataSource
  | OpenAPIDataSource
  | SOAPDataSource
  | GraphQLDataSource;

/** PostgreSQL, MySQL and MariaDB, SQLite, ClickHouse. */
interface SQLDataSource {
  /**
   * Run a statement and get its rows. $1, ? and :name all work.
   * @example const rows = await ctx.datasource.shop.query("SELECT * FROM orders WHERE city = $1", [city]);
   */
  query<Row = any>(sql: string, params?: SQLParams): Promise<Rows<Row>>;
  /**
   * Read a large result in batches, of 1000 rows unless told. The next batch is fetched when it is
   * asked for. Leaving the loop ends the statement.
   * @example
   * for await (const rows of ctx.datasource.shop.stream("SELECT * FROM orders WHERE day > $1", [day])) {
   *   for (const row of rows) total += row.amount;
   * }
   * @example await ctx.datasource.shop.stream("SELECT * FROM orders").forEach(async (rows) => { n += rows.length; });
   */
  stream<Row = any>(sql: string, params?: SQLParams, batchSize?: number): DataStream<Rows<Row>>;
  /**
   * The same, with a function for each batch; resolves when all are done.
   * @example await ctx.datasource.shop.stream("SELECT * FROM orders", { batchSize: 500, onChunk: async (rows) => { n += rows.length; } });
   */
  stream<Row = any>(sql: string, options: SQLStreamOptions<Row>): Promise<void>;
  stream<Row = any>(sql: string, params: SQLParams, options: SQLStreamOptions<Row>): Promise<void>;
  /**
   * The rows of a statement as a DataFrame, without passing through the script.
   * @example const orders = await ctx.datasource.shop.frame("SELECT city, amount FROM orders");
   */
  frame(sql: string, params?: SQLParams): Promise<DataFrame>;
  /**
   * Run a statement that writes. Only with `access: read_write`.
   * @example await ctx.datasource.shop.execute("UPDATE orders SET seen = true WHERE id = $1", [7]);
   */
  execute?(sql: string, params?: SQLParams): Promise<{ rowCount: number }>;
  /**
   * Insert objects, a member for each column: all or, where the database has transactions, none.
   * Only with `access: read_write`.
   * @example await ctx.datasource.shop.insert("events", [{ id: 1, kind: "seen" }, { id: 2, kind: "sold" }]);
   */
  insert?(table: string, rows: object[]): Promise<{ rowCount: number }>;
}

/**
 * What `stream` returns: read it once, chunk by chunk. A run may have 16 open at a time.
 */
interface DataStream<Chunk = any> extends AsyncIterable<Chunk> {
  /** The next chunk; the next one after that is fetched when it is asked for. */
  next(): Promise<IteratorResult<Chunk>>;
  /** End it before it was read to its end. */
  return(value?: any): Promise<IteratorResult<Chunk>>;
  /**
   * Call a function with each chunk, and wait for it before the next one.
   * @example await stream.forEach(async (rows, index) => { await ctx.datasource.crm.post("/rows", rows); });
   */
  forEach(callback: (chunk: Chunk, index: number) => Promise<void> | void): Promise<void>;
}

/** How to read a result batch by batch. */
interface SQLStreamOptions<Row = any> {
  /** What fills the placeholders, unless it is an argument of its own. */
  params?: SQLParams;
  /** How many rows a batch has: 1000 unless told, at most 100,000. */
  batchSize?: number;
  /** Takes one batch; the next one waits for it. */
  onChunk(rows: Rows<Row>): Promise<void> | void;
}

/** Object storage: S3, Google Cloud Storage, Azure Blob Storage. */
interface S3DataSource {
  /**
   * The objects whose keys begin with a prefix, in the order of their keys.
   * @example const reports = await ctx.datasource.files.list("/monthly/2024/", { maxKeys: 100 });
   */
  list(prefix?: string, options?: S3ListOptions): Promise<S3Object[]>;
  /** A whole object. For large ones: `stream`. */
  get(key: string): Promise<Buffer>;
  /** Store an object. Only with `access: read_write`, as everything that changes one. */
  put?(key: string, data: Buffer | Uint8Array | string, metadata?: Record<string, string>): Promise<void>;
  delete?(key: string): Promise<void>;
  /** A URL by which anybody can read the object for so many seconds: 3600 unless told. */
  getSignedUrl(key: string, expiry?: number): Promise<string>;
  /**
   * Read a large object chunk by chunk: rows where there is a format, else bytes.
   * @example
   * await ctx.datasource.files.stream("sales.csv.gz", {
   *   decompress: "gzip", format: "csv", onChunk: async (rows) => { n += rows.length; },
   * });
   */
  stream(key: string, options: S3StreamOptions & { onChunk: Function }): Promise<void>;
  stream(key: string, options?: S3StreamOptions): DataStream<any>;
  /** The rows of an object, or of those of a pattern such as "daily/*.parquet", as a DataFrame. */
  frame(key: string, options?: S3StreamOptions): Promise<DataFrame>;
  /** Store an object of several parts. */
  multipartUpload?(key: string, parts: (Buffer | Uint8Array | string)[]): Promise<void>;
}

/** An object in storage, or with `delimiter` what deeper keys begin with. */
interface S3Object {
  key: string;
  kind: "object" | "prefix";
  /** In bytes. */
  size: number;
  /** Null for a prefix. */
  lastModified: Date;
  etag: string;
}

/** What to list. */
interface S3ListOptions {
  maxKeys?: number;
  /** Keys beyond it are not listed, only what they begin with: "/" lists like directories. */
  delimiter?: string;
  /** The last key of the page before. */
  continuationToken?: string;
}

/** How to read a large object part by part. */
interface S3StreamOptions {
  /**
   * How it is packed: "gzip", "zip", "7z", "tar", "bz2" and what such steps one after the other are
   * called, as "tar.gz"; or an array from the outermost one on.
   */
  decompress?: string | string[];
  /** What its rows are in; without it the chunks are bytes. */
  format?: "csv" | "excel" | "json" | "parquet";
  /** Which file of an archive: its name, or a pattern such as "*.csv"; of nested ones an array. */
  member?: string | (string | null)[];
  /** Excel: the name of a sheet, or its position from 0. */
  sheet?: string | number;
  /** Which columns to read. */
  columns?: string[];
  /** How many rows a chunk has: 1000 unless told. */
  batchSize?: number;
  /** JSON: where the array of rows is, such as "data.items". */
  path?: string;
  /** CSV: whether the first row has the names, or the names. */
  headers?: boolean | string[];
  skipRows?: number;
  encoding?: string;
  delimiter?: string;
  quote?: string;
  comment?: string;
  trim?: boolean;
  /** CSV: make numbers and booleans of texts. */
  types?: boolean;
  /** CSV: what rows of another length are. */
  ragged?: "error" | "allow";
  /** Takes one chunk; the next one waits for it. */
  onChunk?(data: any): Promise<void> | void;
}

/** An HTTP API. Under `access: read_only` it has `get` and `paginate`. */
interface RESTDataSource {
  /**
   * Get what is at an endpoint: parsed where it is JSON.
   * @example const user = await ctx.datasource.crm.get("/users/7", { expand: "orders" });
   */
  get(endpoint: string, params?: Record<string, any>): Promise<any>;
  post?(endpoint: string, body?: any, params?: Record<string, any>): Promise<any>;
  put?(endpoint: string, body?: any, params?: Record<string, any>): Promise<any>;
  patch?(endpoint: string, body?: any, params?: Record<string, any>): Promise<any>;
  delete?(endpoint: string, params?: Record<string, any>): Promise<any>;
  /**
   * All pages as one array.
   * @example const users = await ctx.datasource.crm.paginate("/users", { pageParam: "page", limit: 100, limitParam: "size", dataPath: "data.items" });
   */
  paginate(endpoint: string, options?: PaginateOptions): Promise<any[]>;
}

/** How an API tells its pages; what the datasource's configuration says need not be repeated. */
interface PaginateOptions {
  /** Told by the other options unless it is here; "link" is the header Link or `nextPagePath`. */
  style?: "page" | "offset" | "cursor" | "link";
  pageParam?: string;
  offsetParam?: string;
  cursorParam?: string;
  limitParam?: string;
  limit?: number;
  /** The number of the first page: 1 unless told. */
  firstPage?: number;
  /** Where the items are, such as "data.items". */
  dataPath?: string;
  /** Where the next page is, such as "data.next". */
  nextPagePath?: string;
  /** Stop after so many pages. More than 1000 are an error unless it is told. */
  maxPages?: number;
  /** Parameters of every page. */
  params?: Record<string, any>;
}

/** An API with an OpenAPI description. Under `access: read_only` only what is a GET. */
interface OpenAPIDataSource {
  /**
   * The operations of the description by their ids. Arguments are checked before the call; `body`
   * among them is the body.
   * @example const pet = await ctx.datasource.pets.operations.getPetById({ petId: 7 });
   */
  readonly operations: { readonly [operation: string]: (args?: Record<string, any>) => Promise<any> };
  /**
   * Call a path.
   * @example await ctx.datasource.pets.call("/pets/{id}", { method: "GET", pathParams: { id: 7 } });
   */
  call(path: string, options?: OpenAPICallOptions): Promise<any>;
  /** The same as calling the member of `operations` of this id. */
  invoke(operationId: string, args?: Record<string, any>): Promise<any>;
}

/** One call by its path. */
interface OpenAPICallOptions {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  pathParams?: Record<string, any>;
  queryParams?: Record<string, any>;
  body?: any;
  headers?: Record<string, string>;
}

/** A SOAP service. Under `access: read_only` only the operations that its configuration lists. */
interface SOAPDataSource {
  /**
   * Call an operation; its answer as an object, repeated elements as arrays.
   * @example const invoice = await ctx.datasource.billing.call("GetInvoice", { number: "A-17" });
   */
  call(operation: string, params?: Record<string, any>): Promise<any>;
}

/** A GraphQL API. Errors of its answer are thrown. */
interface GraphQLDataSource {
  /**
   * Run a query; the answer is its data.
   * @example
   * const { user } = await ctx.datasource.graph.query({
   *   query: "query ($id: ID!) { user(id: $id) { name } }", variables: { id: 7 },
   * });
   */
  query(options: GraphQLQueryOptions): Promise<any>;
  /** Run a mutation. Only with `access: read_write`. */
  mutate?(options: GraphQLMutationOptions): Promise<any>;
}

/** A query with its variables. */
interface GraphQLQueryOptions {
  query: string;
  variables?: Record<string, any>;
  operationName?: string;
}

/** A mutation with its variables. */
interface GraphQLMutationOptions {
  mutation: string;
  variables?: Record<string, any>;
  operationName?: string;
}

// ---- The warehouse ---------------------------------------------------------------------------

/** The project's tables. What one run writes, later runs of all its analyses find. */
interface Warehouse {
  /**
   * Run one or more statements without a result. BEGIN … COMMIT holds across calls of one run; what
   * is not committed when the run ends is rolled back. With `params` it is one statement.
   * @example await ctx.duckdb.exec("CREATE OR REPLACE TABLE best AS SELECT * FROM sales LIMIT 10");
   */
  exec(sql: string, params?: SQLParams): Promise<void>;
  /**
   * Run one statement and get its rows, up to the result limit. A statement that changes rows
   * answers with `[{ Count: n }]`.
   * @example const rows = await ctx.duckdb.query("SELECT * FROM sales WHERE day = ?", [day]);
   */
  query<Row = any>(sql: string, params?: SQLParams, options?: QueryOptions): Promise<Rows<Row>>;
  /**
   * The rows of a statement as a DataFrame, without passing through the script.
   * @example const sales = await ctx.duckdb.frame("SELECT * FROM sales");
   */
  frame(sql: string, params?: SQLParams): Promise<DataFrame>;
  /**
   * Load the result of a datasource's statement, or an object of object storage by its key, into a
   * table, without passing through the script.
   * @example await ctx.duckdb.load("shop", "SELECT * FROM orders", "orders", { mode: "append" });
   */
  load(
    datasource: string,
    sql: string,
    tableName: string,
    options?: LoadOptions,
  ): Promise<{ table: string; rows: number }>;
  /**
   * Store a DataFrame, or an array of rows, as a table.
   * @example await ctx.duckdb.saveDataFrame(df, "scores", { mode: "append" });
   */
  saveDataFrame(
    frame: DataFrame | object[],
    tableName: string,
    options?: SaveOptions,
  ): Promise<{ table: string; rows: number }>;
  /**
   * Write a table to a datasource with access: read_write, without passing through the script: to a
   * table of a database, or to an object of object storage by its key (.parquet or .csv).
   * @example await ctx.duckdb.export("totals", "crm", "report_totals", { mode: "replace" });
   */
  export(
    tableName: string,
    datasource: string,
    destination: string,
    options?: ExportOptions,
  ): Promise<{ target: string; rows: number }>;
  /**
   * What stands in a result for all rows of a table, however large: its columns, number of rows and
   * first rows. Return it as the result, or as a member of it; whoever reads the result can then
   * page through the table as it is at that time.
   * @example return { sales: await ctx.duckdb.result("sales_of_the_year") };
   */
  result(tableName: string, options?: { preview?: number }): Promise<TableResult>;
  /**
   * Drop a table or view.
   * @example await ctx.duckdb.drop("staging");
   */
  drop(tableName: string): Promise<void>;
  /**
   * The names of all tables and views.
   * @example if (!(await ctx.duckdb.tables()).includes("sales")) return { skipped: true };
   */
  tables(): Promise<string[]>;
  /**
   * Columns, number of rows and size of a table.
   * @example const { rowCount } = await ctx.duckdb.describe("sales");
   */
  describe(tableName: string): Promise<TableInfo>;
}

/**
 * With `cache`, the answer may be what the same query gave before, as long as no data of the
 * warehouse has changed since. `timeoutMs` ends the query earlier than the run's own limit.
 * @example const rows = await ctx.duckdb.query("FROM totals", [], { cache: true });
 */
interface QueryOptions {
  cache?: boolean;
  timeoutMs?: number;
}

/**
 * What happens to a table that is there: replaced (the default), added to, or an error. `params`
 * fill the statement's placeholders. An object is read by the options of `stream`, such as `format`.
 * @example { mode: "append", params: [since] }
 */
interface LoadOptions {
  mode?: "replace" | "append" | "error";
  params?: SQLParams;
  [option: string]: any;
}

/**
 * What happens to a target that is there: added to, replaced, or an error. What is done without a
 * mode is up to the datasource; to a database rows are added.
 * @example { mode: "replace" }
 */
interface ExportOptions {
  mode?: "replace" | "append" | "error";
}

/**
 * A table in place of its rows.
 * @example { table: "sales", rowCount: 2000000, columns: [], preview: [{ city: "Oslo" }] }
 */
interface TableResult {
  table: string;
  rowCount: number;
  columns: ColumnInfo[];
  /** The first rows. */
  preview: any[];
}

/**
 * How to store a DataFrame. With `partition`, "overwrite" replaces only the rows that have the same
 * values in these columns as the new ones.
 * @example { mode: "overwrite", partition: ["day"] }
 */
interface SaveOptions {
  mode?: "overwrite" | "append" | "error";
  partition?: string | string[];
}

/**
 * What is known of a table.
 * @example { name: "sales", columns: [], rowCount: 1200, sizeBytes: 262144 }
 */
interface TableInfo {
  name: string;
  columns: ColumnInfo[];
  rowCount: number;
  /** An estimate. */
  sizeBytes: number;
}

/**
 * One column; `type` is DuckDB's name.
 * @example { name: "amount", type: "DOUBLE", nullable: true }
 */
interface ColumnInfo {
  name: string;
  type: string;
  nullable: boolean;
}

// ---- Metadata and schedule -------------------------------------------------------------------

/**
 * Small JSON values by key, up to 256 KB each. They belong to the analysis; `get` finds those of
 * other analyses of the project as well, its own first.
 */
interface Metadata {
  /**
   * The value, or null. Always there: "run_id", "analysis_id", "version", "attempt".
   * @example const since = ctx.metadata.get("last_id") ?? 0;
   */
  get(key: string): any;
  /**
   * Store a JSON value; it is kept at once, whatever becomes of the run.
   * @example ctx.metadata.set("cursor", { id: 17, at: new Date().toISOString() });
   */
  set(key: string, value: JSONValue): void;
  /**
   * Whether there is a value.
   * @example if (ctx.metadata.has("finished")) return { skipped: true };
   */
  has(key: string): boolean;
  /**
   * Forget a value of this analysis.
   * @example ctx.metadata.delete("cursor");
   */
  delete(key: string): void;
  /**
   * The keys of this analysis.
   * @example for (const key of ctx.metadata.list()) ctx.log(key);
   */
  list(): string[];
}

/**
 * The schedule as it is now.
 * @example { cron: "0 9 * * 1", timezone: "UTC", enabled: true, next_run: "2026-11-23T09:00:00+00:00", scheduled_time: null }
 */
interface ScheduleFacts {
  readonly cron: string;
  readonly timezone: string;
  readonly enabled: boolean;
  /** ISO 8601; null if it is not going to run. */
  readonly next_run: string | null;
  /** The moment this run was scheduled for; null in a manual one. */
  readonly scheduled_time: string | null;
}

/**
 * What `ctx.runAnalysis` answers.
 * @example { success: true, result: { rates: [] }, status: "completed", job_id: "…", metadata: {} }
 */
interface AnalysisResult {
  /** False when the analysis failed, or returned `success: false` itself. */
  success: boolean;
  /** What its `run` returned; null when it failed. */
  result: any;
  status: "completed" | "failed" | "cancelled";
  job_id: string;
  /** Why it failed. */
  error?: string;
  /** The metadata that it wrote. */
  metadata: Record<string, any>;
}

/** Uploaded files. Not in this version: every access throws UNSUPPORTED_OPERATION. */
interface Files {
  list(conversationId?: string): Promise<any[]>;
  read(fileId: string): Promise<any>;
  search(query: string, options?: Record<string, any>): Promise<any[]>;
  getMetadata(fileId: string): Promise<any>;
}

// ---- Display hints ---------------------------------------------------------------------------

/**
 * How to show a table. Without `columns` all are shown.
 * @example { title: "Top cities", columns: [{ name: "city" }, { name: "revenue", format: "currency", currency: "EUR" }] }
 */
interface TableOptions {
  title?: string;
  columns?: ColumnHint[];
}

/**
 * How to show a column.
 * @example { name: "share", label: "Share of all", format: "percent", digits: 1 }
 */
interface ColumnHint {
  /** The key of the rows. */
  name: string;
  /** The heading; the name unless stated. */
  label?: string;
  /** "percent" shows 0.25 as 25 %. */
  format?: "number" | "integer" | "percent" | "currency" | "date" | "datetime" | "text";
  /** Digits after the point. */
  digits?: number;
  /** Three letters, such as "EUR". */
  currency?: string;
}

/**
 * A chart of rows of the result.
 * @example { type: "line", data: "rows", x: "day", y: ["flights", "delayed"], title: "Flights" }
 */
interface ChartSpec {
  type: "bar" | "line" | "pie" | "scatter";
  /** Where the rows are in the result, such as "rows" or "report.rows". */
  data: string;
  /** The column along the axis; in a pie, the names of its slices. */
  x: string;
  /** The column with the values, or several. */
  y: string | string[];
  /** A column that splits the rows: one line (group of bars, colour) for each of its values. */
  series?: string;
  title?: string;
}

// ---- Utilities -------------------------------------------------------------------------------

/** A format of compressed data. */
type Compression = "gzip" | "brotli" | "zstd" | "deflate" | "bz2";

/** Functions that the host computes; none needs `await`. */
interface Utils {
  /**
   * Compress bytes, text (as UTF-8) or any JSON value (as JSON text). gzip unless stated.
   * @example const bytes = ctx.utils.compress({ rows }, "zstd");
   */
  compress(data: any, format?: Compression): Buffer;
  /**
   * Decompress. Gives bytes, a Buffer, whatever went in; ask for "text" or "json" to get that. More
   * than may cross at once (64 MB) is an error with the figures.
   * @example const rows = ctx.utils.decompress(bytes, "zstd", "json").rows;
   */
  decompress(data: Uint8Array | ArrayBuffer, format?: Compression, as?: "bytes"): Buffer;
  decompress(data: Uint8Array | ArrayBuffer, format: Compression, as: "text"): string;
  decompress(data: Uint8Array | ArrayBuffer, format: Compression, as: "json"): any;
  /**
   * The hash of bytes, text (as UTF-8) or a JSON value (as JSON text), in hexadecimal.
   * @example const id = ctx.utils.hash(`${row.city}/${row.day}`, "sha256");
   */
  hash(data: any, algorithm?: "sha256" | "sha512" | "sha1" | "md5"): string;
  /**
   * The rows of a sheet, each an array from column A on: the first sheet, or one by its name or
   * position (from 0). Reads xlsx, xlsm, xlsb, xls and ods. Empty cells, and cells with an error, are
   * null; dates are ISO 8601 text.
   * @example
   * const [header, ...rows] = ctx.utils.parseExcel(bytes, "Sales");
   */
  parseExcel(data: Uint8Array | ArrayBuffer, sheet?: string | number): any[][];
  /**
   * Parse CSV from text or bytes. Rows are objects by header, or arrays with `headers: false`. Values
   * are text unless `types: true`. Blank lines are passed over. What cannot be read for certain (rows
   * of different lengths, a header that is empty or there twice, open quotes, wrong bytes) is an
   * error that names the line.
   * @example const rows = ctx.utils.parseCSV("id;name\n1;Ann", { types: true }); // [{ id: 1, name: "Ann" }]
   */
  parseCSV(text: string | Uint8Array | ArrayBuffer, options?: CSVOptions & { headers?: true | string[] }): Array<Record<string, any>>;
  parseCSV(text: string | Uint8Array | ArrayBuffer, options: CSVOptions & { headers: false }): any[][];
  parseCSV(text: string | Uint8Array | ArrayBuffer, options?: CSVOptions): any[];
}

/**
 * How to read CSV.
 * @example { delimiter: ";", skipRows: 2, encoding: "windows-1252", types: true }
 */
interface CSVOptions {
  /** Unless stated the comma or, if the first line has none, the semicolon, tab or | it has most of. */
  delimiter?: string;
  /** True (the default): the first row names the columns. False: rows are arrays. A list: the names. */
  headers?: boolean | string[];
  /** Lines to pass over before anything else. */
  skipRows?: number;
  /** Of bytes; utf-8 unless stated. A byte order mark wins. */
  encoding?: string;
  /** The quotation mark; " unless stated. */
  quote?: string;
  /** Lines that begin with this are passed over. */
  comment?: string;
  /** Cut spaces off the values. */
  trim?: boolean;
  /**
   * Numbers that lose no digit become numbers, true and false booleans, nothing null. Dates and
   * codes such as 007 stay text.
   */
  types?: boolean;
  /** "allow": missing values are null, values beyond the header are in `_extra`. */
  ragged?: "error" | "allow";
}

// ---- Errors ----------------------------------------------------------------------------------

/**
 * What a failed call of `ctx` throws. One that nobody catches ends the run with its code.
 * @example
 * try {
 *   await ctx.duckdb.exec("BEGIN; INSERT INTO totals VALUES (1); COMMIT");
 * } catch (error) {
 *   if (error.code !== "WRITE_CONFLICT") throw error;
 *   await ctx.duckdb.exec("ROLLBACK");
 * }
 */
interface HostError extends Error {
  /**
   * Stable and machine-readable: VALIDATION_ERROR, NOT_FOUND, READ_ONLY, QUERY_FAILED,
   * STATEMENT_REFUSED, UNSUPPORTED_OPERATION, LIMIT_EXCEEDED, RESULT_TOO_LARGE, WRITE_CONFLICT,
   * UNAVAILABLE, CANCELLED.
   */
  code?: string;
  /** What to do about it. */
  hint?: string;
  /** Facts for programs, such as the figures of a limit. */
  details?: any;
}

// ---- DataFrames ------------------------------------------------------------------------------

/**
 * A calculation on columns, as in `col("price") * col("amount")`. The host does it for all rows at
 * once; the script only describes it.
 *
 * The operators + - * / % ** == === != !== < <= > >= & | ^ unary - ! ~ and compound assignments
 * (+= …) work on column expressions: they are rewritten when the script is saved. `&&`, `||`, `?:`
 * and `if` cannot: use `&`, `|` and `when(…).then(…).otherwise(…)`. Every operator is a method as
 * well: `.add() .sub() .mul() .div() .mod() .pow() .eq() .neq() .lt() .lte() .gt() .gte() .and()
 * .or() .xor() .neg() .not()`. Where an operator cannot be rewritten, because the text does not show
 * that a value is a column expression, it throws and never gives NaN.
 *
 * Plain values in a calculation are constants: `col("city").eq("Oslo")`. A comparison with a missing
 * value is missing itself: use `.isNull()`, `.isNotNull()`.
 *
 * It is a number for the type checker, so that arithmetic type-checks.
 */
type ColumnExpr = number & ColumnMethods;
/** A constant, made by `lit(value)`. */
type LiteralExpr = ColumnExpr;
/** One value for many rows, as in `col("amount").sum()`: for `agg()`, or `.over("group")`. */
type AggregateExpr = ColumnExpr;
/** A condition on columns: what comparisons give. Combine with `&`, `|`, `!`, or `.and()`, `.or()`, `.not()`. */
type ColumnCondition = ColumnExpr | boolean;
/** A column expression or a constant. */
type ColumnOperand = ColumnExpr | string | number | boolean | bigint | Date | null;
/** What a column holds; "decimal:2" has two digits after the point. */
type ColumnType =
  | "int"
  | "float"
  | "string"
  | "boolean"
  | "date"
  | "datetime"
  | "time"
  | "decimal"
  | `decimal:${number}`;

/**
 * What a column expression offers.
 * @example col("name").str.toUpperCase().alias("NAME")
 */
interface ColumnMethods {
  /** Arithmetic; `add` joins texts. */
  add(other: ColumnOperand): ColumnExpr;
  sub(other: ColumnOperand): ColumnExpr;
  mul(other: ColumnOperand): ColumnExpr;
  /** True division: 1 / 2 is 0.5, whole numbers or not. */
  div(other: ColumnOperand): ColumnExpr;
  floorDiv(other: ColumnOperand): ColumnExpr;
  mod(other: ColumnOperand): ColumnExpr;
  pow(other: ColumnOperand): ColumnExpr;
  neg(): ColumnExpr;
  /** Comparisons, a truth value for each row. */
  eq(other: ColumnOperand): ColumnExpr;
  neq(other: ColumnOperand): ColumnExpr;
  lt(other: ColumnOperand): ColumnExpr;
  lte(other: ColumnOperand): ColumnExpr;
  gt(other: ColumnOperand): ColumnExpr;
  gte(other: ColumnOperand): ColumnExpr;
  and(...others: ColumnCondition[]): ColumnExpr;
  or(...others: ColumnCondition[]): ColumnExpr;
  xor(...others: ColumnCondition[]): ColumnExpr;
  not(): ColumnExpr;
  /** Aggregates. Missing values do not count. */
  sum(): AggregateExpr;
  mean(): AggregateExpr;
  /** The same as mean. */
  avg(): AggregateExpr;
  median(): AggregateExpr;
  min(): AggregateExpr;
  max(): AggregateExpr;
  std(ddof?: number): AggregateExpr;
  var(ddof?: number): AggregateExpr;
  /** The number of values that are not missing. */
  count(): AggregateExpr;
  /** The number of different values. */
  nUnique(): AggregateExpr;
  first(): AggregateExpr;
  last(): AggregateExpr;
  quantile(q: number, interpolation?: "linear" | "nearest" | "lower" | "higher" | "midpoint"): AggregateExpr;
  any(): AggregateExpr;
  all(): AggregateExpr;
  /** Name the result: `col("amount").sum().alias("total")`. */
  alias(name: string): ColumnExpr;
  /**
   * Calculate within each group and give the result to all its rows.
   * @example df.withColumn("share", col("amount") / col("amount").sum().over("city"))
   */
  over(...groups: Array<string | ColumnExpr | string[] | { orderBy: string | string[]; descending?: boolean }>): ColumnExpr;
  /** Convert; with `strict` false a value that does not fit becomes missing. */
  cast(type: ColumnType, strict?: boolean): ColumnExpr;
  /** Replace missing values by a value or by their neighbours. */
  fillNull(value: ColumnOperand | { strategy: "forward" | "backward" | "min" | "max" | "mean" | "zero" | "one"; limit?: number }): ColumnExpr;
  fillNan(value: ColumnOperand): ColumnExpr;
  isNull(): ColumnExpr;
  isNotNull(): ColumnExpr;
  isNan(): ColumnExpr;
  isFinite(): ColumnExpr;
  /** @example col("city").isIn(["Oslo", "Bergen"]) */
  isIn(...values: Array<ColumnOperand | ColumnOperand[]>): ColumnExpr;
  between(low: ColumnOperand, high: ColumnOperand, closed?: "both" | "left" | "right" | "none"): ColumnExpr;
  abs(): ColumnExpr;
  round(digits?: number): ColumnExpr;
  floor(): ColumnExpr;
  ceil(): ColumnExpr;
  sqrt(): ColumnExpr;
  exp(): ColumnExpr;
  /** The logarithm; natural without a base. */
  log(base?: number): ColumnExpr;
  sign(): ColumnExpr;
  clip(low: ColumnOperand, high?: ColumnOperand): ColumnExpr;
  /** Running values, in the order of the rows. */
  cumSum(reverse?: boolean): ColumnExpr;
  cumMin(reverse?: boolean): ColumnExpr;
  cumMax(reverse?: boolean): ColumnExpr;
  cumCount(reverse?: boolean): ColumnExpr;
  /** The value of the row n before; of a later row when n is negative. */
  shift(n?: number, fill?: ColumnOperand): ColumnExpr;
  diff(n?: number): ColumnExpr;
  pctChange(n?: number): ColumnExpr;
  rank(method?: "average" | "min" | "max" | "dense" | "ordinal" | { method?: string; descending?: boolean }, descending?: boolean): ColumnExpr;
  rollingMean(window: number, minSamples?: number | { minSamples?: number; center?: boolean }): ColumnExpr;
  rollingSum(window: number, minSamples?: number | { minSamples?: number; center?: boolean }): ColumnExpr;
  rollingMin(window: number, minSamples?: number | { minSamples?: number; center?: boolean }): ColumnExpr;
  rollingMax(window: number, minSamples?: number | { minSamples?: number; center?: boolean }): ColumnExpr;
  /** Methods of texts. */
  readonly str: TextMethods;
  /** Methods of dates and times. */
  readonly dt: DateMethods;
  /** Methods of lists. */
  readonly list: ListMethods;
}

/**
 * Methods of columns of texts.
 * @example col("mail").str.contains(/\.org$/)
 */
interface TextMethods {
  /** A text is found as it stands, a RegExp (or `{ regex: true }`) as a pattern. */
  contains(pattern: string | RegExp | ColumnExpr, options?: { regex?: boolean }): ColumnExpr;
  startsWith(text: ColumnOperand): ColumnExpr;
  endsWith(text: ColumnOperand): ColumnExpr;
  toLowerCase(): ColumnExpr;
  toUpperCase(): ColumnExpr;
  trim(): ColumnExpr;
  trimStart(): ColumnExpr;
  trimEnd(): ColumnExpr;
  /** In characters. */
  length(): ColumnExpr;
  /** Replace the first occurrence. */
  replace(pattern: string | RegExp, replacement: string, options?: { regex?: boolean }): ColumnExpr;
  replaceAll(pattern: string | RegExp, replacement: string, options?: { regex?: boolean }): ColumnExpr;
  /** As JavaScript's slice. */
  slice(start: number, end?: number): ColumnExpr;
  /** A list of the parts. */
  split(separator: string): ColumnExpr;
  /** The part that matches, or one group of it (1 unless stated). */
  extract(pattern: string | RegExp, group?: number): ColumnExpr;
  padStart(length: number, fill?: string): ColumnExpr;
  padEnd(length: number, fill?: string): ColumnExpr;
  /** Read a date; ISO 8601 without a format. */
  toDate(format?: string): ColumnExpr;
  toDatetime(format?: string): ColumnExpr;
  toNumber(): ColumnExpr;
}

/**
 * Methods of columns of dates and times.
 * @example col("day").dt.truncate("1mo")
 */
interface DateMethods {
  year(): ColumnExpr;
  quarter(): ColumnExpr;
  month(): ColumnExpr;
  week(): ColumnExpr;
  day(): ColumnExpr;
  /** 1 = Monday … 7 = Sunday. */
  weekday(): ColumnExpr;
  ordinalDay(): ColumnExpr;
  hour(): ColumnExpr;
  minute(): ColumnExpr;
  second(): ColumnExpr;
  date(): ColumnExpr;
  /** The begin of the period: "1d", "1w", "1mo", "1q", "1y", "1h", "15m". */
  truncate(every: string): ColumnExpr;
  /** As strftime: "%Y-%m". */
  format(format: string): ColumnExpr;
  /** @example col("day").dt.offsetBy("1mo") */
  offsetBy(duration: string): ColumnExpr;
  epochMillis(): ColumnExpr;
}

/**
 * Methods of columns of lists.
 * @example col("tags").list.contains("new")
 */
interface ListMethods {
  length(): ColumnExpr;
  get(index: number): ColumnExpr;
  join(separator?: string): ColumnExpr;
  contains(value: ColumnOperand): ColumnExpr;
}

/** What `when(condition)` gives until it has a value. */
interface ColumnWhen {
  then(value: ColumnOperand): ColumnThen;
}
/** An expression already: missing where no condition holds. */
type ColumnThen = ColumnExpr & {
  when(condition: ColumnCondition): ColumnWhen;
  otherwise(value: ColumnOperand): ColumnExpr;
};

/**
 * The column of this name; "*" stands for all.
 * @example df.withColumn("score", col("total_spent") * 0.4 + col("days_active") * 0.3)
 */
declare function col(name: string): ColumnExpr;
/** A constant as an expression. */
declare function lit(value: ColumnOperand): LiteralExpr;
/**
 * Choose by a condition. Texts are constants here, not names of columns.
 * @example when(col("age") < 18).then("child").otherwise("adult")
 */
declare function when(condition: ColumnCondition): ColumnWhen;
/** The first value that is not missing. Texts are names of columns. */
declare function coalesce(...columns: Array<string | ColumnExpr>): ColumnExpr;
/** Join texts. Texts given are names of columns; the last argument may be `{ separator }`. */
declare function concatStr(...columns: Array<string | ColumnExpr | { separator?: string }>): ColumnExpr;
/** The number of rows, for `agg()`. */
declare function len(): AggregateExpr;
/** The same functions under one name, for scripts that have another `col`. */
declare const pl: {
  readonly col: typeof col;
  readonly lit: typeof lit;
  readonly when: typeof when;
  readonly coalesce: typeof coalesce;
  readonly concatStr: typeof concatStr;
  readonly len: typeof len;
};

/** A row in a callback: `row.amount`, or `row.get("amount")`. An unknown name throws. */
type Row = { [column: string]: any } & { get(column: string): any };

/**
 * `ctx.DataFrame`.
 * @example const all = ctx.DataFrame.concat([january, february]);
 */
interface DataFrameConstructor {
  /**
   * Make a DataFrame of rows, or of columns: `{ name: [value, …] }`.
   * @example const df = ctx.DataFrame(await ctx.datasource.sales.query("SELECT …"));
   */
  (data: any[] | Record<string, any[]> | DataFrame): DataFrame;
  new (data: any[] | Record<string, any[]> | DataFrame): DataFrame;
  /** Put DataFrames under each other; "diagonal" lets columns be missing in some. */
  concat(frames: DataFrame[], options?: { how?: "vertical" | "diagonal" }): DataFrame;
}

/** How to aggregate: an expression, "sum", "sum:amount", or ["amount", "sum"]. */
type Aggregation = AggregateExpr | string | [column: string, name: string];
/** How to sort: true is ascending, a list says it for each column. */
type SortOrder =
  | boolean
  | boolean[]
  | "asc"
  | "desc"
  | { descending?: boolean | boolean[]; ascending?: boolean | boolean[]; nullsLast?: boolean };

/**
 * A table that the host holds and calculates with Polars. Nothing is calculated and no row enters
 * the script before it is asked for: `collect()`, `toJSON()`, `height`, a callback, a loop. Methods
 * return new DataFrames. A wrong column name throws in the line that uses it.
 *
 * In the result of an analysis a DataFrame becomes its rows.
 * @example
 * return {
 *   cities: ctx.DataFrame(rows)
 *     .filter(col("amount") > 100)
 *     .groupBy("city")
 *     .agg({ total: col("amount").sum(), orders: "count" })
 *     .sort("total", false)
 *     .head(10),
 * };
 */
interface DataFrame extends Iterable<Row> {
  /** The number of rows. A property, as the next two. */
  readonly height: number;
  readonly columns: string[];
  readonly schema: Array<{ name: string; type: string }>;
  /**
   * Keep the rows for which conditions hold: column expressions (fast), or a function of a row.
   * @example df.filter(col("amount").gt(100))
   * @example df.filter((row) => row.get("amount") > 100)
   */
  filter(predicate: (row: Row, index: number) => unknown): DataFrame;
  filter(...conditions: ColumnCondition[]): DataFrame;
  /** Columns by name or expression; `{ newName: expression }` names them. */
  select(...columns: Array<string | ColumnExpr | string[] | ColumnExpr[] | Record<string, string | ColumnExpr>>): DataFrame;
  drop(...columns: Array<string | string[]>): DataFrame;
  /** Add or replace a column: an expression, a constant, or a function of a row. */
  withColumn(name: string, value: ColumnOperand | ((row: Row, index: number) => any)): DataFrame;
  /** Several at once; each sees the columns as they were before. */
  withColumns(columns: Record<string, ColumnOperand | ((row: Row, index: number) => any)>): DataFrame;
  withColumns(...columns: Array<ColumnExpr | ColumnExpr[]>): DataFrame;
  rename(names: Record<string, string>): DataFrame;
  rename(name: string, newName: string): DataFrame;
  /** Without a column: one group of all rows. */
  groupBy(...columns: Array<string | ColumnExpr | string[]>): GroupedDataFrame;
  /**
   * @example orders.join(customers, "customer_id")
   * @example orders.join(customers, { leftOn: "customer", rightOn: "id", how: "left" })
   */
  join(other: DataFrame, on: string | string[], how?: JoinKind | JoinOptions): DataFrame;
  join(other: DataFrame, options: JoinOptions & { on?: string | string[] }): DataFrame;
  /** `ascending` is true unless stated: `sort("score", false)` puts the highest first. */
  sort(column: string | ColumnExpr | Array<string | ColumnExpr>, ascending?: SortOrder): DataFrame;
  sort(...columns: Array<string | ColumnExpr | SortOrder>): DataFrame;
  limit(n: number): DataFrame;
  /** The first rows, 5 unless stated. */
  head(n?: number): DataFrame;
  tail(n?: number): DataFrame;
  slice(offset: number, length?: number): DataFrame;
  reverse(): DataFrame;
  /** Rows that differ in these columns (in all, without any). */
  unique(columns?: string | string[], options?: { keep?: "first" | "last" | "any" | "none" }): DataFrame;
  /** Make columns of the values in `on`. */
  pivot(options: {
    on: string | string[];
    index: string | string[];
    values: string | string[];
    aggregate?: "first" | "last" | "sum" | "mean" | "min" | "max" | "median" | "count";
  }): DataFrame;
  /** Make rows of the columns in `on`. */
  unpivot(options: { on?: string | string[]; index?: string | string[]; variableName?: string; valueName?: string }): DataFrame;
  fillNull(value: ColumnOperand | Record<string, any>, options?: { strategy?: string; limit?: number; columns?: string[] }): DataFrame;
  /** Leave out rows with missing values in these columns (in any, without names). */
  dropNulls(...columns: Array<string | string[]>): DataFrame;
  cast(types: Record<string, ColumnType>): DataFrame;
  cast(column: string, type: ColumnType): DataFrame;
  concat(...frames: Array<DataFrame | DataFrame[] | { how?: "vertical" | "diagonal" }>): DataFrame;
  /** One row for each element of lists. */
  explode(...columns: Array<string | string[]>): DataFrame;
  withRowIndex(name?: string, offset?: number): DataFrame;
  /** Statistics of every column, one row each. */
  describe(): DataFrame;
  /** Random rows, the same for the same seed. */
  sample(options: number | { n?: number; fraction?: number; seed?: number; withReplacement?: boolean }): DataFrame;
  /** All rows as plain objects. */
  collect(): any[];
  toJSON(): any[];
  map<T>(action: (row: Row, index: number) => T): T[];
  forEach(action: (row: Row, index: number) => void): void;
}

/** Which rows a join keeps; "outer" is "full". */
type JoinKind = "inner" | "left" | "right" | "full" | "outer" | "semi" | "anti" | "cross";
/**
 * How to join columns of different names.
 * @example { leftOn: "customer", rightOn: "id", how: "left" }
 */
interface JoinOptions {
  how?: JoinKind;
  leftOn?: string | string[];
  rightOn?: string | string[];
  /** What columns of the other frame get that exist already: "_right" unless stated. */
  suffix?: string;
}

/**
 * Rows in groups, until they are aggregated.
 * @example orders.groupBy("city", "day").sum("amount")
 */
interface GroupedDataFrame {
  /**
   * One row per group, in order of first appearance.
   * @example df.groupBy("city").agg({ total: col("amount").sum(), count: "count", top: "max:amount" })
   */
  agg(aggregations: Record<string, Aggregation>): DataFrame;
  agg(...aggregations: Array<AggregateExpr | AggregateExpr[]>): DataFrame;
  /** The number of rows in each group, as the column `count`. */
  count(): DataFrame;
  sum(...columns: Array<string | string[]>): DataFrame;
  mean(...columns: Array<string | string[]>): DataFrame;
  avg(...columns: Array<string | string[]>): DataFrame;
  median(...columns: Array<string | string[]>): DataFrame;
  min(...columns: Array<string | string[]>): DataFrame;
  max(...columns: Array<string | string[]>): DataFrame;
  std(...columns: Array<string | string[]>): DataFrame;
  var(...columns: Array<string | string[]>): DataFrame;
  first(...columns: Array<string | string[]>): DataFrame;
  last(...columns: Array<string | string[]>): DataFrame;
  nUnique(...columns: Array<string | string[]>): DataFrame;
}

// ---- Beside the language ---------------------------------------------------------------------
//
// Node's, reduced. Intl has NumberFormat, DateTimeFormat, PluralRules, Collator, ListFormat and
// RelativeTimeFormat for the locales that their supportedLocalesOf tells; a locale or an option that
// is not known throws a RangeError that names it. toLocaleString and its relatives follow them. The
// default locale is en-US.

/**
 * Log lines, with the format marks of Node: console.log("%s has %d rows", name, count).
 * @example console.table(rows, ["city", "total"]);
 */
declare const console: {
  log(...args: any[]): void;
  info(...args: any[]): void;
  debug(...args: any[]): void;
  warn(...args: any[]): void;
  error(...args: any[]): void;
  trace(...args: any[]): void;
  assert(condition?: any, ...args: any[]): void;
  dir(value: any, options?: object): void;
  dirxml(...args: any[]): void;
  table(rows: any, columns?: string[]): void;
  count(label?: string): void;
  countReset(label?: string): void;
  time(label?: string): void;
  timeLog(label?: string, ...args: any[]): void;
  timeEnd(label?: string): void;
  timeStamp(label?: string): void;
  group(...args: any[]): void;
  groupCollapsed(...args: any[]): void;
  groupEnd(): void;
  profile(label?: string): void;
  profileEnd(label?: string): void;
  clear(): void;
};

/**
 * Call a function later. A run does not wait for timers: await what it needs.
 * @example await new Promise((resolve) => setTimeout(resolve, 500));
 */
declare function setTimeout(callback: (...args: any[]) => void, delay?: number, ...args: any[]): number;
/** Call a function again and again. */
declare function setInterval(callback: (...args: any[]) => void, delay?: number, ...args: any[]): number;
/** Call a function soon. */
declare function setImmediate(callback: (...args: any[]) => void, ...args: any[]): number;
/** Give up a timer of setTimeout. */
declare function clearTimeout(id?: number): void;
/** Give up a timer of setInterval. */
declare function clearInterval(id?: number): void;
/** Give up a timer of setImmediate. */
declare function clearImmediate(id?: number): void;
/** Call a function after the code that runs now. */
declare function queueMicrotask(callback: () => void): void;
/**
 * Copy a value with everything in it. Nothing can be transferred.
 * @example const before = structuredClone(state);
 */
declare function structuredClone<T>(value: T, options?: { transfer?: [] }): T;
/** Decode Base64 to a text of bytes. */
declare function atob(data: string): string;
/** Encode a text of bytes as Base64. */
declare function btoa(data: string): string;
/**
 * Time since the run began, in milliseconds.
 * @example const began = performance.now();
 */
declare const performance: { now(): number; readonly timeOrigin: number };
/**
 * Random identifiers and bytes. For hashes there is `ctx.utils.hash`.
 * @example const id = crypto.randomUUID();
 */
declare const crypto: {
  randomUUID(): string;
  getRandomValues<T extends ArrayBufferView>(array: T): T;
};

/** Text to bytes. */
declare class TextEncoder {
  readonly encoding: "utf-8";
  encode(text?: string): Uint8Array;
  encodeInto(text: string, target: Uint8Array): { read: number; written: number };
}
/** Bytes to text: utf-8, utf-16le, latin1 (windows-1252, as on the web) and their labels. */
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  decode(input?: ArrayBuffer | ArrayBufferView, options?: { stream?: boolean }): string;
}

/**
 * A web address and its parts.
 * @example const host = new URL("https://example.com/a?b=1").hostname;
 */
declare class URL {
  constructor(url: string | URL, base?: string | URL);
  static canParse(url: string | URL, base?: string | URL): boolean;
  static parse(url: string | URL, base?: string | URL): URL | null;
  href: string;
  readonly origin: string;
  protocol: string;
  username: string;
  password: string;
  host: string;
  hostname: string;
  port: string;
  pathname: string;
  search: string;
  readonly searchParams: URLSearchParams;
  hash: string;
  toString(): string;
  toJSON(): string;
}
/**
 * The query of a web address.
 * @example const query = new URLSearchParams({ q: "a b", page: "2" }).toString();
 */
declare class URLSearchParams implements Iterable<[string, string]> {
  constructor(
    init?: string | URLSearchParams | Record<string, string> | Iterable<[string, string]>,
  );
  readonly size: number;
  append(name: string, value: string): void;
  delete(name: string, value?: string): void;
  get(name: string): string | null;
  getAll(name: string): string[];
  has(name: string, value?: string): boolean;
  set(name: string, value: string): void;
  sort(): void;
  toString(): string;
  forEach(
    callback: (value: string, name: string, parent: URLSearchParams) => void,
    thisArg?: any,
  ): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

/** How text is written as bytes. */
type BufferEncoding =
  | "utf8"
  | "utf-8"
  | "utf16le"
  | "utf-16le"
  | "ucs2"
  | "latin1"
  | "binary"
  | "ascii"
  | "base64"
  | "base64url"
  | "hex";
/**
 * Bytes with encodings, as Node has them. Bytes that host calls return are Buffers.
 * @example const text = Buffer.from(encoded, "base64").toString("utf8");
 */
interface Buffer extends Uint8Array<ArrayBuffer> {
  toString(encoding?: BufferEncoding, start?: number, end?: number): string;
  toJSON(): { type: "Buffer"; data: number[] };
  equals(other: Uint8Array): boolean;
  compare(
    other: Uint8Array,
    targetStart?: number,
    targetEnd?: number,
    sourceStart?: number,
    sourceEnd?: number,
  ): -1 | 0 | 1;
  indexOf(value: string | number | Uint8Array, byteOffset?: number, encoding?: BufferEncoding): number;
  lastIndexOf(value: string | number | Uint8Array, byteOffset?: number, encoding?: BufferEncoding): number;
  includes(value: string | number | Uint8Array, byteOffset?: number, encoding?: BufferEncoding): boolean;
  /** Shares its memory, as in Node. */
  slice(start?: number, end?: number): Buffer;
  /** Shares its memory. */
  subarray(start?: number, end?: number): Buffer;
  copy(target: Uint8Array, targetStart?: number, sourceStart?: number, sourceEnd?: number): number;
  fill(value: string | number | Uint8Array, offset?: number, end?: number, encoding?: BufferEncoding): this;
  write(text: string, offset?: number, length?: number, encoding?: BufferEncoding): number;
  swap16(): this;
  swap32(): this;
  swap64(): this;
  /** readUInt32LE, readDoubleBE, … as Node names them. */
  [method: `read${string}`]: (offset?: number, byteLength?: number) => any;
  /** writeInt16LE, writeBigUInt64BE, … as Node names them. */
  [method: `write${string}`]: (...args: any[]) => any;
}

/** What makes Buffers. */
interface BufferConstructor {
  from(text: string, encoding?: BufferEncoding): Buffer;
  from(
    bytes: ArrayLike<number> | Iterable<number> | ArrayBuffer | Uint8Array,
    offset?: number,
    length?: number,
  ): Buffer;
  alloc(size: number, fill?: string | number | Uint8Array, encoding?: BufferEncoding): Buffer;
  allocUnsafe(size: number): Buffer;
  allocUnsafeSlow(size: number): Buffer;
  concat(list: readonly Uint8Array[], totalLength?: number): Buffer;
  byteLength(value: string | ArrayBuffer | ArrayBufferView, encoding?: BufferEncoding): number;
  compare(a: Uint8Array, b: Uint8Array): -1 | 0 | 1;
  isBuffer(value: any): value is Buffer;
  isEncoding(name: any): boolean;
}
declare const Buffer: BufferConstructor;

/** What happened; here only aborts do. */
declare class Event {
  constructor(type: string, options?: { cancelable?: boolean });
  readonly type: string;
  readonly target: EventTarget | null;
  readonly currentTarget: EventTarget | null;
  readonly cancelable: boolean;
  readonly defaultPrevented: boolean;
  readonly timeStamp: number;
  preventDefault(): void;
  stopPropagation(): void;
  stopImmediatePropagation(): void;
}
/** Something to listen to. */
declare class EventTarget {
  addEventListener(
    type: string,
    listener: (event: Event) => void,
    options?: { once?: boolean },
  ): void;
  removeEventListener(type: string, listener: (event: Event) => void): void;
  dispatchEvent(event: Event): boolean;
}
/**
 * Tells others to give up.
 * @example const controller = new AbortController(); controller.abort();
 */
declare class AbortController {
  readonly signal: AbortSignal;
  abort(reason?: any): void;
}
/** Hears that it is time to give up. */
declare class AbortSignal extends EventTarget {
  static abort(reason?: any): AbortSignal;
  static timeout(ms: number): AbortSignal;
  static any(signals: Iterable<AbortSignal>): AbortSignal;
  readonly aborted: boolean;
  readonly reason: any;
  onabort: ((event: Event) => void) | null;
  throwIfAborted(): void;
}
/** An error of the functions above: AbortError, TimeoutError, DataCloneError, … */
declare class DOMException extends Error {
  constructor(message?: string, name?: string);
  readonly code: number;
}
