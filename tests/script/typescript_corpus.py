"""TypeScript as people write it: every form of a type, and the places where taking it out hurts.

Each text stands for itself; what it means without its types is asked of esbuild.
"""

# Types stand in these without being anything at run time.
ERASABLE = (
    # Annotations.
    'let a: string = "a", b: number | undefined, c!: boolean;',
    "var f: (a: number, b?: string) => void = (a) => {}",
    "const { x, y: [z] }: { x: number; y: number[] } = data",
    "function f(a: string, b?: number, ...rest: any[]): void {}",
    "function f({ a, b }: { a: string; b?: number } = { a: '' }, [c]: [number] = [1]): void {}",
    "const f = (x?: number, { y = 1 }: { y?: number } = {}): x is number => !!x",
    "function check(x: unknown): asserts x is string {}\nfunction ok(x): asserts x {}",
    "try {} catch (error: unknown) {} finally {}",
    "for (let i: number = 0; i < 3; i++) {}\nfor (const x of items as Item[]) {}",
    "let s: `${number}px` = '1px'; let u: unique symbol; let q: typeof import('x')",
    "let v:\n  | A\n  | B = 1",
    "let n: new () => T, m: abstract new (...args: any) => object, o: (typeof list)[number]['x']",
    "let a: A<B<C<D>>> = b >> c, d = e >>> f",
    "let é: Übung<'ß'> = 'ü'; let 变量: string = '值'; let w = '😀' as string",
    # Functions.
    "const id = <T,>(x: T): T => x, k = <const T>(x: T) => x, d = <T = string>(x: T) => x",
    "const g = async <T extends object>(x: T, ...y: T[]): Promise<T> => await x",
    "function over(a: string): string;\nfunction over(a: 1): 1;\nfunction over(a: any) {}",
    "export default function over(a: string): void;\nexport default function over(a: any) {}",
    "export function f(a: string): string;\nexport function f(a: any): any { return a }",
    "function f(this: Window, a: number) {}\nlet h = function (this: void) {}",
    "const o = { m<T>(this: X, a: T): void {}, get x(): number { return 1 }, async *g<T>() {} }",
    "const f = (a: number): {\n  x: number\n} => ({ x: a })",
    "const f = (\n  a: number, // the first\n): Promise<\n  string\n> => go(a)",
    "const f = async <\n  T,\n>(x: T) => x",
    "const f = (a):\n  Ü => a",
    "const f = (): (() => void) => () => {}",
    "const y = test ? (a: number): T => b : c",
    "let cb = items.map((x): Row => ({ ...x }))",
    # Casts.
    "const a = b as unknown as T[], c = (d as E).f, g = h as I ? 1 : 2",
    'const k = { a: 1 } as const, l = ["x"] as const satisfies readonly string[]',
    "const s = { a: 1 } satisfies Record<string, number>",
    "export default { title: 'x' } satisfies Analysis",
    "const n = a!.b!.c![0]!, m = d?.e!.f, o = (await g())!.h, p = i![j]!()",
    "x! = 5; (x as any) = 3; x!++; (y as Z).w += 1; [(a as any).b, c!] = d",
    "const t = <T>y, u = <any[]>[1, 2], v = <const>['a'], w = <T>(<U>z)",
    "const make = () => <Row>{ a: 1 }\nconst g = () => <any>function () {}",
    "const all = rows.map((row) => <Row>{ ...row }, <any>{})\n",
    "function f() { return <\n  T\n>x }",
    "const text = `a ${(1 as number) + 2} ${b!} ${<T>c}`",
    "throw error as Error",
    "let a = b as c.d.E, f = g satisfies h.i.j.K | L.M.N; if (x! as ü.$v.W) {}",
    "y = z as a.b.C<d.e.F>[] ?? (g as h.i.J)['k'] as any as l.m.N",
    "f(...(a as T[]), ...b!); const o = { ...(y as T), [k as string]: 1 }",
    "switch (x as T) { case A.B as any: break }",
    "if (!(a as boolean) && b! > c!) {}",
    "let x = a satisfies A<B>, y = typeof a as string, z = void (0 as any)",
    "let x = await (y as Promise<T>); let z = (y satisfies Z)()",
    # Type arguments.
    "const m = new Map<string, Map<string, number[]>>(), s = new Set<Row>",
    "f<T>(x); f?.<T>(x); a.b<T, U>(y); a?.b<T>(z)",
    "const g = f<string>; const h = [f<A>, k<B>]",
    "const r = tag<T>`x ${1}`, s = a.b<T>`y`",
    "if (a < b.length && c > (d + 1)) {}\nx = a < (b) || c > (d); y = a < b[c] && d > (e)",
    "x = a < b && c.d > (e); while (i < n.m && p > (q) && r) {}",
    "(a < (f<(A | B)>(b))); g<(A)>`x`; z = a < h<(A & B) | C>(d as E).f(i < j && k > (l!))",
    "const cmp = 1 < 2, t = a<b>(c), u = (a < b) > c, w = a < b, x = c > d",
    "if (a < b && c > d) {}\nfor (let i = 0; i < n; i++) {}",
    # Declarations that vanish.
    "interface A<T = {}> extends B, C<D> { <T>(x: T): T; new (x: T): A; [k: string]: any }",
    "type A = string\ntype B<T> = T extends infer U extends string ? U : never; let c = 1",
    "type M = { readonly [K in keyof T as `get${Capitalize<string & K>}`]?: T[K] }",
    "type M = { -readonly [K in keyof T]-?: T[K] }; type T1 = [a: string, b?: number, ...c: D[]]",
    "type\nFoo\n= string\nlet a = 1",
    "declare const x: number, y: string\ndeclare function f(a: string): void\ndeclare let z",
    'declare module "x" { export const y: number }\ndeclare global { interface Window {} }',
    "declare class A { x: number; m(): void }\ndeclare enum E { A }\ndeclare namespace N { let x }",
    "export type A = string; export interface B {} export declare const c: number",
    "export default interface A {}",
    "namespace Types { export interface A {} export type B = A }",
    # Modules.
    'import type X from "x"; import type { A, B } from "x"; import type * as N from "x"',
    'import { type A, b, type C as D } from "x"; b()',
    'import d, { type A } from "x"; d()',
    'import type from "x"; type.y',
    'import { type } from "x"; import { type as as } from "y"; type(as)',
    'export type { A } from "x"; export { type A, b } from "x"; export type * from "x"',
    'export type * as N from "x"',
    'import { Used, Unused } from "x"; let a: Unused = Used()',
    'import Only from "x"; import * as Name from "y"; let a: Only, b: Name.T',
    'import d, { A } from "x"; let a: A = d',
    'import d, * as N from "x"; let a: d = N',
    'import "effect"; import {} from "nothing"',
    "interface A {} const b = 1; export { A, b }",
    'import data from "./x.json" with { type: "json" }; data.x',
    # Classes.
    "class A<T> extends B<T> implements C, D<E> { x: number; y?: string; z!: T; #p?: string }",
    "class A implements C {}\nconst B = class<T> extends C<T> implements D {}",
    "class A { private a = 1; public static readonly b: string = ''; protected declare c: number }",
    "class A { declare y: string; readonly w; static override v = 1 }",
    "class A { [key: string]: any; readonly [k: number]: string; static [k: string]: number }",
    "abstract class B { abstract m(): void; abstract x: number; abstract get y(): number; n() {} }",
    "export abstract class A {}\nexport default abstract class B {}",
    "class A { constructor(); constructor(a?: any) {} m(): void; m(a?: number): void {} }",
    "class A { private constructor() {} private async *gen<T>(): A<T> {} o?(): void {} }",
    "class A { get x(): number { return 1 } set x(v: number) {} override get y(): T { return 1 } }",
    "class A { static { this.x = 1 as number } static async s<T>(this: typeof A): Promise<T> {} }",
    "class Box<in T, out U, in out V> {}",
    "class A extends (B as any)<T> {}",
    # Where a line end ends a statement only as long as a type is there.
    "let x = a as T\n(foo)()",
    "let x = a as T\n[1].map(f)",
    "let x = a as T[]\n[1, 2].map(f)",
    "let x = a as T\n[b!, c as D].map(f)\ntype A = B\n[e!].map(f)\nlet y: A\n[g!].map(h)",
    "let x = a satisfies T // why\n\n(foo)()",
    "foo(a)\ntype A = B\n(bar)()",
    "let x = 1\ninterface A {}\n[1].map(f)",
    "let x = b\ntype A = B\ntype C = D\n/* then */ `x`.length",
    "let f = function () {}\ndeclare const z: any\n(bar)()",
    "return_()\ntype A = B[]\n[0].map(f)",
    "let a: A\n(b)()\nlet c: C\n[d] = e",
    "let a: string\n`x ${1}`\nlet b: A[]\n`y`",
    "let a = b!\nlet c = d as E\n`x`",
    "class A { a = 1\n private ['x'] = 1 }",
    "class A { a = 1\n public *gen() {} }",
    "class A { a = b as C\n ['x'] = 1 }",
    "class A { a = 1\n declare b: string\n ['c'] = 2 }",
    "class A { a = 1;\n [key: string]: any\n ['c'] = 2\n readonly in = 3 }",
    "class A { get: number\n foo() {} set: string\n bar() {} static: any\n baz() {} }",
    "class A { a = 1\n m(): void\n *m() {} }",
    "class A { a: string\n ['b'] = 1 }",
    "abstract class A { a = 1\n abstract b(): void\n *c() {} }",
    # Names that are words of TypeScript elsewhere.
    "let type = 1; type = 2; type.x; type(1); let declare = 3, namespace = 4, abstract = 5",
    "const o = { type: 1, interface: 2, as: 3, declare: 4, namespace: 5, enum: 6, is: 7 }",
    "let is, keyof, infer, readonly, override, module, of, get, set, asserts, unique, out",
    "o.type = o.interface; o.as(); const { type, declare, of } = o",
    # JavaScript that must stay as it is.
    "let a = 1_000n; a ??= 2; a ||= 3; a **= 2; a?.[0]?.(b)",
    "label: for (;;) { break label }\nconst re = /a<b>c/g, d = a / b / c",
    "class A { #x; has(o) { return #x in o } }",
    "for await (const x of y) {} export { a as default, b as 'c d' }",
    "const big = a < b ? (c) : (d), e = f ? (g) : (h) => i",
)
# These become code, on the lines where they stand.
CODE = (
    "enum A { X, Y = 5, Z }\nshow(A, A.Z, A[5])",
    'enum A { X = "x", Y = "y" + 1, Z = `z`, W = X }\nshow(A)',
    'enum A { X = 1 << 2, Y = X | 8, Z = "abc".length, "a b" = 3, "c" = -1, W }\nshow(A)',
    "enum A {\n  X, // the first\n  Y = X + 1,\n  /* the last */ Z,\n}\nshow(A)",
    "enum A { X }\nenum A { Y = 7, Z = X }\nshow(A)",
    "const enum A { X = 1, Y }\nshow(A.X + A.Y)",
    "export enum A { X = 'x' }\nshow(A)",
    "enum A { X = 'x' }\nenum B { Y = A.X, Z = 1 }\nshow(B)",
    "function f() { enum A { X = 3 } return A.X }\nshow(f())",
    (
        "const all = []\nfor (const i of [1, 2]) { enum A { X = i * 2 }; all.push(() => A.X) }\n"
        "show(all.map((f) => f()))"
    ),
    "let a = 1\nenum A { X }\n;(function () { show(A, a) })()",
    "enum A { A, B = A }\nshow(A)",
    "enum Empty {}\nshow(Empty)",
    "enum A { X = (2 as number), Y = <any>3, Z = Math.max(1, Y) }\nshow(A)",
    (
        "class A { constructor(private x: number, public readonly y = 2, z?: string) {} }\n"
        "show(new A(1))"
    ),
    (
        "class B { b = 1 }\nclass A extends B { c = 3; constructor(readonly a: number) "
        "{ super(); this.c += a } }\nshow(new A(2).a, new A(2).c)"
    ),
    (
        "class B { constructor(public b: string) {} }\nclass A extends B {\n  constructor(\n"
        "    public a: string,\n  ) {\n    const t = 1\n    super(a + t)\n  }\n}\n"
        "show(new A('x').b)"
    ),
    "class A { later = () => this.x; constructor(public x: number) {} }\nshow(new A(4).later())",
    "const A = class { constructor(protected x = 1) { this.x++ } }\nshow(new A())",
    "class A { constructor(override x: number) {} }\nshow(new A(1))",
    (
        "abstract class A { constructor(readonly x: number) {} abstract m(): void }\n"
        "class B extends A { m() {} }\nshow(new B(3))"
    ),
)
