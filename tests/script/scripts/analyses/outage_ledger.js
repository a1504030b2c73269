export default {
  title: "Outages: from switch events to a ledger",

  async run(ctx, { winter = 2031 } = {}) {
    const { duckdb, metadata } = ctx;
    const table = `outage_ledger_w${Number(winter)}`;

    await duckdb.load(
      "scada_log",
      `SELECT feeder, switch_state, at FROM switching WHERE winter = ${Number(winter)}`,
      "switching_in",
    );
    // An outage lasts from an opened switch to the next event of the same feeder.
    await duckdb.exec(`
      DROP TABLE IF EXISTS ${table};
      CREATE TABLE ${table} AS
        SELECT feeder, at AS dark_from, lead(at) OVER later AS dark_until
          FROM switching_in
        WINDOW later AS (PARTITION BY feeder ORDER BY at)
       QUALIFY switch_state = 'open';
      CREATE INDEX ${table}_feeder ON ${table} (feeder);
      CREATE UNIQUE INDEX ${table}_key ON ${table} (feeder, dark_from)`);

    for (const [key, value] of Object.entries({ ledger: table, built: Date.now() })) {
      metadata.set(key, value);
    }
    // duckdb.export(table, "regulator_db", "outage") follows once the regulator accepts it.
    const [shape] = await duckdb.query(
      `SELECT count(*) AS outages, sum(dark_until - dark_from) AS darkness FROM ${table}`,
    );
    return { ...shape, table, open_ended: shape.darkness == null };
  },
};
