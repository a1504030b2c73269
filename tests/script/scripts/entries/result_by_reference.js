run: async (ctx) => {
  const table = `load_curve_${Date.now().toString(36)}`;
  await ctx.duckdb.exec(`CREATE TABLE ${table} AS SELECT * FROM quarter_hours WHERE kwh > 0`);
  const [{ n, mean }] = await ctx.duckdb.query(`SELECT count(*) AS n, avg(kwh) AS mean FROM ${table}`);
  return { table, rows: n, mean };
},
