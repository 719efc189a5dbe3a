import type { Environment } from "../../kernel/config.ts";
import type { LogLine } from "../../ports/telemetry-export.ts";
import { SHIPPER_LIMITS, Shipper, type ShipperLimits } from "../telemetry-export/shipper.ts";

export interface LokiOptions {
  /** As far as the path of the push API, or with it. */
  readonly url: string;
  /** A whole header value. */
  readonly authorization: string | null;
  readonly environment: Environment;
  readonly limits?: ShipperLimits;
}

const PUSH_PATH = "/loki/api/v1/push";
/** Loki refuses whole pushes for lines of another week, or of the future. */
const OLDEST_MS = 24 * 60 * 60_000;
const NEWEST_MS = 60_000;

function pushUrl(url: string): string {
  const base = url.replace(/\/+$/, "");
  return base.endsWith("/push") ? base : base + PUSH_PATH;
}

/**
 * Epoch nanoseconds as text, 19 digits. Loki drops a second line of the same stream, time and text: the digits below a
 * millisecond, which no line has, tell lines apart and keep their order.
 */
function nanoseconds(at: number, count: number, now: number): string {
  const ms = at >= now - OLDEST_MS && at <= now + NEWEST_MS ? Math.floor(at) : now;
  return `${ms}${String(count % 1_000_000).padStart(6, "0")}`;
}

/**
 * Log lines on their way to Loki's push API
 * (https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs). Labels are few, and of few values:
 * service, env and level; ids are structured metadata. One for each isolate.
 */
export function createLokiShipper(options: LokiOptions): Shipper<LogLine> {
  const { authorization, environment, limits = SHIPPER_LIMITS } = options;
  const url = pushUrl(options.url);
  return new Shipper<LogLine>(
    {
      exporter: "loki",
      encode({ service, level, at, text, ids }, count, now) {
        const order = nanoseconds(at, count, now);
        const value = Object.keys(ids).length > 0 ? [order, text, ids] : [order, text];
        return { group: JSON.stringify({ service, env: environment, level }), order, json: JSON.stringify(value) };
      },
      request(groups) {
        const streams = [...groups].map(([stream, values]) => `{"stream":${stream},"values":[${values.join(",")}]}`);
        const headers = authorization === null ? {} : { Authorization: authorization };
        return { url, headers, body: `{"streams":[${streams.join(",")}]}` };
      },
      refusedIn: () => 0,
    },
    limits,
  );
}
