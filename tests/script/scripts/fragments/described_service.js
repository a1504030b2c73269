const { operations, call } = ctx.datasource.meter_openapi;
const meters = await operations.searchMeters({ zone: "north", pageSize: 20 });
const sealed = await operations["sealMeter"]({ body: { serial: meters[0].serial, by: "inspector" } });
await call("/meters/{serial}/readings", {
  method: "POST",
  pathParams: { serial: sealed.serial },
  queryParams: { estimated: true },
});
