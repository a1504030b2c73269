export default {
  title: "Tariffs of the day",
  schedule: {
    cron: "35 3 * * *",
    timezone: "Asia/Kolkata",
    enabled: false, // until the new tariff database is open
    retry_on_failure: true,
    max_retries: 6,
  },
  dependencies: { datasources: ["tariff_db", "billing_db"] },
  parameters: {
    valid_on: { type: "date", required: true, default: "yesterday" },
    scope: {
      type: "select",
      required: true,
      default: "changed",
      options: [
        { value: "changed", label: "Only tariffs that changed" },
        { value: "all", label: "All tariffs, from nothing" },
        { value: "none", label: "Only look" },
      ],
    },
  },

  async run(ctx, { valid_on: day, scope }) {
    const suffix = day.replace(/\D/gu, "");
    const changed = scope === "changed" ? "AND revision > 1" : "";
    await ctx.duckdb.load(
      "tariff_db",
      `SELECT zone, cent_per_kwh FROM tariff WHERE valid_on = DATE '${day}' ${changed}`,
      `tariff_${suffix}`,
    );
    if (scope !== "none") {
      await ctx.duckdb.exec(`CREATE OR REPLACE VIEW tariff_now AS TABLE tariff_${suffix}`);
      await ctx.duckdb.export(`tariff_${suffix}`, "billing_db", "tariff");
    }
    return { day, scope, again_at: ctx.schedule?.next_run ?? null };
  },
};
