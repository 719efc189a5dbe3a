import { describe, expect, it } from "vitest";
import {
  aloneMessage,
  commitOf,
  type Deployment,
  isAlone,
  isTakenBack,
  messageOf,
  mostMsOf,
  releaseName,
  releaseOf,
  shareMessage,
  takenBackMessage,
  versionBefore,
} from "./history.ts";

const RELEASE = releaseName("0123456789abcdef0123", new Date("2026-11-30T10:00:00Z"));
const deployment = (message: string, versions: Readonly<Record<string, number>>): Deployment => ({
  createdAt: new Date(0),
  message,
  versions: Object.entries(versions).map(([version_id, percentage]) => ({ version_id, percentage })),
});

describe("messages of deployments", () => {
  it("tell the release, within the 100 bytes that are kept", () => {
    for (const message of [shareMessage(RELEASE, 50, 7_200_000), takenBackMessage(RELEASE), aloneMessage(RELEASE)]) {
      expect(releaseOf(deployment(message, {}))).toBe(RELEASE);
      expect(Buffer.byteLength(message)).toBeLessThanOrEqual(100);
    }
  });

  it("of others tell none", () => {
    for (const message of ["", "Automatic deployment on upload.", "release it: now"]) {
      expect(releaseOf(deployment(message, {}))).toBeNull();
    }
  });

  it("tell what was taken back from what can't be", () => {
    expect(isTakenBack(deployment(takenBackMessage(RELEASE), {}))).toBe(true);
    expect(isTakenBack(deployment(aloneMessage(RELEASE), {}))).toBe(false);
    expect(isAlone(deployment(aloneMessage(RELEASE), {}))).toBe(true);
    expect(isAlone(deployment(messageOf(RELEASE, "100 %"), {}))).toBe(false);
  });
});

describe("how long a release may be under way", () => {
  it("is told by what it deploys to be watched, in whole minutes", () => {
    expect(mostMsOf(deployment(shareMessage(RELEASE, 10, 7_200_000), {}))).toBe(7_200_000);
    expect(mostMsOf(deployment(shareMessage(RELEASE, 0, 100), {}))).toBe(60_000);
  });

  it("is not known of anything else", () => {
    for (const message of [messageOf(RELEASE, "100 %"), "by hand", ""])
      expect(mostMsOf(deployment(message, {}))).toBeNull();
  });
});

describe("the commit in production", () => {
  it("is that of the release that has all traffic", () => {
    expect(commitOf([deployment(messageOf(RELEASE, "100 %"), { fresh: 100 })])).toBe("0123456789ab");
  });

  it("is still that of the release before, once another was taken back", () => {
    const next = releaseName("fedcba9876543210", new Date("2026-12-01T10:00:00Z"));
    const history = [
      deployment(takenBackMessage(next), { fresh: 100 }),
      deployment(messageOf(next, "10 %"), { newer: 10, fresh: 90 }),
      deployment(messageOf(RELEASE, "100 %"), { fresh: 100 }),
    ];
    expect(commitOf(history)).toBe("0123456789ab");
  });

  it("is not known of a split, of a version taken back to whose release is forgotten, and of what no release made", () => {
    expect(commitOf([deployment(messageOf(RELEASE, "10 %"), { fresh: 10, old: 90 })])).toBeNull();
    expect(commitOf([deployment(takenBackMessage(RELEASE), { old: 100 })])).toBeNull();
    expect(commitOf([deployment("by hand", { old: 100 })])).toBeNull();
    expect(commitOf([])).toBeNull();
  });
});

describe("the version before", () => {
  it("is the one that was alone before the release began, however far the release got", () => {
    const before = deployment("by hand", { old: 100 });
    const steps = [{ fresh: 0, old: 100 }, { fresh: 10, old: 90 }, { fresh: 50, old: 50 }, { fresh: 100 }];
    for (let reached = 1; reached <= steps.length; reached++) {
      const made = steps.slice(0, reached).map((it) => deployment(messageOf(RELEASE, "step"), it));
      expect(versionBefore([...made.toReversed(), before], RELEASE)).toBe("old");
    }
  });

  it("is the one that a release put right which found two in traffic, for a rollback of that release", () => {
    const history = [
      deployment(messageOf(RELEASE, "100 %"), { fresh: 100 }),
      deployment(messageOf(RELEASE, "10 %"), { fresh: 10, old: 90 }),
      deployment(takenBackMessage(RELEASE), { old: 100 }),
      deployment("by hand", { tried: 20, old: 80 }),
    ];
    expect(versionBefore(history, RELEASE)).toBe("old");
  });

  it("of a split by hand is the one with the greater share", () => {
    expect(versionBefore([deployment("", { fresh: 90, old: 10 }), deployment("", { old: 100 })], null)).toBe("fresh");
    expect(versionBefore([deployment("", { fresh: 10, old: 90 }), deployment("", { old: 100 })], null)).toBe("old");
  });

  it("of two halves is the older one", () => {
    const history = [deployment("", { fresh: 50, old: 50 }), deployment("", { old: 100 })];
    expect(versionBefore(history, null)).toBe("old");
    expect(versionBefore([deployment("", { old: 50, fresh: 50 }), ...history.slice(1)], null)).toBe("old");
  });

  it("is none for a Worker whose history does not tell", () => {
    expect(versionBefore([], null)).toBeNull();
    expect(versionBefore([deployment(messageOf(RELEASE, "100 %"), { fresh: 100 })], RELEASE)).toBeNull();
  });
});
