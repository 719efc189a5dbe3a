/** Thrown when too many wait for a slot already, or one has waited too long: the caller should try again later. */
export class SlotBusyError extends Error {
  override readonly name = "SlotBusyError";
}

export interface SlotOptions {
  /** How many may hold it side by side; 1 where not given. */
  readonly size?: number;
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
  /** A holder that has not come back within this time was cut off, and its slot is given away. */
  readonly staleMs: number;
}

/** Runs a task once there is room. With `patience` it waits so long, however many wait already. */
export type Slot = <T>(task: () => Promise<T>, patience?: { readonly maxWaitMs: number }) => Promise<T>;

const POLL_MS = 10;

/**
 * Runs one task, or a few, at a time in an isolate. Waiters look for themselves instead of awaiting the holder's promise: a
 * request that is torn down while it holds the slot never settles, and would block everybody behind it for ever.
 */
export function createSlot(options: SlotOptions): Slot {
  const { size = 1 } = options;
  const holders = new Set<{ readonly staleAt: number }>();
  /** One entry a waiter; those of waiters that were torn down go when their time is over. */
  const waiting = new Set<{ readonly until: number }>();

  function isFree(): boolean {
    const now = Date.now();
    for (const holder of holders) if (holder.staleAt <= now) holders.delete(holder);
    return holders.size < size;
  }

  async function acquire(maxWaitMs: number, isPatient: boolean): Promise<{ readonly staleAt: number }> {
    for (const waiter of waiting) if (waiter.until < Date.now()) waiting.delete(waiter);
    if (!isPatient && waiting.size >= options.maxWaiting) throw new SlotBusyError("too many wait already");
    const me = { until: Date.now() + maxWaitMs };
    waiting.add(me);
    try {
      while (!isFree()) {
        if (Date.now() >= me.until) throw new SlotBusyError("waited too long");
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
      const holder = { staleAt: Date.now() + options.staleMs };
      holders.add(holder);
      return holder;
    } finally {
      waiting.delete(me);
    }
  }

  return async (task, patience) => {
    const mine = await acquire(patience?.maxWaitMs ?? options.maxWaitMs, patience !== undefined);
    try {
      return await task();
    } finally {
      holders.delete(mine);
    }
  };
}
