// Works through the labels that wait for the printer; others fill the queue and read it out.
const BATCH = 60;
const PAUSE_MS = 750;

const QUEUE = `
  CREATE TABLE IF NOT EXISTS label_queue (
    ticket BIGINT, zpl VARCHAR, state VARCHAR DEFAULT 'new', printed TIMESTAMP, spool_no VARCHAR
  )`;

async function inTransaction(duckdb, work) {
  await duckdb.exec("BEGIN");
  let done = false;
  try {
    const value = await work();
    await duckdb.exec("COMMIT");
    done = true;
    return value;
  } finally {
    if (!done) await duckdb.exec("ROLLBACK");
  }
}

export default {
  title: "Print waiting labels",
  dependencies: { datasources: ["printer_api"], analyses: [] },
  async run(ctx) {
    const { duckdb, metadata } = ctx;
    await duckdb.exec(QUEUE);
    const after = metadata.get("last_ticket") ?? -1;
    const waiting = await duckdb.query(
      "SELECT ticket, zpl FROM label_queue WHERE state = 'new' AND ticket > $1 ORDER BY 1 LIMIT $2",
      [after, BATCH],
    );
    for (const { ticket, zpl } of waiting) {
      const { spool } = await ctx.datasource.printer_api.post("/spool", { zpl });
      await inTransaction(duckdb, async () => {
        await duckdb.exec(`UPDATE label_queue SET state = 'out', spool_no = '${spool}' WHERE ticket = ${ticket}`);
        await duckdb.exec(`DELETE FROM label_draft WHERE ticket = ${ticket}`);
      });
      metadata.set("last_ticket", ticket);
      await ctx.sleep(PAUSE_MS);
    }
    return { printed: waiting.length };
  },
};
