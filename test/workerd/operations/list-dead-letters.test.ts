import { beforeAll, describe, expect, it } from "vitest";
import { createD1DeadLetters } from "../../../src/db/d1/repositories/dead-letters.ts";
import { newId } from "../../../src/kernel/ids.ts";
import { deadLetterListSchema } from "../../../src/modules/admin/schemas.ts";
import { refused, signUpAdmin } from "../admin/support.ts";
import { api, type SignedUp } from "../support/client.ts";
import { db } from "../support/database.ts";
import { DEAD_QUEUE } from "./support.ts";

let admin: SignedUp;
const ids: string[] = [];

async function insert(receivedAt: number): Promise<string> {
  const id = newId("dlt", receivedAt);
  const row = { id, queue: DEAD_QUEUE, messageId: crypto.randomUUID(), conversionId: null, body: "{}", attempts: 3 };
  await createD1DeadLetters(db).record({ ...row, outcome: "unreadable", receivedAt });
  return id;
}

beforeAll(async () => {
  admin = await signUpAdmin();
  for (let i = 0; i < 5; i++) ids.unshift(await insert(1_800_000_000_000 + i));
});

const list = (query = "", by = admin) => api(`/api/admin/dead-letters${query}`, { token: by.token });

async function page(query: string) {
  const response = await list(query);
  expect(response.status).toBe(200);
  return deadLetterListSchema.parse(await response.json());
}

describe("the list of dead letters", () => {
  it("pages newest first, stable while more come", async () => {
    const first = await page("?limit=2");
    expect(first.items.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    await insert(1_900_000_000_000);
    const rest = await page(`?limit=3&cursor=${encodeURIComponent(first.nextCursor ?? "")}`);
    expect(rest.items.map(({ id }) => id)).toEqual(ids.slice(2));
    expect(rest.nextCursor).toBeNull();
    expect(rest.items[2]).toEqual({
      id: ids[4],
      queue: DEAD_QUEUE,
      messageId: expect.any(String),
      conversionId: null,
      body: "{}",
      attempts: 3,
      outcome: "unreadable",
      receivedAt: new Date(1_800_000_000_000).toISOString(),
      replayedAs: null,
      replayedAt: null,
    });
  });

  it("refuses cursors that are tampered with or another admin's, and bad limits", async () => {
    const { nextCursor } = await page("?limit=1");
    expect(await refused(list(`?cursor=${nextCursor}x`), 400)).toBe("invalid_cursor");
    expect(await refused(list(`?cursor=${nextCursor}`, await signUpAdmin()), 400)).toBe("invalid_cursor");
    for (const limit of ["0", "101", "x"]) expect((await list(`?limit=${limit}`)).status).toBe(422);
  });
});
