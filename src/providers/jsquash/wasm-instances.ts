/** What is kept of a WebAssembly instance between calls: its functions, and its memory to see how far it has grown. */
export interface WasmInstance<T> {
  readonly api: T;
  readonly memory: WebAssembly.Memory | null;
}

/** A wasm heap never shrinks, so an instance above this size is let go after the call and its memory with it. */
const KEEP_BYTES = 20 * 1024 * 1024;

/**
 * Runs calls on a lazily made instance and replaces it when it threw (a trap leaves the heap in an unknown state)
 * or grew beyond {@link KEEP_BYTES}. Making one from a compiled module takes about a millisecond.
 */
export function recycled<T>(create: () => Promise<WasmInstance<T>>): <R>(call: (api: T) => R) => Promise<R> {
  let current: Promise<WasmInstance<T>> | null = null;
  return async (call) => {
    current ??= create();
    const mine = current;
    let keep = false;
    try {
      const { api, memory } = await mine;
      const result = call(api);
      keep = (memory?.buffer.byteLength ?? 0) <= KEEP_BYTES;
      return result;
    } finally {
      if (!keep && current === mine) current = null;
    }
  };
}

interface EmscriptenOptions {
  readonly noInitialRun: true;
  readonly print: () => void;
  readonly printErr: () => void;
  readonly instantiateWasm: (
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance) => void,
  ) => WebAssembly.Exports;
}
export type EmscriptenFactory<T> = (options: EmscriptenOptions) => Promise<T>;

/** A fresh instance of a codec built with Emscripten, silent on stdout and stderr. */
export async function emscriptenInstance<T>(
  factory: EmscriptenFactory<T>,
  module: WebAssembly.Module,
): Promise<WasmInstance<T>> {
  let memory: WebAssembly.Memory | null = null;
  const api = await factory({
    noInitialRun: true,
    print: () => {},
    printErr: () => {},
    instantiateWasm: (imports, done) => {
      const instance = new WebAssembly.Instance(module, imports);
      memory = Object.values(instance.exports).find((value) => value instanceof WebAssembly.Memory) ?? null;
      done(instance);
      return instance.exports;
    },
  });
  return { api, memory };
}

/** The exports every wasm-bindgen module has, and the codec's own. */
interface BindgenExports {
  readonly memory: WebAssembly.Memory;
  readonly __wbindgen_malloc: (bytes: number, align: number) => number;
  readonly __wbindgen_free: (pointer: number, bytes: number, align: number) => void;
  readonly __wbindgen_add_to_stack_pointer: (delta: number) => number;
  readonly [name: string]: unknown;
}

/** Pixels as a Rust codec hands them over. */
export interface RustPixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

export interface RustCodec {
  /** Calls a function that takes bytes and makes one picture. */
  toPixels(name: string, bytes: Uint8Array): RustPixels;
  /** Calls a function that takes bytes and numbers and returns bytes. */
  toBytes(name: string, bytes: Uint8Array, ...numbers: number[]): Uint8Array<ArrayBuffer>;
}

/**
 * A fresh instance of a codec built with wasm-bindgen. The generated glue keeps its instance in a module variable for ever,
 * so that a trap could never be recovered from; this is the part of it the codecs need.
 */
export async function rustInstance(module: WebAssembly.Module): Promise<WasmInstance<RustCodec>> {
  let exports: BindgenExports | null = null;
  let pixels: RustPixels | null = null;
  const wasm = () => exports as BindgenExports;
  const host: Record<string, (...args: number[]) => unknown> = {
    __wbg_newwithownedu8clampedarrayandsh: (pointer = 0, length = 0, width = 0, height = 0) => {
      const data = new Uint8ClampedArray(wasm().memory.buffer, pointer >>> 0, length >>> 0).slice();
      wasm().__wbindgen_free(pointer, length, 1);
      pixels = { width: width >>> 0, height: height >>> 0, data };
      return 0;
    },
    __wbindgen_throw: (pointer = 0, length = 0) => {
      throw new Error(new TextDecoder().decode(new Uint8Array(wasm().memory.buffer, pointer >>> 0, length >>> 0)));
    },
  };
  exports = new WebAssembly.Instance(module, bindgenImports(module, host)).exports as unknown as BindgenExports;
  const api: RustCodec = {
    toPixels(name, bytes) {
      pixels = null;
      (wasm()[name] as (pointer: number, length: number) => number)(copyIn(wasm(), bytes), bytes.length);
      if (pixels === null) throw new Error(`${name} made no picture`);
      return pixels;
    },
    toBytes: (name, bytes, ...numbers) => callForBytes(wasm(), name, bytes, numbers),
  };
  return { api, memory: exports.memory };
}

/** Import names carry a hash of the build: they are matched without it. Functions no codec calls are left as traps. */
function bindgenImports(
  module: WebAssembly.Module,
  host: Record<string, (...args: number[]) => unknown>,
): WebAssembly.Imports {
  const imports: Record<string, Record<string, (...args: number[]) => unknown>> = {};
  for (const wanted of WebAssembly.Module.imports(module)) {
    const unused = () => {
      throw new Error(`${wanted.name} is not supported`);
    };
    imports[wanted.module] ??= {};
    const target = imports[wanted.module];
    if (target) target[wanted.name] = host[wanted.name.replace(/_[0-9a-f]{16}$/, "")] ?? unused;
  }
  return imports as unknown as WebAssembly.Imports;
}

function copyIn(wasm: BindgenExports, bytes: Uint8Array): number {
  const pointer = wasm.__wbindgen_malloc(bytes.length, 1) >>> 0;
  new Uint8Array(wasm.memory.buffer).set(bytes, pointer);
  return pointer;
}

function callForBytes(
  wasm: BindgenExports,
  name: string,
  bytes: Uint8Array,
  numbers: readonly number[],
): Uint8Array<ArrayBuffer> {
  const slot = wasm.__wbindgen_add_to_stack_pointer(-16);
  const run = wasm[name] as (slot: number, pointer: number, length: number, ...rest: number[]) => void;
  run(slot, copyIn(wasm, bytes), bytes.length, ...numbers);
  const answer = new DataView(wasm.memory.buffer, slot, 8);
  const pointer = answer.getUint32(0, true);
  const length = answer.getUint32(4, true);
  const result = new Uint8Array(wasm.memory.buffer, pointer, length).slice();
  wasm.__wbindgen_free(pointer, length, 1);
  wasm.__wbindgen_add_to_stack_pointer(16);
  return result;
}
