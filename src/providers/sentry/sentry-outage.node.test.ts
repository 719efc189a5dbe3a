import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CONTEXT, exceptionOf, ReportingIsolate } from "../../../test/support/reporting-isolate.ts";
import type { SentryScript } from "./fake.ts";
import { isSentryDsn } from "./sentry-dsn.ts";

let isolate: ReportingIsolate;

beforeEach(async () => {
  isolate = await ReportingIsolate.start();
});

afterEach(() => isolate.fake.close());

describe("a Sentry that does not take events", () => {
  const limits = (header: string) => ({ status: 429, headers: { "X-Sentry-Rate-Limits": header } });

  it.each<[string, SentryScript, number]>([
    ["limited, by both headers", "limited", 60_000],
    ["limited, for errors", limits("5:error:organization:quota"), 5_000],
    ["limited, for all, among others", limits("90:transaction:key, 7::organization:quota"), 7_000],
    ["limited, for errors among other categories", limits("8:default;error;security:key"), 8_000],
    ["limited, by Retry-After", { status: 429, headers: { "Retry-After": "12" } }, 12_000],
    ["limited, without a word", { status: 429 }, 60_000],
    ["limited, in words nobody knows", { status: 429, headers: { "Retry-After": "soon" } }, 60_000],
    ["away, by Retry-After", { status: 503, headers: { "Retry-After": "30" } }, 30_000],
    ["ill", "error", 1_000],
    ["gone", "reset", 1_000],
    ["sending elsewhere", "redirect", 1_000],
  ])("%s: no request of the isolate asks until its time", async (_what, script, silentMs) => {
    isolate.fake.script(script);
    await isolate.report(new Error("lost"));
    expect(isolate.outcomes()).toEqual({ sent: 0, dropped: 1, sampledOut: 0 });
    isolate.nowMs += silentMs - 1;
    await isolate.report(new Error("silent"));
    expect(isolate.fake.requests).toHaveLength(1);
    expect(isolate.outcomes()).toEqual({ sent: 0, dropped: 2, sampledOut: 0 });
    isolate.nowMs += 1;
    await isolate.report(new Error("told"));
    expect(isolate.fake.events.map((event) => exceptionOf(event).value)).toEqual(["told"]);
    expect(isolate.outcomes()).toEqual({ sent: 1, dropped: 2, sampledOut: 0 });
    expect(isolate.fake.followed()).toBe(0);
  });

  it("obeys a Retry-After that is a date", async () => {
    isolate.nowMs = Math.floor(isolate.nowMs / 1_000) * 1_000;
    isolate.fake.script({ status: 429, headers: { "Retry-After": new Date(isolate.nowMs + 20_000).toUTCString() } });
    await isolate.report(new Error("lost"));
    isolate.nowMs += 19_999;
    await isolate.report(new Error("silent"));
    isolate.nowMs += 1;
    await isolate.report(new Error("told"));
    expect(isolate.outcomes()).toEqual({ sent: 1, dropped: 2, sampledOut: 0 });
  });

  it("a limit that comes with an answer that is good holds too, one of other categories does not", async () => {
    isolate.fake.script({ status: 200, headers: { "X-Sentry-Rate-Limits": "60:transaction;session:key" } });
    isolate.fake.script({ status: 200, headers: { "X-Sentry-Rate-Limits": "60:error:key" } });
    for (let i = 0; i < 3; i++) await isolate.report(new Error("x"));
    expect(isolate.outcomes()).toEqual({ sent: 2, dropped: 1, sampledOut: 0 });
  });

  it.each(["too-large", { status: 403 }] as const)("%j is this event's matter alone", async (script) => {
    isolate.fake.script(script);
    await isolate.report(new Error("lost"));
    await isolate.report(new Error("told"));
    expect(isolate.outcomes()).toEqual({ sent: 1, dropped: 1, sampledOut: 0 });
  });

  it("a request that hangs is cut off in time, and not made again for a while", async () => {
    isolate.fake.script("hang");
    const started = performance.now();
    await isolate.report(new Error("x"), CONTEXT, isolate.reporter({}, { timeoutMs: 100 }));
    expect(performance.now() - started).toBeLessThan(2_000);
    await isolate.report(new Error("silent"));
    expect(isolate.fake.requests).toHaveLength(1);
    expect(isolate.outcomes()).toEqual({ sent: 0, dropped: 2, sampledOut: 0 });
  });

  it("an answer is its status, even where the rest never comes", async () => {
    isolate.fake.script("stall");
    await isolate.report(new Error("x"), CONTEXT, isolate.reporter({}, { timeoutMs: 60_000 }));
    expect(isolate.outcomes()).toEqual({ sent: 1, dropped: 0, sampledOut: 0 });
  });

  it("reports that fail together are one failure", async () => {
    isolate.fake.script("error", "error", "error", "error");
    const errors = isolate.reporter();
    for (let i = 0; i < 4; i++) errors.report(new Error("x"), CONTEXT);
    await isolate.settled();
    isolate.nowMs += 1_000;
    await isolate.report(new Error("told"));
    expect(isolate.outcomes()).toEqual({ sent: 1, dropped: 4, sampledOut: 0 });
  });

  it("nobody at all there costs a drop", async () => {
    const gone = await ReportingIsolate.start();
    await gone.fake.close();
    await isolate.report(new Error("x"), CONTEXT, isolate.reporter({ dsn: gone.fake.dsn }));
    expect(isolate.outcomes()).toEqual({ sent: 0, dropped: 1, sampledOut: 0 });
  });

  it("a wrong key costs a drop", async () => {
    await isolate.report(
      new Error("x"),
      CONTEXT,
      isolate.reporter({ dsn: isolate.fake.dsn.replace("public0key", "another") }),
    );
    expect(isolate.fake.refusals).toEqual(["event submission rejected with_reason: ProjectId"]);
    expect(isolate.outcomes()).toEqual({ sent: 0, dropped: 1, sampledOut: 0 });
  });

  it.each(["https://sentry.io", "https://key@sentry.io/", "https://key@sentry.io/abc", "sentry.io/1", ""])(
    "a DSN that is none (%j) costs a drop, and no word",
    async (dsn) => {
      expect(isSentryDsn(dsn)).toBe(false);
      await isolate.report(new Error("x"), CONTEXT, isolate.reporter({ dsn }));
      expect(isolate.outcomes()).toEqual({ sent: 0, dropped: 1, sampledOut: 0 });
    },
  );

  it.each(["https://0123456789abcdef@o1.ingest.de.sentry.io/4501", "https://k@sentry.example:9000/sub/path/7"])(
    "%s is a DSN",
    (dsn) => expect(isSentryDsn(dsn)).toBe(true),
  );
});
