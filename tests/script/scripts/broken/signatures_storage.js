export default {
  title: "What a bucket can do",
  async run(ctx) {
    const bucket = ctx.datasource.camera_bucket;
    bucket.get(name)
    bucket.list(below, settings?)
    bucket.put(name, bytes, notes?)
    bucket.stream(name, {
      format: "csv",
      onChunk: async (rows) => {},
    })
    bucket.getSignedUrl(name, seconds?)
  },
};
