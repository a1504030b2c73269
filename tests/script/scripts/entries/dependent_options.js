parameters: {
  hub: {
    type: "select",
    required: true,
    options: (ctx) => ctx.datasource.depot_db.query("SELECT hub AS value, upper(hub) AS label FROM hub"),
  },
  gate: {
    type: "select",
    required: true,
    async options(ctx, chosen) {
      if (chosen.hub === undefined) return [{ value: "-", label: "A hub comes first" }];
      const gates = await ctx.datasource.depot_db.query("SELECT no FROM gate WHERE hub = $1", [chosen.hub]);
      return gates.map(({ no }) => ({ value: no, label: `Gate ${no}` }));
    },
  },
},
