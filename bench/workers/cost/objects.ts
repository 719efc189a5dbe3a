/** Durable Objects that do as ever, and count the rows they read and write. */
import type { DurableObject } from "cloudflare:workers";
import { count, gauge } from "./counts.ts";

/** An alarm that is set is a row that is written. */
const ALARM_ROWS = 1;

/** Objects that an alarm will wake, by id, with what calls them. */
const awaited = new Map<string, string>();
/** Far beyond what any object waits for. */
const LATER_MS = 30 * 24 * 60 * 60_000;

type Constructor<T> = new (state: DurableObjectState, env: never) => T;

function countRows(name: string, state: DurableObjectState): void {
  const { sql } = state.storage;
  const exec = sql.exec.bind(sql);
  const counted = ((...args: Parameters<typeof exec>) => {
    const cursor = exec(...args);
    count(`object.${name}.spans`);
    // Rows come as they are asked for, which is done by the end of the turn.
    queueMicrotask(() => {
      count(`object.${name}.rowsRead`, cursor.rowsRead);
      count(`object.${name}.rowsWritten`, cursor.rowsWritten);
      gauge(`object.${name}.bytes.${state.id}`, sql.databaseSize);
    });
    return cursor;
  }) as typeof sql.exec;
  Object.defineProperty(sql, "exec", { value: counted });
}

function countAlarms(name: string, state: DurableObjectState): void {
  const { storage } = state;
  const setAlarm = storage.setAlarm.bind(storage);
  const counted: typeof storage.setAlarm = (...args) => {
    awaited.set(state.id.toString(), name);
    count(`object.${name}.rowsWritten`, ALARM_ROWS);
    return setAlarm(...args);
  };
  Object.defineProperty(storage, "setAlarm", { value: counted });
}

/** The same class; `name` is that of its binding. */
export function countedObject<T extends DurableObject>(name: string, original: Constructor<T>): Constructor<T> {
  return class extends (original as Constructor<DurableObject>) {
    constructor(state: DurableObjectState, env: never) {
      countRows(name, state);
      countAlarms(name, state);
      super(state, env);
    }

    /** What its alarm will do, when everything it waits for is over. */
    async costAlarm(): Promise<void> {
      const { now } = Date;
      Date.now = () => now() + LATER_MS;
      try {
        await this.alarm?.();
      } finally {
        Date.now = now;
      }
    }
  } as unknown as Constructor<T>;
}

interface Awaiting {
  costAlarm(): Promise<void>;
}

/** Lets the alarms come that objects of this namespace wait for. */
export async function ringAlarms(name: string, namespace: DurableObjectNamespace): Promise<void> {
  for (const [id] of [...awaited].filter(([, of]) => of === name)) {
    const stub = namespace.get(namespace.idFromString(id)) as unknown as Awaiting;
    count(`object.${name}.requests`);
    await stub.costAlarm();
    awaited.delete(id);
  }
}
