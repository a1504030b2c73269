export default {
  title: "A library branch's week",
  schedule: { cron: "45 5 * * 1", timezone: "Europe/Oslo", enabled: true },
  dependencies: {
    datasources: ["lib_loans", "door_counters"],
    analyses: ["overdue_items", "holds_waiting"],
  },
  parameters: {
    week_from: { type: "date", required: true, default: "last_week" },
    branch: {
      type: "select",
      required: true,
      default: "*",
      async options({ datasource }) {
        const rows = await datasource.lib_loans.query("SELECT code, street FROM branch ORDER BY 2");
        return [{ value: "*", label: "Every branch" }].concat(
          rows.map(({ code, street }) => ({ value: code, label: `${street} (${code})` })),
        );
      },
    },
  },

  async run(ctx, { week_from: from, branch }) {
    const [lent, entered] = await Promise.all([
      ctx.datasource.lib_loans.query("SELECT item FROM loan WHERE lent_on >= $1", [from]),
      ctx.datasource.door_counters.query("SELECT entered FROM ticks WHERE day >= ?", [from]),
    ]);
    const overdue = await ctx.runAnalysis("overdue_items", { branch, on: from });
    if (!overdue.success) ctx.error("overdue_items:", overdue.error);
    return { branch, lent: lent.length, ticks: entered.length, overdue: overdue.result ?? null };
  },
};
