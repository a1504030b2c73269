//# TextDecoder: labels, marks, TextEncoder.encodeInto
//: covers TextDecoder, TextEncoder
return [new TextDecoder("latin1").encoding,new TextDecoder("ascii").decode(new Uint8Array([128,150,233])), new TextDecoder("UTF-16").decode(new Uint8Array([255,254,0x41,0,0x3d,0xd8,0,0xde])), new TextDecoder("utf-16le").decode(new Uint8Array([0x3d,0xd8,0x41])), new TextEncoder().encodeInto("a€😀",new Uint8Array(5)), String(new TextEncoder()), new TextDecoder().decode(new Uint8Array([0xef,0xbb,0xbf,0x61]))]
//# TextDecoder: a stream of utf-8
//: covers TextDecoder, TextEncoder
const d=new TextDecoder(); const parts=[[0xe2],[0x82,0xac,0xf0],[0x9f,0x98],[0x80,0xe2,0x82]]; return parts.map(p=>d.decode(new Uint8Array(p),{stream:true})).concat(d.decode())
//# TextDecoder: a stream of utf-16
//: covers TextDecoder, TextEncoder
const d=new TextDecoder("utf-16le"); const parts=[[0x41],[0,0x3d,0xd8],[0,0xde],[0x42]]; return parts.map(p=>d.decode(new Uint8Array(p),{stream:true})).concat(d.decode())
//# TextDecoder: what is refused
//: covers TextDecoder, TextEncoder
const f=(g)=>{try{return g()}catch(e){return [e.name,e.code]}}; return [f(()=>new TextDecoder("nope"))[0], f(()=>new TextDecoder("utf-8",{fatal:true}).decode(new Uint8Array([255]))), f(()=>new TextDecoder("utf-16le",{fatal:true}).decode(new Uint8Array([1]))), f(()=>new TextDecoder().decode("x"))[0]]
//# atob and btoa
//: covers atob, btoa
const f = (g) => { try { return g(); } catch (e) { return [e.name, e.code]; } };
return [btoa("héllo"), atob("aGk="), atob(" a G k "), atob("aGk"), f(() => btoa("€")), f(() => atob("a")), f(() => atob("*")), btoa(""), btoa(5), atob("")];
//# text there and back, whatever is in it
const t = "aé€😀\u0000z"; const b = new TextEncoder().encode(t);
return [[...b], new TextDecoder().decode(b) === t, [...new TextEncoder().encode("\ud800x")], new TextEncoder().encode().length, new TextDecoder().decode(b.subarray(1, 3)), new TextDecoder().decode(b.buffer).length, new TextDecoder().decode(new DataView(b.buffer, 0, 1)), new TextDecoder("utf-8", { ignoreBOM: true }).decode(new Uint8Array([239, 187, 191, 97])).length];
