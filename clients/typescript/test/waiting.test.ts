import { describe, expect, it, vi } from "vitest";
import { clientOf, json } from "./fake-service.ts";

describe("waiting for a conversion", () => {
  const state = (status: string, progress: number) =>
    json(200, { id: "cnv_1", status, stage: null, progress }, { "Retry-After": progress < 10 ? "0" : "1" });

  it.each(["succeeded", "failed", "canceled", "expired"])(
    "ends when it is %s, having told each change",
    async (end) => {
      const states = [state("queued", 0), state("queued", 0), state("processing", 9), state(end, 100)];
      const { client, calls } = clientOf((_call, index) => states[index] ?? state(end, 100));
      const seen: number[] = [];
      const ended = await client.waitForConversion("cnv_1", { onProgress: ({ progress }) => seen.push(progress) });
      expect([ended.status, seen, calls.length]).toEqual([end, [0, 9, 100], 4]);
    },
  );

  it("says that it goes on when it has not ended in time", async () => {
    const { client } = clientOf(() => state("processing", 10));
    const waiting = client.waitForConversion("cnv_1", { timeoutMs: 40 });
    await expect(waiting).rejects.toMatchObject({
      name: "TimeoutError",
      message: expect.stringContaining("it goes on"),
    });
  });

  it("may take for ever", async () => {
    const { client } = clientOf((_call, index) => state(index < 2 ? "queued" : "succeeded", 0), {
      timeoutMs: Number.POSITIVE_INFINITY,
    });
    const waiting = client.waitForConversion("cnv_1", { timeoutMs: Number.POSITIVE_INFINITY });
    expect((await waiting).status).toBe("succeeded");
  });

  it("leaves no timer behind, however it ends", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { client, calls } = clientOf((_call, index) => state(index < 1 ? "queued" : "succeeded", 0));
      const ended = client.waitForConversion("cnv_1");
      await vi.advanceTimersByTimeAsync(1_000);
      expect([(await ended).status, vi.getTimerCount()]).toEqual(["succeeded", 0]);
      const controller = new AbortController();
      const { client: other } = clientOf(() => state("processing", 10));
      const givenUp = expect(other.waitForConversion("cnv_1", { signal: controller.signal })).rejects.toThrow("enough");
      await vi.advanceTimersByTimeAsync(100);
      expect([calls.length, vi.getTimerCount()]).toEqual([2, 2]);
      controller.abort(new Error("enough"));
      await givenUp;
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("ends at once when its caller gives up", async () => {
    const { client, calls } = clientOf(() => state("processing", 10));
    const controller = new AbortController();
    const waiting = client.waitForConversion("cnv_1", { signal: controller.signal });
    await vi.waitFor(() => expect(calls).toHaveLength(1));
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    expect(calls).toHaveLength(1);
  });
});
