import { expect, it } from "vitest";
import {
  createShard,
  createTime,
  droppedOf,
  type Fate,
  health,
  isolate,
  totalOf,
  WINDOW_MS,
} from "../../../test/support/metrics-isolate.ts";
import { seriesKey } from "../../kernel/metric-series.ts";
import { MetricsRecorder } from "./metrics-recorder.ts";

it("one batch a window is handed on, whatever the number of requests", async () => {
  const [time, shard] = [createTime(), createShard()];
  const { request } = isolate(shard, time);
  for (let i = 0; i < 500; i++) {
    request();
    await time.advance(10);
  }
  await time.advance(WINDOW_MS);
  expect(shard.batches.length).toBe(3);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(500);
});

it("a batch whose answer was lost is sent again as it was, and counts once", async () => {
  const [time, shard] = [createTime(), createShard()];
  const { request } = isolate(shard, time);
  shard.fates.push("unacknowledged", "unacknowledged", "ok");
  request();
  await time.advance(WINDOW_MS);
  request("500");
  await time.advance(10_000);
  expect(shard.batches.map(({ seq }) => seq)).toEqual([1, 1, 1, 2]);
  expect(new Set(shard.batches.slice(0, 3).map((batch) => JSON.stringify(batch))).size).toBe(1);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(2);
});

it("an outage of any length loses nothing, and a later request brings it all", async () => {
  const [time, shard] = [createTime(), createShard()];
  const { request, losses } = isolate(shard, time);
  for (let i = 0; i < 600; i++) {
    shard.fates.splice(0, Infinity, ...Array<Fate>(50).fill("lost"));
    request();
    await time.advance(1_000);
  }
  expect(totalOf(shard.reading, "http_requests_total")).toBe(0);
  shard.fates.length = 0;
  request();
  await time.advance(60_000);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(601);
  expect(losses).toEqual([]);
});

it("a request that is cut off loses no samples: a later one hands them on", async () => {
  const [time, shard] = [createTime(), createShard()];
  const { request } = isolate(shard, time);
  for (let i = 0; i < 20; i++) request("200", { cutOff: true });
  await time.advance(60_000);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(0);
  request();
  await time.advance(WINDOW_MS);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(21);
});

it("a call that hangs holds up nobody for longer than its time", async () => {
  const [time, shard] = [createTime(), createShard()];
  const { request } = isolate(shard, time);
  shard.fates.push("hangs");
  request();
  await time.advance(WINDOW_MS);
  request();
  // The call is given up by a timer of the platform, which this clock doesn't move: a lease ends instead.
  await time.advance(8_000);
  request();
  await time.advance(20_000);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(3);
});

it.each([
  ["never arrived is counted as dropped", "lost", 0, 2],
  ["had arrived after all is no loss", "unacknowledged", 2, 0],
] as const)("a batch that is given up after an hour and %s", async (_what, fate, kept, dropped) => {
  const [time, shard] = [createTime(), createShard()];
  const { request, losses } = isolate(shard, time);
  request();
  request();
  for (let i = 0; i < 40; i++) {
    shard.fates.splice(0, Infinity, ...(i === 0 ? [fate] : []), ...Array<Fate>(20).fill("lost"));
    await time.advance(i === 0 ? WINDOW_MS + 20_000 : 100_000);
    if (i > 0) request("503");
  }
  shard.fates.length = 0;
  request("503");
  await time.advance(60_000);
  const { reading } = shard;
  expect(
    reading.counters.find(([series]) => series === seriesKey("http_requests_total", health("200")))?.[1] ?? 0,
  ).toBe(kept);
  expect(droppedOf(reading, "http_requests_total")).toBe(dropped);
  expect(totalOf(reading, "http_requests_total") + droppedOf(reading, "http_requests_total")).toBe(2 + 40);
  expect(losses.filter((lost) => lost > 0).length).toBe(dropped > 0 ? 1 : 0);
});

it("a clock that is set back holds nothing up", async () => {
  const [time, shard] = [createTime(), createShard()];
  let offsetMs = 3_600_000;
  const recorder = new MetricsRecorder(shard.namespace, {
    worker: "api",
    windowMs: WINDOW_MS,
    shards: 1,
    clock: { now: () => time.now() + offsetMs },
    sleep: time.sleep,
  });
  const request = () =>
    recorder
      .within(
        () => {},
        () => {},
      )
      .count("http_requests_total", health("200"));
  shard.fates.push("lost");
  request();
  await time.advance(WINDOW_MS);
  request();
  offsetMs = 0;
  await time.advance(WINDOW_MS);
  request();
  await time.advance(30_000);
  request();
  await time.advance(30_000);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(4);
});

it("who is cut off in the middle of sending is stood in for by those who wait with it", async () => {
  const [time, shard] = [createTime(), createShard()];
  const { request } = isolate(shard, time);
  shard.fates.push("hangs");
  for (let i = 0; i < 4; i++) request();
  await time.advance(60_000);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(4);
});

it("a loss that is found out is told of, and telling of it is counted", async () => {
  const [time, shard] = [createTime(), createShard()];
  const { recorder, background } = isolate(shard, time);
  const metrics = recorder.within(
    (task) => void background.push(task),
    () => metrics.count("alerts_raised_total", { name: "metrics_loss" }),
  );
  for (let i = 0; i < 1_200; i++)
    metrics.count("http_requests_total", { method: "GET", route: `/${i}`, status: "200" });
  await time.advance(3 * WINDOW_MS);
  expect(totalOf(shard.reading, "alerts_raised_total")).toBe(1);
});

it("series without end are dropped and counted, and the others are not", async () => {
  const [time, shard] = [createTime(), createShard()];
  const { recorder, background } = isolate(shard, time);
  const metrics = recorder.within(
    (task) => void background.push(task),
    () => {},
  );
  for (let i = 0; i < 5_000; i++)
    metrics.count("http_requests_total", { method: "GET", route: `/${i}`, status: "200" });
  for (let i = 0; i < 5_000; i++) metrics.count("http_requests_total", { method: "GET", route: "/0", status: "200" });
  await time.advance(WINDOW_MS);
  expect(shard.batches[0]?.counters.length).toBeLessThan(1_010);
  const { reading } = shard;
  expect(totalOf(reading, "http_requests_total") + droppedOf(reading, "http_requests_total")).toBe(10_000);
  expect(reading.counters.find(([series]) => series.includes("/0"))?.[1]).toBe(5_001);
});

it("counting nothing, or a time that is none, does no harm", async () => {
  const [time, shard] = [createTime(), createShard()];
  const { recorder, background } = isolate(shard, time);
  const metrics = recorder.within(
    (task) => void background.push(task),
    () => {},
  );
  for (const by of [0, -1, Number.NaN]) metrics.count("http_requests_total", health("200"), by);
  for (const ms of [Number.NaN, -5, Number.POSITIVE_INFINITY]) {
    metrics.time("http_request_duration_seconds", { method: "GET", route: "/" }, ms);
  }
  await time.advance(WINDOW_MS);
  expect(totalOf(shard.reading, "http_requests_total")).toBe(0);
  expect(shard.reading.histograms).toEqual([[expect.any(String), 0, expect.any(Array)]]);
});
