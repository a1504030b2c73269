// Bills are written when the readings are in and both checks have left their flag.
const CHECKS = ["meter_swaps", "negative_readings"];

async function untilDone(ctx, analysis, given, tries = 12) {
  let last;
  do {
    last = await ctx.runAnalysis(analysis, given);
    if (last.success) return last.result;
    await ctx.sleep(2_500);
  } while (--tries > 0);
  throw new Error(`${analysis} did not finish: ${last.error}`);
}

async function flagged(ctx, names) {
  const missing = new Set(names);
  while (missing.size && !ctx.shouldStop()) {
    for (const name of missing) {
      if (ctx.metadata.get(`checked:${name}`)) missing.delete(name);
    }
    if (missing.size) await ctx.sleep(4_000);
  }
  return [...missing];
}

export default {
  title: "Invoice run",
  async run(ctx, params) {
    const readings = await untilDone(ctx, "reading_import", { period: params.period });
    const missing = await flagged(ctx, CHECKS);
    if (missing.length) return { skipped: true, reason: `Not checked: ${missing.join(", ")}` };

    await ctx.duckdb.exec("CREATE OR REPLACE TABLE invoice AS FROM reading_priced");
    ctx.metadata.set("checked:invoice", { period: params.period });
    return { invoices: readings.count };
  },
};
