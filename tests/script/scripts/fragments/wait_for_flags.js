const ready = (step) => ctx.metadata.get(`${step}.ready`) === true;
async function settle(...steps) {
  for (const step of steps) while (!ready(step)) await ctx.sleep(1500);
}

ctx.metadata.set("sorting.ready", true);
await settle("sorting", "weighing");
await ctx.duckdb.exec("CREATE OR REPLACE TABLE loading_plan AS FROM sorted JOIN weighed USING (barcode)");
