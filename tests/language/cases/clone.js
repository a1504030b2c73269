//# structuredClone: everything that can be copied
//: covers structuredClone
const a={d:new Date(5),r:/x/gi,m:new Map([[{k:1},new Set([1])]]),b:new Uint8Array([1,2,3]).subarray(1),n:new Number(5),s:new String("q"),bo:new Boolean(false),bi:Object(5n),arr:[1,,3],e:new RangeError("x",{cause:{a:1}}),f:new Float64Array([1.5]),dv:new DataView(new ArrayBuffer(3),1),u:undefined}; a.self=a; const c=structuredClone(a); return [c.d.getTime(),String(c.r),[...c.m][0][0].k,[...[...c.m][0][1]],[...c.b],c.b.buffer.byteLength,typeof c.n,c.n+1,c.s+"",c.bo.valueOf(),typeof c.bi,1 in c.arr,c.e.name,c.e.message,c.e.cause,c.e instanceof RangeError,c.f[0],c.dv.byteLength,c.dv.byteOffset,"u" in c,c.self===c]
//# structuredClone: what cannot be copied
//: covers structuredClone
const f=(g)=>{try{return g()}catch(e){return [e.name,e.message,e.code]}}; class P{#x=1;constructor(){this.y=2} get z(){return 1}}; return [f(()=>structuredClone(()=>1)),f(()=>structuredClone(Symbol("q"))),f(()=>structuredClone(new WeakMap())),f(()=>structuredClone(Promise.resolve())),f(()=>structuredClone({a:function foo(){}})),f(()=>structuredClone(new P())),f(()=>structuredClone(Object.create(null))), f(()=>structuredClone((function*(){})())),f(()=>structuredClone(Object(Symbol("a"))))[0], f(()=>structuredClone(new (class MyE extends Error{name="MyE"})("m")).name), Object.getPrototypeOf(structuredClone(new P()))===Object.prototype]
//# structuredClone: shared buffers, holes and getters
//: covers structuredClone
const x=new Uint8Array(8); const c=structuredClone({a:x.subarray(0,2),b:x.subarray(2)}); return [c.a.buffer===c.b.buffer,c.b.byteOffset, structuredClone(-0), structuredClone([1,,2]).length, structuredClone(Object.assign([1],{k:2})).k, structuredClone(new Error("m")).message, structuredClone({get a(){return 5}})]
//# structuredClone: no transfer here
//: covers structuredClone
//: differs there is nobody to transfer a buffer to, so it is refused
try { return structuredClone(1, { transfer: [new ArrayBuffer(1)] }); } catch (e) { return e.name; }
//# structuredClone keeps what refers to itself and the types of errors
//: covers structuredClone
const a = [1]; a.push(a); const m = new Map(); m.set("self", m); const e = structuredClone(new TypeError("t")); const s = structuredClone(new Set([a]));
return [structuredClone(a)[1].length, structuredClone(m).get("self") instanceof Map, e.name, e instanceof TypeError, [...s][0][0], structuredClone("x"), structuredClone(null), structuredClone(-1n).toString()];
