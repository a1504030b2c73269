// Below, an ellipsis that spreads is fine; a lone question mark is not.
export default {
  title: "ctx at a glance",
  async run(ctx, parts) {
    ctx.log(...parts)
    await ctx.sleep(5)
    ctx.runAnalysis(name, given?)
  },
};
