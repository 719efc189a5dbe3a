import { beforeAll, describe, expect, it } from "vitest";
import type { AuditEvent } from "../../../src/kernel/audit.ts";
import { newId } from "../../../src/kernel/ids.ts";
import type { AuditFilter, AuditRecord } from "../../../src/modules/audit/repository.ts";
import { listAudit, searchAudit } from "../../../src/modules/audit/service/list-audit.ts";
import { audit, auditEvent, auditStage, recordEvents } from "./support.ts";

const { deps } = auditStage();
const all = { limit: 100, afterKey: null };
const newUserId = () => newId("usr", Date.now());

describe("one's own log", () => {
  it("shows only what concerns the caller's account, newest first", async () => {
    const [userId, stranger] = [newUserId(), newUserId()];
    const own = await recordEvents(userId, 3);
    await recordEvents(stranger, 2);
    await recordEvents(stranger, 1, { actorId: userId });
    const page = await listAudit(deps, { userId }, all);
    expect(page).toMatchObject({ nextKey: null });
    expect(page.items.map((event) => event.id)).toEqual(own.reverse());
  });

  it("keeps the session and address of an admin who acted on the account to itself", async () => {
    const [userId, admin] = [newUserId(), newUserId()];
    await audit.record(auditEvent(userId, { actorId: admin, action: "admin.disable" }));
    await audit.record(auditEvent(userId, { actorId: "anonymous", sessionId: null, outcome: "failure" }));
    const { items } = await listAudit(deps, { userId }, all);
    expect(items).toMatchObject([
      { action: "auth.login", sessionId: null, ipPrefix: "203.0.113.0/24" },
      { action: "admin.disable", sessionId: null, ipPrefix: null },
    ]);
  });
});

describe("paging", () => {
  it("neither loses nor repeats an event, whatever is added meanwhile", async () => {
    const userId = newUserId();
    const ids = await recordEvents(userId, 11);
    const seen: string[] = [];
    let afterKey: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof listAudit>> = await listAudit(deps, { userId }, { limit: 4, afterKey });
      expect(page.items.length).toBeLessThanOrEqual(4);
      seen.push(...page.items.map((event) => event.id));
      afterKey = page.nextKey;
      await recordEvents(userId, 1);
    } while (afterKey !== null);
    expect(seen).toEqual(ids.reverse());
  });
});

describe("the admin search", () => {
  const [ada, bob, admin] = [newUserId(), newUserId(), newUserId()];
  const start = Date.UTC(2025, 5, 1);
  const DAY = 86_400_000;
  const events: AuditEvent[] = [];

  beforeAll(async () => {
    for (let day = 0; day < 24; day++) {
      const user = day % 2 === 0 ? ada : bob;
      events.push(
        auditEvent(user, {
          createdAt: start + day * DAY,
          actorId: day % 3 === 0 ? admin : user,
          action: day % 4 < 2 ? "admin.disable" : "user.update",
          outcome: day % 5 === 0 ? "failure" : "success",
        }),
      );
    }
    for (const event of events) await audit.record(event);
  });

  const choices: [keyof AuditFilter, string | number][] = [
    ["subjectId", ada],
    ["actorId", admin],
    ["action", "user.update"],
    ["outcome", "success"],
    ["from", start + 3 * DAY],
    ["to", start + 20 * DAY],
  ];

  function fits(event: AuditEvent, filter: AuditFilter): boolean {
    const { subjectId, from = 0, to = Number.POSITIVE_INFINITY } = filter;
    if (subjectId !== undefined && !("userId" in event.subject && event.subject.userId === subjectId)) return false;
    if (event.createdAt < from || event.createdAt >= to) return false;
    return (["actorId", "action", "outcome"] as const).every((key) => (filter[key] ?? event[key]) === event[key]);
  }

  it("answers every combination of filters with exactly what fits", async () => {
    for (let set = 0; set < 2 ** choices.length; set++) {
      const filter: AuditFilter = Object.fromEntries(choices.filter((_, i) => set & (1 << i)));
      const wanted = events.filter((event) => fits(event, filter)).map((event) => event.id);
      const found: AuditRecord[] = [];
      let afterKey: string | null = null;
      do {
        const page: Awaited<ReturnType<typeof searchAudit>> = await searchAudit(deps, filter, { limit: 10, afterKey });
        found.push(...page.items.filter((event) => event.createdAt >= start && event.createdAt < start + 24 * DAY));
        afterKey = page.nextKey;
      } while (afterKey !== null);
      expect(
        found.map((event) => event.id),
        JSON.stringify(filter),
      ).toEqual(wanted.reverse());
    }
  });

  it("takes `from` inclusively and `to` exclusively, to the millisecond, and any time at all", async () => {
    const at = start + 5 * DAY;
    const count = async (filter: AuditFilter) => (await searchAudit(deps, filter, all)).items.length;
    expect(await count({ subjectId: bob, from: at, to: at + 1 })).toBe(1);
    expect(await count({ subjectId: bob, from: at + 1, to: at + DAY })).toBe(0);
    expect(await count({ subjectId: bob, from: at - DAY, to: at })).toBe(0);
    expect(await count({ subjectId: bob, from: -1e15, to: 1e16 })).toBe(12);
    expect(await count({ subjectId: bob, from: at, to: at })).toBe(0);
  });
});
