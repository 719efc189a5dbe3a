import { expect, it } from "vitest";
import { Gathering } from "./gathering.ts";

/** A gathering whose time passes when the test says so. */
function gathering() {
  let now = 1_000;
  const sleepers: (() => void)[] = [];
  const handed: number[][] = [];
  const it = new Gathering<number>(
    100,
    { now: () => now },
    () => new Promise((resolve) => void sleepers.push(resolve)),
  );
  return {
    handed,
    add: (item: number, fails = false) =>
      it.add(item, async (items) => {
        if (fails) throw new Error("not now");
        handed.push([...items]);
      }),
    pass: (ms: number) => {
      now += ms;
    },
    wake: () => sleepers.shift()?.(),
  };
}

it("what comes within the window is handed on at once and in order, by the call that began", async () => {
  const { add, wake, handed } = gathering();
  const first = add(1);
  await Promise.all([add(2), add(3)]);
  expect(handed).toEqual([]);
  wake();
  await first;
  expect(handed).toEqual([[1, 2, 3]]);
});

it("what comes after it begins another, and nothing is handed on twice", async () => {
  const { add, wake, handed } = gathering();
  const first = add(1);
  wake();
  await first;
  const second = add(2);
  wake();
  await second;
  expect(handed).toEqual([[1], [2]]);
});

it("a call that was cut off holds nobody up for longer than two seconds", async () => {
  const { add, pass, wake, handed } = gathering();
  void add(1);
  pass(2_099);
  await add(2);
  pass(1);
  const third = add(3);
  expect(handed).toEqual([]);
  wake();
  wake();
  await third;
  expect(handed.flat().toSorted()).toEqual([1, 2, 3]);
});

it("what could not be handed on is told to the call that began, and forgotten", async () => {
  const { add, wake, handed } = gathering();
  const first = add(1, true);
  await add(2);
  wake();
  await expect(first).rejects.toThrow("not now");
  const next = add(3);
  wake();
  await next;
  expect(handed).toEqual([[3]]);
});
