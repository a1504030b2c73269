// A queue in the warehouse: the first part puts work in, the second takes it out piece by piece, and
// the place reached is kept in ctx.metadata, so that a stopped run goes on where it was.
const PAUSE_MS = 5;

async function fill(ctx, size) {
  await ctx.duckdb.exec(`
    CREATE TABLE IF NOT EXISTS route_queue (
      id INTEGER PRIMARY KEY, origin VARCHAR, dest VARCHAR,
      status VARCHAR DEFAULT 'pending', processed_at TIMESTAMP, result VARCHAR
    )`);
  const routes = await ctx.datasource.flights_db.query(
    "SELECT DISTINCT origin, dest FROM flights ORDER BY origin, dest LIMIT $1",
    [size],
  );
  for (const [id, { origin, dest }] of routes.entries()) {
    await ctx.duckdb.query("INSERT OR IGNORE INTO route_queue (id, origin, dest) VALUES (?, ?, ?)", [
      id + 1,
      origin,
      dest,
    ]);
  }
}

async function work(ctx, { origin, dest }) {
  const [row] = await ctx.datasource.flights_db.query(
    "SELECT round(avg(dep_delay)) AS delay FROM flights WHERE origin = $1 AND dest = $2",
    [origin, dest],
  );
  return row.delay === null ? "never flown" : `${row.delay} minutes`;
}

export default {
  title: "Work through a queue of routes",
  dependencies: { datasources: ["flights_db"] },
  parameters: { routes: { type: "number", min: 1, max: 200, default: 10 } },

  async run(ctx, params) {
    await fill(ctx, params.routes);
    const last = ctx.metadata.get("last_route") ?? 0;
    const items = await ctx.duckdb.query(
      "SELECT * FROM route_queue WHERE status = 'pending' AND id > $last ORDER BY id",
      { last },
    );
    for (const [done, item] of items.entries()) {
      if (ctx.shouldStop()) break;
      const result = await work(ctx, item);
      await ctx.duckdb.query(
        `UPDATE route_queue SET status = 'completed', processed_at = now(), result = $result
          WHERE id = $id`,
        { id: item.id, result },
      );
      ctx.metadata.set("last_route", item.id);
      ctx.progress((done + 1) / items.length, `${item.origin} → ${item.dest}`);
      await ctx.sleep(PAUSE_MS);
    }
    const [{ left }] = await ctx.duckdb.query(
      "SELECT count(*) AS left FROM route_queue WHERE status = 'pending'",
    );
    return { processed: items.length, left };
  },
};
