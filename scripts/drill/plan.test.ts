import { describe, expect, it } from "vitest";
import { planDrill } from "./plan.ts";

const OPTIONS = { seed: 7, conversions: 100, crashes: 20 };

describe("planDrill", () => {
  it("repeats with the same seed and differs with another", () => {
    expect(planDrill(OPTIONS)).toEqual(planDrill(OPTIONS));
    expect(planDrill({ ...OPTIONS, seed: 8 })).not.toEqual(planDrill(OPTIONS));
  });

  it("plans every kill within 6 s, and every conversion, under a key of its own, before the last kill", () => {
    const { momentsMs, jobs } = planDrill(OPTIONS);
    expect(momentsMs).toHaveLength(20);
    expect(momentsMs.every((ms) => ms >= 200 && ms <= 6_000)).toBe(true);
    const uptimeMs = momentsMs.reduce((sum, ms) => sum + ms, 0);
    expect(jobs.every(({ atUptimeMs }) => atUptimeMs >= 0 && atUptimeMs < uptimeMs)).toBe(true);
    expect(new Set(jobs.map(({ key }) => key)).size).toBe(100);
  });

  it("mixes kinds, ways and users", () => {
    const { jobs } = planDrill(OPTIONS);
    expect(new Set(jobs.map(({ kind }) => kind)).size).toBe(2);
    expect(new Set(jobs.map(({ via }) => via)).size).toBe(3);
    expect(new Set(jobs.map(({ user }) => user)).size).toBe(4);
  });

  it("creates everything at once where nothing is killed", () => {
    expect(planDrill({ ...OPTIONS, crashes: 0 }).jobs.every(({ atUptimeMs }) => atUptimeMs === 0)).toBe(true);
  });
});
