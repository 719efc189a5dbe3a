import { runInDurableObject } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, it } from "vitest";
import { users } from "../../../src/db/d1/schema/index.ts";
import { issuePaths } from "../support/app.ts";
import { api, type SignedUp, signUp } from "../support/client.ts";
import { bindings, db } from "../support/database.ts";
import {
  accountOf,
  approve,
  disable,
  enable,
  isSignedIn,
  logIn,
  operations,
  pathOf,
  refresh,
  refused,
  requestOf,
  setRole,
  signUpAdmin,
} from "./support.ts";

const ADMIN_ROUTE = "/api/admin/users?limit=1";

let admin: SignedUp;

beforeAll(async () => {
  admin = await signUpAdmin();
});

/** What the session object and the database say of an account. */
async function standings(user: SignedUp) {
  const stub = bindings.USER_SESSIONS.getByName(user.userId);
  const told = await runInDurableObject(stub, (_, state) =>
    state.storage.sql.exec("SELECT role, status, epoch FROM standing").one(),
  );
  const [stored] = await db
    .select({ role: users.role, status: users.status, epoch: users.sessionEpoch })
    .from(users)
    .where(eq(users.id, user.userId));
  return { told, stored };
}

describe("PUT role", () => {
  it("makes an admin, who acts as one with the access token he has", async () => {
    const user = await signUp({ name: "Forugh" });
    expect((await api(ADMIN_ROUTE, { token: user.token })).status).toBe(403);
    const response = await setRole(admin, user, "admin");
    expect(response.status).toBe(200);
    const account = await response.json();
    expect(account).toEqual(await accountOf(admin, user));
    expect(account).toMatchObject({ ...user.user, role: "admin", status: "active", updatedAt: expect.any(String) });
    expect((await api(ADMIN_ROUTE, { token: user.token })).status).toBe(200);
  });

  it("unmakes one: his very next request is a user's, and his sessions can't be refreshed", async () => {
    const other = await signUpAdmin();
    expect((await api(ADMIN_ROUTE, { token: other.token })).status).toBe(200);
    expect((await setRole(admin, other, "user")).status).toBe(200);
    for (const operation of (await operations()).filter(({ role }) => role === "admin")) {
      const [path, options] = requestOf(operation, admin);
      expect((await api(path, { ...options, token: other.token })).status, operation.name).toBe(403);
    }
    expect(await isSignedIn(other)).toBe(true);
    expect(await refused(refresh(other), 401)).toBe("invalid_refresh_token");
    const again = await logIn(other);
    expect(again?.user.role).toBe("user");
    expect((await api(ADMIN_ROUTE, { token: again?.accessToken ?? "" })).status).toBe(403);
  });

  it("to the role it has changes nothing: sessions stay and can be refreshed", async () => {
    const user = await signUp();
    const before = await accountOf(admin, user);
    const response = await setRole(admin, user, "user");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(before);
    expect((await refresh(user)).status).toBe(200);
  });

  it.each(["user", "vendor", "admin"])("of a pending vendor to %s makes the account active", async (role) => {
    const user = await signUp({ role: "vendor" });
    expect(await accountOf(admin, user)).toMatchObject({ role: "vendor", status: "pending" });
    expect(await (await setRole(admin, user, role)).json()).toMatchObject({ role, status: "active" });
    expect(await accountOf(admin, user)).toMatchObject({ role, status: "active" });
  });

  it("of a disabled account leaves it disabled", async () => {
    const user = await signUp();
    await disable(admin, user);
    expect(await (await setRole(admin, user, "admin")).json()).toMatchObject({ role: "admin", status: "disabled" });
    expect(await logIn(user)).toBeNull();
    expect((await api(ADMIN_ROUTE, { token: user.token })).status).toBe(401);
  });

  it.each([
    ["an unknown role", { role: "root" }, ["role"]],
    ["no role", {}, ["role"]],
    ["an unknown field", { role: "user", status: "active" }, ["status"]],
    ["a list", { role: ["admin"] }, ["role"]],
  ])("refuses %s with 422", async (_what, json, paths) => {
    const user = await signUp();
    const response = await api(pathOf(user, "/role"), { method: "PUT", token: admin.token, json });
    expect(response.status).toBe(422);
    expect(await issuePaths(response)).toEqual(paths);
    expect(await accountOf(admin, user)).toEqual({ ...user.user, status: "active" });
  });
});

describe("approve", () => {
  it("makes a pending vendor an active one, at once", async () => {
    const user = await signUp({ role: "vendor" });
    const response = await approve(admin, user);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id: user.userId, role: "vendor", status: "active" });
    expect((await standings(user)).told).toMatchObject({ role: "vendor", status: "active" });
    expect(await isSignedIn(user)).toBe(true);
  });

  it("refuses whatever is not pending", async () => {
    const user = await signUp({ role: "vendor" });
    await approve(admin, user);
    expect(await refused(approve(admin, user), 409)).toBe("invalid_transition");
    expect(await refused(approve(admin, await signUp()), 409)).toBe("invalid_transition");
    await disable(admin, user);
    expect(await refused(approve(admin, user), 409)).toBe("invalid_transition");
    expect(await refused(approve(admin, admin), 409)).toBe("invalid_transition");
  });

  it("of racing approvals lets one through", async () => {
    const user = await signUp({ role: "vendor" });
    const answers = await Promise.all(Array.from({ length: 8 }, () => approve(admin, user)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...new Array(7).fill(409)]);
  });
});

describe("disable and enable", () => {
  it("locks an account out of every route and of logging in, until it is enabled", async () => {
    const user = await signUp();
    const second = await logIn(user);
    const response = await disable(admin, user);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id: user.userId, role: "user", status: "disabled" });
    const details = await api(pathOf(user), { token: admin.token });
    expect(await details.json()).toMatchObject({ user: { status: "disabled" }, sessions: [] });
    // Logging out works with the token of any session, ended or not.
    const guarded = (await operations()).filter(
      ({ role, operationId }) => role !== "anyone" && role !== "operator" && operationId !== "logout",
    );
    expect(guarded.length).toBeGreaterThan(20);
    for (const operation of guarded) {
      const [path, options] = requestOf(operation, user);
      expect((await api(path, { ...options, token: user.token })).status, operation.name).toBe(401);
    }
    expect(await isSignedIn({ token: second?.accessToken ?? "" })).toBe(false);
    expect(await refused(refresh(user), 401)).toBe("invalid_refresh_token");
    expect(await logIn(user)).toBeNull();

    expect(await (await enable(admin, user)).json()).toMatchObject({ role: "user", status: "active" });
    expect(await isSignedIn(user)).toBe(false);
    expect(await refused(refresh(user), 401)).toBe("invalid_refresh_token");
    const again = await logIn(user);
    expect(await isSignedIn({ token: again?.accessToken ?? "" })).toBe(true);
  });

  it("gives an approved vendor back what he was, and makes a pending one a user", async () => {
    const [vendor, pending] = [await signUp({ role: "vendor" }), await signUp({ role: "vendor" })];
    await approve(admin, vendor);
    for (const user of [vendor, pending]) expect((await disable(admin, user)).status).toBe(200);
    expect(await accountOf(admin, pending)).toMatchObject({ role: "user", status: "disabled" });
    for (const user of [vendor, pending]) expect((await enable(admin, user)).status).toBe(200);
    expect(await accountOf(admin, vendor)).toMatchObject({ role: "vendor", status: "active" });
    expect(await accountOf(admin, pending)).toMatchObject({ role: "user", status: "active" });
  });

  it("refuse what is so already", async () => {
    const user = await signUp();
    expect(await refused(enable(admin, user), 409)).toBe("invalid_transition");
    await disable(admin, user);
    expect(await refused(disable(admin, user), 409)).toBe("invalid_transition");
  });
});

describe("an admin's own account", () => {
  it("is another admin's to change", async () => {
    const other = await signUpAdmin();
    for (const role of ["user", "vendor", "admin"]) {
      expect(await refused(setRole(other, other, role), 409)).toBe("own_account");
    }
    expect(await refused(disable(other, other), 409)).toBe("own_account");
    expect(await accountOf(other, other)).toMatchObject({ role: "admin", status: "active" });
    expect((await refresh(other)).status).toBe(200);
  });

  it("of two admins who unmake each other at once, one stays", async () => {
    for (const attack of [(a: SignedUp, b: SignedUp) => setRole(a, b, "user"), disable]) {
      const [one, other] = [await signUpAdmin(), await signUpAdmin()];
      const answers = await Promise.all([attack(one, other), attack(other, one)]);
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => status === 200)).toHaveLength(1);
      expect([401, 403]).toContain(statuses.find((status) => status !== 200));
      const winner = statuses[0] === 200 ? one : other;
      expect(await accountOf(admin, winner)).toMatchObject({ role: "admin", status: "active" });
      expect((await api(ADMIN_ROUTE, { token: winner.token })).status).toBe(200);
    }
  });
});

describe("parallel changes", () => {
  it("of the role all succeed, and the session object ends up with what the database has", async () => {
    const user = await signUp();
    const roles = Array.from({ length: 20 }, (_, i) => ["admin", "vendor", "user"][i % 3] as string);
    const answers = await Promise.all(roles.map((role) => setRole(admin, user, role)));
    expect(answers.map(({ status }) => status)).toEqual(roles.map(() => 200));
    const { told, stored } = await standings(user);
    expect(told).toEqual(stored);
    expect((await api(ADMIN_ROUTE, { token: user.token })).status).toBe(stored?.role === "admin" ? 200 : 403);
    expect((await logIn(user))?.user.role).toBe(stored?.role);
  });

  it("of all kinds answer by what they did, and the session object ends up with what the database has", async () => {
    const user = await signUp({ role: "vendor" });
    const kinds = [approve, disable, enable, (a: SignedUp, u: SignedUp) => setRole(a, u, "admin")];
    const answers = await Promise.all(Array.from({ length: 24 }, (_, i) => kinds[i % 4]?.(admin, user)));
    for (const answer of answers) expect([200, 409]).toContain(answer?.status);
    const { told, stored } = await standings(user);
    expect(told).toEqual(stored);
    expect((await logIn(user)) === null).toBe(stored?.status === "disabled");
  });
});

it("nobody: 404 user_not_found on every route, and nothing else of an odd id", async () => {
  const routes = (await operations()).filter(
    ({ role, path }) => role === "admin" && path.startsWith("/api/admin/users/{id}"),
  );
  expect(routes.length).toBe(8);
  for (const operation of routes) {
    for (const userId of ["usr_nobody", "%00", "..%2f..", "x".repeat(2_000)]) {
      const [path, options] = requestOf(operation, { ...admin, userId });
      expect(await refused(api(path, { ...options, token: admin.token }), 404), path).toBe("user_not_found");
    }
  }
});
