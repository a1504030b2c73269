// An incremental ETL: every run adds the next day to a table that stays in the warehouse, and
// remembers in ctx.metadata how far it came. Running it twice never counts a day twice.
const FIRST_DAY = "2013-01-01";
const LAST_DAY = "2013-12-31";

function dayAfter(day) {
  const next = new Date(`${day}T00:00:00Z`);
  next.setUTCDate(next.getUTCDate() + 1);
  return next.toISOString().slice(0, 10);
}

export default {
  title: "Daily flight summary",
  schedule: { cron: "0 6 * * *", timezone: "America/New_York", enabled: true },
  dependencies: { datasources: ["flights_db"] },
  parameters: {
    days: { type: "number", description: "How many days to add", min: 1, max: 366, default: 1 },
  },

  async run(ctx, params) {
    await ctx.duckdb.exec(`
      CREATE TABLE IF NOT EXISTS daily_flights (
        day DATE, origin VARCHAR, flights BIGINT, cancelled BIGINT, mean_delay DOUBLE,
        PRIMARY KEY (day, origin)
      )`);

    const done = ctx.metadata.get("last_day");
    let day = done ? dayAfter(done) : FIRST_DAY;
    let added = 0;
    while (added < params.days && day <= LAST_DAY && !ctx.shouldStop()) {
      await ctx.duckdb.load(
        "flights_db",
        `SELECT make_date(year, month, day) AS day, origin, dep_time, dep_delay
           FROM flights
          WHERE year = ${+day.slice(0, 4)} AND month = ${+day.slice(5, 7)} AND day = ${+day.slice(8)}`,
        "daily_flights_staging",
      );
      await ctx.duckdb.exec(`
        INSERT OR REPLACE INTO daily_flights
        SELECT day, origin, count(*), count(*) FILTER (WHERE dep_time IS NULL), avg(dep_delay)
          FROM daily_flights_staging GROUP BY day, origin`);
      ctx.metadata.set("last_day", day);
      ctx.log(`added ${day}`);
      day = dayAfter(day);
      added += 1;
    }
    if (added === 0) {
      return { skipped: true, reason: `All days up to ${LAST_DAY} are in the table` };
    }

    const [total] = await ctx.duckdb.query(
      "SELECT count(DISTINCT day) AS days, sum(flights) AS flights FROM daily_flights",
    );
    return {
      success: true,
      days_added: added,
      last_day: ctx.metadata.get("last_day"),
      statistics: total,
      stored_in_duckdb: "daily_flights",
    };
  },
};
