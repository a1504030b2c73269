const counts = {};
for (const name of ["east_db", "west_db"]) {
  const [{ n }] = await ctx.datasource[name].query("SELECT count(*) AS n FROM pallet");
  counts[name] = n;
}
return counts;
