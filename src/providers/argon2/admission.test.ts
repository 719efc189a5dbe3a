import { expect, it } from "vitest";
import { createAdmission, OverloadedError } from "./admission.ts";

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

it("admits as many as may wait and refuses the rest at once, without running them", async () => {
  const admit = createAdmission({ maxWaiting: 8, staleMs: 10_000, yieldTurn: nextTurn });
  let ran = 0;
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => admit(() => ++ran)));
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(ran).toBe(8);
  expect(refused).toHaveLength(42);
  expect(refused.every((outcome) => outcome.reason instanceof OverloadedError)).toBe(true);
  await expect(admit(() => "again")).resolves.toBe("again");
});

it("a job that throws makes room like any other", async () => {
  const admit = createAdmission({ maxWaiting: 1, staleMs: 10_000, yieldTurn: nextTurn });
  const failing = admit(() => {
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  await expect(admit(() => 1)).resolves.toBe(1);
});

it("jobs whose request was cancelled while they waited stop counting after a while", async () => {
  const admit = createAdmission({ maxWaiting: 1, staleMs: 5, yieldTurn: () => new Promise(() => {}) });
  void admit(() => 1);
  await expect(admit(() => 2)).rejects.toThrow(OverloadedError);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const third = admit(() => 3);
  await expect(Promise.race([third, nextTurn().then(() => "waiting")])).resolves.toBe("waiting");
});

it("a job that has waited for too long is dropped instead of done for nobody", async () => {
  const yieldTurn = () => new Promise((resolve) => setTimeout(resolve, 20));
  const admit = createAdmission({ maxWaiting: 8, staleMs: 5, yieldTurn });
  let ran = 0;
  await expect(admit(() => ++ran)).rejects.toThrow(OverloadedError);
  expect(ran).toBe(0);
});
