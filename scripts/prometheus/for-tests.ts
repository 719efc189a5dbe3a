import { findPrometheus, type PrometheusBinaries, type PrometheusSearch } from "./binaries.ts";

/** Long enough for fetching them. */
export const FIND_PROMETHEUS_MS = 180_000;

let search: Promise<PrometheusSearch> | undefined;

/**
 * Prometheus' programs, where they can be had. For the first call allow {@link FIND_PROMETHEUS_MS}.
 * @throws {Error} where they can't, with REQUIRE_PROMETHEUS=1.
 */
export async function prometheusForTests(): Promise<PrometheusSearch> {
  search ??= findPrometheus();
  const found = await search;
  if (found.binaries === null && process.env.REQUIRE_PROMETHEUS === "1") throw new Error(found.missing);
  return found;
}

/** {@link prometheusForTests}; where there are none, the test is skipped and says why. */
export async function prometheusOrSkip(test: { skip(note: string): never }): Promise<PrometheusBinaries> {
  const { binaries, missing } = await prometheusForTests();
  return binaries ?? test.skip(missing);
}
