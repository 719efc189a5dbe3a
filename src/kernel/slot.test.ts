import { expect, it } from "vitest";
import { createSlot, SlotBusyError } from "./slot.ts";

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it("runs one task at a time, whatever becomes of the others", async () => {
  const slot = createSlot({ maxWaiting: 100, maxWaitMs: 5_000, staleMs: 5_000 });
  let running = 0;
  let most = 0;
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) =>
      slot(async () => {
        most = Math.max(most, ++running);
        await sleep(2);
        running--;
        if (i % 3 === 0) throw new Error("failed");
        return i;
      }),
    ),
  );
  expect(most).toBe(1);
  expect(outcomes.filter((outcome) => outcome.status === "rejected")).toHaveLength(7);
});

it("gives the slot of a holder that never comes back to the next one", async () => {
  const slot = createSlot({ maxWaiting: 10, maxWaitMs: 5_000, staleMs: 50 });
  void slot(() => new Promise<never>(() => {}));
  expect(await slot(async () => "next")).toBe("next");
  expect(await slot(async () => "and on")).toBe("and on");
});

it("turns callers away when too many wait, or for too long", async () => {
  const slot = createSlot({ maxWaiting: 1, maxWaitMs: 30, staleMs: 5_000 });
  void slot(() => new Promise<never>(() => {}));
  const waiting = slot(async () => "never");
  const refused = slot(async () => "never");
  await expect(refused).rejects.toBeInstanceOf(SlotBusyError);
  await expect(waiting).rejects.toBeInstanceOf(SlotBusyError);
});

it("lets a few at a time in, where it has room for them", async () => {
  const slot = createSlot({ size: 3, maxWaiting: 100, maxWaitMs: 5_000, staleMs: 5_000 });
  let running = 0;
  let most = 0;
  const task = async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 20));
    running--;
  };
  await Promise.all(Array.from({ length: 10 }, () => slot(task)));
  expect(most).toBe(3);
});
