import { describe, expect, it } from "vitest";
import { recycled, type WasmInstance } from "./wasm-instances.ts";

const trap = (): never => {
  throw new WebAssembly.RuntimeError("unreachable");
};

/** Instances that tell which they are, counted as they are made. */
function numbered(pagesOf: (n: number) => number = () => 1) {
  let made = 0;
  const create = async (): Promise<WasmInstance<number>> => {
    made += 1;
    return { api: made, memory: new WebAssembly.Memory({ initial: pagesOf(made) }) };
  };
  return { run: recycled(create), made: () => made };
}

describe("recycled", () => {
  it("keeps one instance for all calls that go well", async () => {
    const { run, made } = numbered();
    expect([await run((n) => n), await run((n) => n), await run((n) => n)]).toEqual([1, 1, 1]);
    expect(made()).toBe(1);
  });

  it("never uses an instance again that has trapped, and makes its successor once", async () => {
    const { run, made } = numbered();
    await run((n) => n);
    await expect(run(trap)).rejects.toThrow("unreachable");
    expect(await Promise.all([run((n) => n), run((n) => n), run((n) => n)])).toEqual([2, 2, 2]);
    expect(made()).toBe(2);
  });

  it("does not throw a sound instance away for the trap of an earlier one", async () => {
    const { run } = numbered();
    const outcomes = await Promise.allSettled([run(trap), run(trap), run((n) => n)]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
    const next = await run((n) => n);
    expect(await run((n) => n)).toBe(next);
  });

  it("lets an instance go that has grown beyond 20 MiB", async () => {
    const { run } = numbered((n) => (n === 1 ? 320 : 321));
    expect([await run((n) => n), await run((n) => n)]).toEqual([1, 1]);
    const grown = numbered(() => 321);
    expect([await grown.run((n) => n), await grown.run((n) => n)]).toEqual([1, 2]);
  });

  it("tries again to make an instance where that failed", async () => {
    let tries = 0;
    const run = recycled(async (): Promise<WasmInstance<string>> => {
      tries += 1;
      if (tries === 1) throw new Error("no memory");
      return { api: "made", memory: null };
    });
    await expect(run((api) => api)).rejects.toThrow("no memory");
    expect(await run((api) => api)).toBe("made");
  });
});
