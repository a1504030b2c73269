// The first of two analyses that meet through a flag: it leaves its table and says that it is done.
export default {
  title: "Part one: count the aircraft",
  dependencies: { datasources: ["reference"] },

  async run(ctx) {
    await ctx.duckdb.load(
      "reference",
      "SELECT manufacturer, count(*) AS planes FROM planes GROUP BY manufacturer",
      "aircraft_by_manufacturer",
    );
    ctx.metadata.set("part_one_completed", true);
    ctx.metadata.set("part_one_run", ctx.metadata.get("run_id"));
    return { success: true, stored_in_duckdb: "aircraft_by_manufacturer" };
  },
};
