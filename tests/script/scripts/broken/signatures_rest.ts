export default {
  title: "What a web service can do",
  async run(ctx) {
    ctx.datasource.belt_api.paginate(where, { dataPath: "belts" })
    ctx.datasource.belt_api.get(where, query?)
    ctx.datasource.belt_api.put(where, body, query?)
  },
};
