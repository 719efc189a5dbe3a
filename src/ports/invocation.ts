/** What started an invocation. */
export type Trigger = "fetch" | "rpc" | "queue" | "scheduled" | "alarm" | "tail" | "other";

/** How an invocation of a Worker or an object of its went, as the platform tells it. */
export interface Invocation {
  /** The Worker, without the prefix of all names. */
  readonly worker: string;
  readonly trigger: Trigger;
  /** The class that was called, where it was not the Worker's default. */
  readonly entrypoint: string | null;
  /** Of a Durable Object's invocation. */
  readonly durableObjectId: string | null;
  /** In the platform's words; `ok` unless something went wrong. */
  readonly outcome: string;
  readonly cpuMs: number;
  readonly wallMs: number;
  /** When it began, epoch ms. */
  readonly at: number;
  /** In order. `level` is the console's: `log`, `debug`, `info`, `warn` or `error`. */
  readonly logs: readonly { readonly at: number; readonly level: string; readonly text: string }[];
  /** What it threw without catching it: the classes alone. */
  readonly exceptions: readonly { readonly name: string; readonly at: number }[];
}
