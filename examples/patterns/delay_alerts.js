// Alerts as rows: whatever watches the queue, a person or a service, finds them in the warehouse.
const THRESHOLD_MINUTES = 60;

async function raise(ctx, severity, message, details) {
  await ctx.duckdb.query(
    `INSERT INTO delay_alerts (severity, message, details, created_at, status)
     VALUES ($severity, $message, $details, now(), 'pending')`,
    { severity, message, details: JSON.stringify(details) },
  );
}

export default {
  title: "Alerts for late airports",
  dependencies: { datasources: ["flights_db"] },
  parameters: { day: { type: "date", default: "2013-03-08" } },

  async run(ctx, params) {
    await ctx.duckdb.exec(`
      CREATE TABLE IF NOT EXISTS delay_alerts (
        severity VARCHAR, message VARCHAR, details VARCHAR, created_at TIMESTAMP, status VARCHAR
      )`);
    const late = await ctx.datasource.flights_db.query(
      `SELECT origin, avg(dep_delay)::float AS minutes FROM flights
        WHERE make_date(year, month, day) = $1 GROUP BY origin HAVING avg(dep_delay) > $2`,
      [params.day, THRESHOLD_MINUTES],
    );
    for (const { origin, minutes } of late) {
      await raise(ctx, minutes > 90 ? "critical" : "warning", `${origin} is late on ${params.day}`, {
        minutes,
        run: ctx.metadata.get("run_id"),
      });
    }
    return { day: params.day, alerts: late };
  },
};
