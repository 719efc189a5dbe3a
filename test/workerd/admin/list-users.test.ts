import { beforeAll, describe, expect, it } from "vitest";
import { adminUserDetailsSchema, adminUserListSchema } from "../../../src/modules/admin/schemas.ts";
import { issuePaths } from "../support/app.ts";
import { api, type SignedUp, signUp } from "../support/client.ts";
import { usageOf } from "../support/pictures.ts";
import { type Account, disable, logIn, pathOf, refused, setRole, signUpAdmin, signUpVendor } from "./support.ts";

const LIST = "/api/admin/users";

let admin: SignedUp;
let user: SignedUp;
let pending: SignedUp;
let vendor: SignedUp;

beforeAll(async () => {
  admin = await signUpAdmin();
  user = await signUp({ name: "Parvin" });
  pending = await signUp({ role: "vendor" });
  vendor = await signUpVendor(admin);
});

async function list(query: string): Promise<{ items: Account[]; nextCursor: string | null }> {
  const response = await api(`${LIST}?${query}`, { token: admin.token });
  expect(response.status, query).toBe(200);
  return (await response.json()) as { items: Account[]; nextCursor: string | null };
}

async function walk(query: string): Promise<Account[]> {
  const found: Account[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page = await list(`${query}${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`);
    found.push(...page.items);
    cursor = page.nextCursor;
  }
  return found;
}

const ids = (accounts: readonly { id: string }[]) => accounts.map(({ id }) => id);

describe("GET /api/admin/users", () => {
  it("shows the user's own fields and the status, newest first, and nothing secret", async () => {
    const page = await list("limit=3");
    adminUserListSchema.parse(page);
    expect(ids(page.items)).toEqual([vendor.userId, pending.userId, user.userId]);
    expect(page.items[2]).toEqual({ ...user.user, status: "active" });
    expect(page.items[1]).toEqual({ ...pending.user, status: "pending" });
  });

  it.each([
    ["E.164", (phone: string) => phone],
    ["the national writing", (phone: string) => phone.replace("+98", "0")],
    ["spaces", (phone: string) => `${phone.slice(0, 6)} ${phone.slice(6)}`],
    ["Persian digits", (phone: string) => phone.replace("+98", "0").replace(/\d/g, (d) => "۰۱۲۳۴۵۶۷۸۹".charAt(+d))],
  ])("finds a phone in %s", async (_writing, write) => {
    const { items, nextCursor } = await list(`phone=${encodeURIComponent(write(user.phone))}`);
    expect(ids(items)).toEqual([user.userId]);
    expect(nextCursor).toBeNull();
    expect((await list(`phone=${encodeURIComponent(user.phone)}&role=vendor`)).items).toEqual([]);
  });

  it("filters by role and status, alone and together", async () => {
    const disabled = await signUp();
    await disable(admin, disabled);
    expect(ids(await walk("status=disabled"))).toContain(disabled.userId);
    const vendors = await walk("role=vendor");
    expect(ids(vendors)).toEqual(expect.arrayContaining([vendor.userId, pending.userId]));
    expect(new Set(vendors.map(({ role }) => role))).toEqual(new Set(["vendor"]));
    const waiting = await walk("role=vendor&status=pending");
    expect(ids(waiting)).toContain(pending.userId);
    expect(ids(waiting)).not.toContain(vendor.userId);
    expect(ids(await walk("role=admin"))).toContain(admin.userId);
    expect(ids(await walk("role=user&status=active"))).not.toContain(disabled.userId);
  });

  it("pages without loss or repeat, with cursors of one admin and one set of filters", async () => {
    const all = ids(await walk("limit=100"));
    expect(ids(await walk("limit=2"))).toEqual(all);
    expect(new Set(all).size).toBe(all.length);
    const { nextCursor } = await list("limit=1");
    const cursor = encodeURIComponent(String(nextCursor));
    const other = await signUpAdmin();
    const uses: [string, string][] = [
      [`role=user&cursor=${cursor}`, admin.token],
      ["cursor=nonsense", admin.token],
      [`cursor=${cursor}`, other.token],
    ];
    for (const [query, token] of uses) {
      expect(await refused(api(`${LIST}?${query}`, { token }), 400), query).toBe("invalid_cursor");
    }
  });

  it.each([
    ["phone", "phone=hello"],
    ["phone", "phone="],
    ["phone", `phone=${"9".repeat(2_000)}`],
    ["role", "role=root"],
    ["status", "status=deleted"],
    ["limit", "limit=0"],
    ["limit", "limit=101"],
  ])("refuses a bad %s (%s) with 422", async (field, query) => {
    const response = await api(`${LIST}?${query}`, { token: admin.token });
    expect(response.status).toBe(422);
    expect(await issuePaths(response)).toEqual([field]);
  });
});

describe("GET /api/admin/users/{id}", () => {
  it("shows the account, where it is signed in, and its usage as its owner sees it", async () => {
    const second = await logIn(user);
    const response = await api(pathOf(user), { token: admin.token });
    expect(response.status).toBe(200);
    const body = adminUserDetailsSchema.parse(await response.json());
    expect(body.user).toEqual({ ...user.user, status: "active" });
    const own = (await (await api("/api/auth/sessions", { token: user.token })).json()) as { items: object[] };
    expect(body.sessions).toEqual(own.items.map((session) => ({ ...session, current: undefined })));
    expect(ids(body.sessions)).toEqual([second?.sessionId, user.sessionId]);
    expect(body.usage.conversions).toEqual(await usageOf(user.token));
  });

  it("has nothing of a deleted account", async () => {
    const gone = await signUp();
    expect((await setRole(admin, gone, "vendor")).status).toBe(200);
    expect((await api("/api/users/me", { method: "DELETE", token: gone.token })).status).toBe(204);
    expect(await refused(api(pathOf(gone), { token: admin.token }), 404)).toBe("user_not_found");
    expect(ids(await walk("limit=100"))).not.toContain(gone.userId);
    expect((await list(`phone=${encodeURIComponent(gone.phone)}`)).items).toEqual([]);
  });
});
