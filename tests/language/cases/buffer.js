//# Buffer: from and toString in every encoding
//: covers Buffer
return [Buffer.from("héllo €😀").toString("hex"), Buffer.from("aGk","base64").toString(), Buffer.from("a-_9","base64url").toString("hex"), Buffer.from("zz","hex").length, Buffer.from("abcg12","hex").toString("hex")]
//# Buffer: encodings that are not utf-8
//: covers Buffer
return [Buffer.from("héllo").toString("latin1"), Buffer.from("héllo","latin1").toString("hex"), Buffer.from("hé","utf16le").toString("hex"), Buffer.from("68e9","hex").toString("ascii"), Buffer.from([1,256,-1,3.7]).toJSON()]
//# Buffer: numbers written and read
//: covers Buffer
const b=Buffer.alloc(20); b.writeUInt16LE(513,0); b.writeInt32BE(-5,2); b.writeDoubleLE(1.5,6); b.writeUIntBE(0x123456,14,3); b.writeIntLE(-2,17,3); return [b.toString("hex"), b.readUint16LE(0), b.readInt32BE(2), b.readDoubleLE(6), b.readUIntBE(14,3), b.readIntLE(17,3)]
//# Buffer: what goes out of range
//: covers Buffer
const f=(g)=>{try{return g()}catch(e){return [e.name,e.code]}}; const b=Buffer.alloc(4); return [f(()=>b.readInt32LE(1)), f(()=>b.writeUInt8(256)), f(()=>b.readDoubleLE()), f(()=>Buffer.from(5)), f(()=>Buffer.from("x","nope")), f(()=>Buffer.alloc(-1)), f(()=>Buffer.concat("x")), f(()=>b.readUIntLE(0,7)), f(()=>b.swap16().toString("hex"))]
//# Buffer: search
//: covers Buffer
const b=Buffer.from("abcabcabc"); return [b.indexOf("bc"),b.indexOf("bc",2),b.lastIndexOf("bc"),b.lastIndexOf("bc",6),b.indexOf(99),b.includes("cab"),b.indexOf("x"),b.indexOf("",3),b.indexOf("bc",-3),b.indexOf(Buffer.from("ca")),b.lastIndexOf("a",-4), b.indexOf("6362","hex")]
//# Buffer: slices share memory
//: covers Buffer
const b=Buffer.from("abcdef"); const s=b.slice(1,3); s[0]=90; return [b.toString(), s.toString(), b.subarray(-2).toString(), Buffer.isBuffer(s), b instanceof Uint8Array, Buffer.compare(Buffer.from("a"),Buffer.from("b")), b.equals(Buffer.from("aZcdef")), JSON.stringify(s), b.copy(s,0,4), b.toString("utf8",1,3), Buffer.alloc(5,"ab").toString(), Buffer.alloc(3,1).toString("hex"), b.fill("é").toString("hex"), b.write("€€€"), b.toString("hex")]
//# Buffer: sizes, concat and copies
//: covers Buffer
return [Buffer.byteLength("é€😀x"), Buffer.byteLength("aGk=","base64"), Buffer.byteLength("abc","hex"), Buffer.concat([Buffer.from("a"),new Uint8Array([98])],5).toString("hex"), Buffer.isEncoding("UTF-8"), Buffer.isEncoding("x"), Buffer.from(new Uint8Array([1,2]).buffer,1).length, Buffer.from({type:"Buffer",data:[7]})[0], Buffer.from(new String("q")).toString(), [...Buffer.from("ab").entries()], Buffer.of(1,2).length, Buffer.from("abc").map(x=>x+1).toString()]
//# Buffer: bytes that are no utf-8
//: covers Buffer
return [Buffer.from([0x61,0xff,0xe2,0x82,0x62]).toString(), Buffer.from([0xf0,0x9f,0x98]).toString(), Buffer.from([0xed,0xa0,0x80]).toString(), Buffer.from([0xc0,0x80]).toString(),Buffer.from([0xf4,0x90,0x80,0x80]).toString()]
//# Buffer: indexes of searches at the edges
//: covers Buffer
const b = Buffer.from("this is a buffer");
return [b.indexOf("is"), b.indexOf("is", 3), b.indexOf(Buffer.from("a buffer")), b.indexOf(97), b.indexOf("nope"), b.lastIndexOf("is", 1), b.lastIndexOf("is", -100), b.indexOf("b", undefined), b.indexOf("b", null), b.indexOf("this", -16), b.includes("this", 1), Buffer.from("aaa").lastIndexOf("aa")];
//# Buffer: is a Uint8Array in every way
//: covers Buffer
const b = Buffer.from([1, 2, 3]);
return [b instanceof Uint8Array, Buffer.isBuffer(new Uint8Array(1)), b.length, [...b], b.map((x) => x * 2).toString("hex"), Buffer.isBuffer(b.filter((x) => x > 1)), b.join(), Object.prototype.toString.call(b), b.at(-1), [...b.keys()], JSON.stringify({ b })];
//# Buffer: swaps, 64-bit numbers and floats
//: covers Buffer
const b = Buffer.alloc(16); b.writeBigInt64BE(-2n, 0); b.writeFloatBE(0.5, 8); b.writeUInt32LE(4294967295, 12);
return [b.toString("hex"), `${b.readBigInt64BE(0)}`, `${b.readBigUInt64LE(0)}`, b.readFloatBE(8), b.readUInt32BE(12), b.readInt8(0), b.swap16().toString("hex"), b.swap64().toString("hex"), Buffer.from("0102", "hex").readUInt16BE()];
