import type { ConversionWorkerDeps } from "../../../src/modules/conversions/jobs.ts";

/** What happens to a worker at which of its calls to a port; either may be left out. */
export interface Fate {
  /** It hangs before this call, as a frozen process would, until it is let go. */
  readonly pauseAt?: number | undefined;
  /** This call is its last: it dies just before it, or just after it took effect. */
  readonly dieAt?: number | undefined;
  readonly dies?: "before" | "after";
}

const PORTS = ["conversions", "calls", "deadLetters", "objects", "outbox", "jobs", "pictures"] as const;

const never = () => new Promise<never>(() => {});

/**
 * The same worker as a process that freezes or dies at some call: what it did before stays done, and after its death
 * nothing of it happens any more, its heartbeat included.
 */
export function mortal(
  deps: ConversionWorkerDeps,
  fate: Fate,
): { readonly deps: ConversionWorkerDeps; readonly resume: () => void } {
  let calls = 0;
  let dead = false;
  const pause = Promise.withResolvers<void>();
  const call = async (work: () => Promise<unknown>): Promise<unknown> => {
    if (dead) return never();
    const nth = ++calls;
    if (fate.pauseAt !== undefined && nth >= fate.pauseAt) await pause.promise;
    if (nth !== fate.dieAt) return dead ? never() : work();
    dead = true;
    if (fate.dies === "after") await work();
    return never();
  };
  const guarded = (port: object) =>
    new Proxy(port, {
      get(target, name) {
        const verb: unknown = Reflect.get(target, name);
        if (typeof verb !== "function") return verb;
        return (...args: unknown[]) => call(async () => Reflect.apply(verb, target, args));
      },
    });
  const generators = new Map(
    [...deps.generators].map(([id, generator]) => [
      id,
      {
        ...generator,
        generate: (...args: Parameters<typeof generator.generate>) => call(() => generator.generate(...args)),
      },
    ]),
  );
  const ports = Object.fromEntries(PORTS.map((name) => [name, guarded(deps[name])]));
  return { deps: { ...deps, ...ports, generators } as ConversionWorkerDeps, resume: () => pause.resolve() };
}
