export default {
  title: "Intake of the handhelds' nightly dumps",
  dependencies: { datasources: ["handheld_bucket", "depot_db"] },
  parameters: { night: { type: "string", required: true, pattern: "^\\d{8}$" } },

  async run(ctx, params) {
    const bucket = ctx.datasource.handheld_bucket;
    const target = `handheld_${params.night}`;
    const dumps = (await bucket.list(`dumps/${params.night}/`)).filter(({ key }) => /\.csv\.gz$/i.test(key));
    let chunks = 0;

    for (const { key } of dumps) {
      await bucket.stream(key, {
        format: "csv",
        decompress: "gzip",
        async onChunk(scans) {
          const perGate = ctx.DataFrame(scans)
            .groupBy("gate")
            .agg({ scanned: col("barcode").count(), heaviest: col("grams").max() });
          await ctx.duckdb.saveDataFrame(perGate, target, { mode: "append" });
          chunks++;
        },
      });
      ctx.log("read", key);
    }

    if (!dumps.length) return { skipped: true, reason: `Nothing lies under dumps/${params.night}/` };
    return {
      dumps: dumps.length,
      chunks,
      gates: await ctx.duckdb.query(`FROM ${target} SELECT gate, sum(scanned), max(heaviest) GROUP BY gate`),
    };
  },
};
