for (let left = 20; ; left -= 1) {
  const { success, result } = await ctx.runAnalysis("stock_count", { ...params, left });
  if (success) return result;
  if (left === 0) throw new Error("The stock was not counted in time");
  await ctx.sleep(3000);
}
