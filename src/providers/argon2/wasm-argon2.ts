import wasm from "@phi-ag/argon2/argon2.wasm";

export interface Argon2Parameters {
  readonly memoryKiB: number;
  readonly iterations: number;
  readonly parallelism: number;
}

interface Argon2Exports {
  readonly memory: WebAssembly.Memory;
  readonly _initialize: () => void;
  readonly malloc: (bytes: number) => number;
  readonly free: (pointer: number) => void;
  /** The reference implementation's `argon2_hash`: 0, or an error code. */
  readonly argon2_hash: (...args: readonly number[]) => number;
}

const ARGON2ID = 2;
const VERSION_1_3 = 0x13;

let instance: Argon2Exports | null = null;

function exportsOf(): Argon2Exports {
  if (instance === null) {
    instance = new WebAssembly.Instance(wasm).exports as unknown as Argon2Exports;
    instance._initialize();
  }
  return instance;
}

function hashOn(
  api: Argon2Exports,
  password: Uint8Array,
  salt: Uint8Array,
  parameters: Argon2Parameters,
  length: number,
) {
  const buffer = api.malloc(password.length + salt.length + length);
  if (buffer === 0) throw new Error("argon2: out of memory");
  const saltAt = buffer + password.length;
  const hashAt = saltAt + salt.length;
  const heap = () => new Uint8Array(api.memory.buffer);
  heap().set(password, buffer);
  heap().set(salt, saltAt);
  const { memoryKiB, iterations, parallelism } = parameters;
  const cost = [iterations, memoryKiB, parallelism];
  const input = [buffer, password.length, saltAt, salt.length];
  const status = api.argon2_hash(...cost, ...input, hashAt, length, 0, 0, ARGON2ID, VERSION_1_3);
  const hash = heap().slice(hashAt, hashAt + length);
  heap().fill(0, buffer, hashAt + length);
  api.free(buffer);
  if (status !== 0) throw new Error(`argon2: error ${status}`);
  return hash;
}

/**
 * Argon2id version 1.3 (RFC 9106), synchronously, on one shared instance of the reference C code. `parallelism` lanes
 * are computed one after another. The package's own JavaScript is not used: it passes the length in UTF-16 units for
 * that in bytes and so cuts off the end of every password that is not ASCII.
 */
export function argon2id(password: Uint8Array, salt: Uint8Array, parameters: Argon2Parameters, length: number) {
  try {
    return hashOn(exportsOf(), password, salt, parameters, length);
  } catch (error) {
    instance = null;
    throw error;
  }
}

/** Gives the heap back: it never shrinks by itself, so one expensive hash would be paid for ever after. */
export function releaseMemory(): void {
  instance = null;
}
