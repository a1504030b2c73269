// The second of two: it runs the first if nobody did, waits for the flag, and reads its table.
async function waitFor(ctx, flag, attempts = 60) {
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (ctx.metadata.get(flag)) return;
    if (ctx.shouldStop()) throw new Error("stopped while waiting");
    await ctx.sleep(50);
  }
  throw new Error(`${flag} was not set after ${attempts} attempts`);
}

export default {
  title: "Part two: the largest manufacturer",
  dependencies: { analyses: ["part_one"] },

  async run(ctx) {
    if (!ctx.metadata.get("part_one_completed")) {
      const first = await ctx.runAnalysis("part_one");
      if (!first.success) throw new Error(`part_one failed: ${first.error}`);
    }
    await waitFor(ctx, "part_one_completed");
    const [largest] = await ctx.duckdb.query(
      "SELECT manufacturer, planes FROM aircraft_by_manufacturer ORDER BY planes DESC LIMIT 1",
    );
    return { largest, counted_by: ctx.metadata.get("part_one_run") };
  },
};
