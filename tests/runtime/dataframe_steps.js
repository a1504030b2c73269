// What scripts may write about `df`, each with what it gives.
// ---
df.filter(col('amount') > 100).map((row) => row.id)
// = [1, 3]
// ---
df.filter(col('amount').gt(100)).map((row) => row.id)
// = [1, 3]
// ---
df.filter((col('amount') > 100) & !(col('days') > 5)).map((row) => row.id)
// = [1]
// ---
df.filter(col('city') === 'Oslo', col('days') > 5).map((row) => row.id)
// = [3]
// ---
df.filter((row) => row.get('amount') > 100).map((row) => row.id)
// = [1, 3]
// ---
df.filter((row) => row.amount > 100).map((row) => row.id)
// = [1, 3]
// ---
df.filter(({ city }, i) => city === 'Oslo' && i > 0).map((row) => row.id)
// = [3]
// ---
df.filter((row) => row.amount > 1000).map((row) => row.id)
// = []
// ---
df.select('id', col('amount') * 2).columns
// = ["id", "amount"]
// ---
df.select({ twice: col('amount') * 2, city: 'city' }).head(1)
// = [{"twice": 300, "city": "Oslo"}]
// ---
df.drop('city', 'days').columns
// = ["id", "amount"]
// ---
df.drop(['city', 'days']).columns
// = ["id", "amount"]
// ---
df.rename({ id: 'key' }).columns
// = ["key", "city", "amount", "days"]
// ---
df.withColumn('x', 1).select('x').head(1)
// = [{"x": 1}]
// ---
df.withColumn('x', (row, i) => row.city + i).map((r) => r.x)
// = ["Oslo0", "Bergen1", "Oslo2"]
// ---
df.withColumn('amount', (row) => row.amount * 2).columns
// = ["id", "city", "amount", "days"]
// ---
df.withColumn('x', (row) => (row.id > 1 ? undefined : 7)).map((r) => r.x)
// = [7, null, null]
// ---
df.withColumns({ amount: col('amount') + 1, old: (row) => row.amount }).head(1)
// = [{"id": 1, "city": "Oslo", "amount": 151, "days": 3, "old": 150}]
// ---
df.withColumns(col('id').alias('a'), col('id').mul(2).alias('b')).map((r) => r.b)
// = [2, 4, 6]
// ---
df.withColumn('s', col('amount') / col('amount').sum().over('city')).map((r) => r.s)
// = [0.3333333333333333, 1, 0.6666666666666666]
// ---
df.groupBy('city').agg({ total: 'sum:amount', count: 'count' })
// = [{"city": "Oslo", "total": 450, "count": 2}, {"city": "Bergen", "total": 50, "count": 1}]
// ---
df.groupBy(['city']).agg({ top: ['amount', 'max'] }).map((r) => r.top)
// = [300, 50]
// ---
df.groupBy('city').agg(col('amount').mean().alias('m'), len()).columns
// = ["city", "m", "len"]
// ---
df.groupBy('city').agg([col('id').first()]).map((r) => r.id)
// = [1, 2]
// ---
df.groupBy().agg({ all: col('amount').sum() })
// = [{"all": 500}]
// ---
df.groupBy('city').count()
// = [{"city": "Oslo", "count": 2}, {"city": "Bergen", "count": 1}]
// ---
df.groupBy('city').sum('amount', 'days')
// = [{"city": "Oslo", "amount": 450, "days": 12}, {"city": "Bergen", "amount": 50, "days": 1}]
// ---
df.sort('amount').map((row) => row.id)
// = [2, 1, 3]
// ---
df.sort('amount', true).map((row) => row.id)
// = [2, 1, 3]
// ---
df.sort('amount', false).map((row) => row.id)
// = [3, 1, 2]
// ---
df.sort('amount', 'desc').map((row) => row.id)
// = [3, 1, 2]
// ---
df.sort('amount', { descending: true }).map((row) => row.id)
// = [3, 1, 2]
// ---
df.sort('amount', { ascending: false }).map((row) => row.id)
// = [3, 1, 2]
// ---
df.sort('city', 'amount', { descending: [false, true] }).map((row) => row.id)
// = [2, 3, 1]
// ---
df.sort(['city', 'amount'], [true, false]).map((row) => row.id)
// = [2, 3, 1]
// ---
df.sort(-col('amount')).map((row) => row.id)
// = [3, 1, 2]
// ---
df.sort('amount', false).head(1).map((row) => row.id)
// = [3]
// ---
df.limit(2).map((row) => row.id)
// = [1, 2]
// ---
df.tail(1).map((row) => row.id)
// = [3]
// ---
df.slice(1).map((row) => row.id)
// = [2, 3]
// ---
df.slice(-2, 1).map((row) => row.id)
// = [2]
// ---
df.reverse().map((row) => row.id)
// = [3, 2, 1]
// ---
df.unique('city').map((row) => row.id)
// = [1, 2]
// ---
df.pivot({ on: 'city', index: 'days', values: 'amount' }).columns
// = ["days", "Oslo", "Bergen"]
// ---
df.unpivot({ on: ['amount', 'days'], index: 'id' }).height
// = 6
// ---
ctx.DataFrame([{ a: null }, { a: 2 }]).fillNull(0).map((r) => r.a)
// = [0, 2]
// ---
ctx.DataFrame([{ a: null }, { a: 2 }]).dropNulls().height
// = 1
// ---
df.cast({ id: 'string' }).map((r) => r.id)
// = ["1", "2", "3"]
// ---
df.concat(df, df).height
// = 9
// ---
ctx.DataFrame.concat([df, df.head(1)]).height
// = 4
// ---
ctx.DataFrame([{ a: [1, 2] }]).explode('a').map((r) => r.a)
// = [1, 2]
// ---
df.withRowIndex('n', 1).map((r) => r.n)
// = [1, 2, 3]
// ---
df.describe().columns[0]
// = "statistic"
// ---
df.sample(2).height
// = 2
// ---
df.join(ctx.DataFrame([{ city: 'Oslo', land: 'NO' }]), 'city').map((r) => r.land)
// = ["NO", "NO"]
// ---
df.join(ctx.DataFrame([{ city: 'Oslo', land: 'NO' }]), 'city', 'left').map((r) => r.land)
// = ["NO", null, "NO"]
// ---
df.join(ctx.DataFrame([{ c: 'Oslo' }]), { leftOn: 'city', rightOn: 'c', how: 'anti' }).map((r) => r.id)
// = [2]
// ---
df.join(ctx.DataFrame([{ id: 1, city: 'Oslo', n: 5 }]), { on: ['id', 'city'] }).map((r) => r.n)
// = [5]
// ---
df.join(ctx.DataFrame([{ x: 1 }, { x: 2 }]), null, { how: 'cross' }).height
// = 6
// ---
df.height
// = 3
// ---
df.columns
// = ["id", "city", "amount", "days"]
// ---
df.schema[1]
// = {"name": "city", "type": "string"}
// ---
df.collect().length
// = 3
// ---
JSON.parse(JSON.stringify(df)).length
// = 3
// ---
[...df].length
// = 3
// ---
[...df][1].get('city')
// = "Bergen"
// ---
[...df].map((row) => ({ ...row }))[1].days
// = 1
// ---
Object.keys([...df][0])
// = ["id", "city", "amount", "days"]
// ---
await df === df
// = true
// ---
new ctx.DataFrame(rows) instanceof ctx.DataFrame
// = true
// ---
ctx.DataFrame(df) === df
// = true
// ---
ctx.DataFrame({ a: [1, 2], b: ['x', null] })
// = [{"a": 1, "b": "x"}, {"a": 2, "b": null}]
// ---
df.withColumn('c', when(col('amount') > 100).then('big').otherwise('small')).map((r) => r.c)
// = ["big", "small", "big"]
// ---
df.withColumn('c', when(col('id') === 1).then(col('days'))).map((r) => r.c)
// = [3, null, null]
// ---
df.select({ c: concatStr('city', 'id', { separator: '-' }) }).head(1)
// = [{"c": "Oslo-1"}]
// ---
df.filter(col('city').str.contains(/^o/i)).height
// = 2
// ---
df.filter(col('city').isIn(['Bergen', 'Rome'])).height
// = 1
// ---
df.filter(col('city').isIn('Bergen', 'Rome')).height
// = 1
// ---
ctx.DataFrame([{ x: 1.5 }]).filter(col('x') < Infinity).height
// = 1
// ---
ctx.DataFrame([{ d: '2024-03-05' }]).select(col('d').str.toDate().dt.month())
// = [{"d": 3}]
// ---
df.select({ s: ['amount', 'days', 'id'].map(col).reduce((a, b) => a + b) }).map((r) => r.s)
// = [154, 53, 312]
// ---
ctx.DataFrame([Object.fromEntries(Array.from({ length: 120 }, (_, i) => ['c' + i, i]))]).select({ s: Array.from({ length: 120 }, (_, i) => col('c' + i)).reduce((a, b) => a + b) })
// = [{"s": 7140}]
