/** Thrown when too many wait for a slot already, or one has waited too long: the caller should try again later. */
export class SlotBusyError extends Error {
  override readonly name = "SlotBusyError";
}

export interface SlotOptions {
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
  /** A holder that has not come back within this time was cut off, and its slot is given away. */
  readonly staleMs: number;
}

const POLL_MS = 10;

/**
 * Runs one task at a time in an isolate. Waiters look for themselves instead of awaiting the holder's promise: a
 * request that is torn down while it holds the slot never settles, and would block everybody behind it for ever.
 */
export function createSlot(options: SlotOptions): <T>(task: () => Promise<T>) => Promise<T> {
  let holder: { readonly staleAt: number } | null = null;
  let waiting: number[] = [];

  async function acquire(): Promise<{ readonly staleAt: number }> {
    const now = Date.now();
    waiting = waiting.filter((until) => until > now);
    if (waiting.length >= options.maxWaiting) throw new SlotBusyError("too many wait already");
    const until = now + options.maxWaitMs;
    while (holder !== null && holder.staleAt > Date.now()) {
      if (waiting.indexOf(until) === -1) waiting.push(until);
      if (Date.now() >= until) throw new SlotBusyError("waited too long");
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    const place = waiting.indexOf(until);
    if (place !== -1) waiting.splice(place, 1);
    holder = { staleAt: Date.now() + options.staleMs };
    return holder;
  }

  return async (task) => {
    const mine = await acquire();
    try {
      return await task();
    } finally {
      if (holder === mine) holder = null;
    }
  };
}
