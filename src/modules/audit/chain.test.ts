import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AUDIT_ACTIONS } from "../../kernel/audit.ts";
import { createChainVerifier, extendChain, type LinkedRecord, readDetail, UNLINKED_GRACE_MS } from "./chain.ts";
import type { AuditRecord } from "./repository.ts";

const text = fc.string({ unit: "binary", maxLength: 12 });
const detail = fc.option(fc.dictionary(text, fc.oneof(text, fc.integer(), fc.boolean()), { maxKeys: 3 }));
const outcome = fc.constantFrom("success", "failure");

const record: fc.Arbitrary<AuditRecord> = fc.record({
  id: text,
  subjectId: fc.constant("usr_x"),
  actorId: text,
  action: fc.constantFrom(...AUDIT_ACTIONS),
  outcome,
  sessionId: fc.option(text),
  ipPrefix: fc.option(text),
  detail,
  createdAt: fc.nat(),
}) as fc.Arbitrary<AuditRecord>;
const records = fc.array(record, { minLength: 1, maxLength: 8 });

/** Any value for each column, also ones that the column could only get from somebody who tampers. */
const loose = fc.oneof(text, fc.integer(), fc.constant(null));
const changes = fc.oneof(
  ...(["id", "actorId", "sessionId", "ipPrefix", "createdAt", "seq", "salt", "digest", "hash"] as const).map((field) =>
    fc.tuple(fc.constant(field), loose),
  ),
  fc.tuple(fc.constant("action"), fc.oneof(fc.constantFrom(...AUDIT_ACTIONS), loose)),
  fc.tuple(fc.constant("outcome"), fc.oneof(outcome, loose)),
  fc.tuple(fc.constant("detail"), detail),
);

async function verify(events: readonly LinkedRecord[]) {
  const verifier = createChainVerifier();
  for (const event of events) await verifier.add(event);
  return verifier.report();
}

const erase = (event: LinkedRecord): LinkedRecord => ({
  ...event,
  subjectId: "psn_x",
  actorId: "psn_x",
  sessionId: null,
  ipPrefix: null,
  detail: null,
  salt: null,
});

/** Whether only what an erasure may take is gone. */
function isErasure(event: LinkedRecord): boolean {
  return event.salt === null && event.sessionId === null && event.ipPrefix === null && event.detail === null;
}

describe("a chain", () => {
  it("verifies as linked, in one go or bit by bit, and after any of its events was erased", async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.nat(), fc.nat(), async (events, cut, erased) => {
        const at = cut % (events.length + 1);
        const first = await extendChain(null, events.slice(0, at));
        const rest = await extendChain(first.at(-1) ?? null, events.slice(at));
        const chain = [...first, ...rest];
        expect(chain.map((event) => event.seq)).toEqual(events.map((_, i) => i + 1));
        const whole = await verify(chain);
        const last = chain.at(-1) as LinkedRecord;
        expect(whole).toEqual({ events: chain.length, head: { seq: last.seq, hash: last.hash }, problems: [] });
        const index = erased % chain.length;
        expect((await verify(chain.map((event, i) => (i === index ? erase(event) : event)))).problems).toEqual([]);
      }),
    );
  });

  it("shows any change of any field of any event, and names it", async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.nat(), changes, async (events, nth, [field, value]) => {
        const chain = [...(await extendChain(null, events))];
        const index = nth % chain.length;
        const before = chain[index] as LinkedRecord;
        fc.pre(JSON.stringify(value) !== JSON.stringify(before[field as keyof LinkedRecord]));
        const changed = { ...before, [field]: value } as LinkedRecord;
        fc.pre(!isErasure(changed));
        chain[index] = changed;
        const { problems } = await verify(chain);
        expect(problems.map((problem) => problem.id)).toContain(changed.id);
      }),
      { numRuns: 500 },
    );
  });

  it("shows events that were taken out, put in or moved", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 3, maxLength: 8 }), fc.nat(), async (events, nth) => {
        const chain = [...(await extendChain(null, events))];
        const index = nth % (chain.length - 1);
        const next = chain[index + 1] as LinkedRecord;
        const without = (await verify(chain.toSpliced(index, 1))).problems;
        expect(without).toContainEqual({ seq: next.seq, id: next.id, problem: "gap" });
        const [one, other] = [chain[index] as LinkedRecord, next];
        const swapped = chain.toSpliced(index, 2, { ...other, seq: one.seq }, { ...one, seq: other.seq });
        expect((await verify(swapped)).problems.length).toBeGreaterThan(0);
        const [forged] = await extendChain(one, [one]);
        const inserted = chain.toSpliced(index + 1, 0, forged as LinkedRecord);
        expect((await verify(inserted)).problems.length).toBeGreaterThan(0);
      }),
    );
  });

  it("can't show a missing end by itself: its head is what tells", async () => {
    const chain = await extendChain(null, fc.sample(record, 4));
    const logged = (await verify(chain)).head;
    const cut = await verify(chain.slice(0, 3));
    expect(cut.problems).toEqual([]);
    expect(cut.head).not.toEqual(logged);
  });
});

describe("events outside of the chain", () => {
  const [base] = fc.sample(record, 1) as [AuditRecord];

  it.each([
    ["young ones may wait", { createdAt: 1_000, stray: false }, []],
    ["old ones may not", { createdAt: 1_000 - UNLINKED_GRACE_MS, stray: false }, ["unlinked"]],
    ["those taken out of it never", { createdAt: 1_000, stray: true }, ["unlinked"]],
  ])("%s", (_what, change, problems) => {
    const verifier = createChainVerifier();
    verifier.addUnlinked({ ...base, ...change }, 1_000);
    expect(verifier.report().problems.map(({ problem }) => problem)).toEqual(problems);
  });
});

it("reads a detail that is no JSON as one that was never linked", () => {
  expect(readDetail(null)).toBeNull();
  expect(readDetail('{"code":"x"}')).toEqual({ code: "x" });
  expect(readDetail("{oops")).toEqual({ unreadable: true });
});
