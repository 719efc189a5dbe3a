import { beforeAll, describe, expect, it } from "vitest";
import { apiWith } from "../support/app.ts";
import { api, ORIGIN, type SignedUp, signUp } from "../support/client.ts";
import { accountOf, type Operation, operations, requestOf, signUpAdmin, signUpVendor } from "./support.ts";

const LIST = "/api/admin/users";

let admin: SignedUp;
let target: SignedUp;
let routes: Operation[];

beforeAll(async () => {
  admin = await signUpAdmin();
  target = await signUp();
  routes = (await operations()).filter(({ role }) => role === "admin");
});

describe("admin routes", () => {
  it("are those under /api/admin, all of them and no others", async () => {
    const under = (await operations()).filter(({ path }) => path.startsWith("/api/admin"));
    expect(under).toEqual(routes);
    expect(routes.length).toBe(16);
  });

  it.each<[string, number, string, () => Promise<SignedUp | null>]>([
    ["anonymous", 401, "unauthenticated", async () => null],
    ["user", 403, "forbidden", () => signUp()],
    ["vendor", 403, "forbidden", () => signUpVendor(admin)],
    ["pending vendor", 403, "forbidden", () => signUp({ role: "vendor" })],
  ])("refuse an %s, whatever is asked and however well", async (_who, status, code, make) => {
    const before = await accountOf(admin, target);
    const caller = await make();
    for (const operation of routes) {
      const [path, options] = requestOf(operation, target);
      const response = await api(path, { ...options, ...(caller ? { token: caller.token } : {}) });
      expect(response.status, operation.name).toBe(status);
      expect(await response.json()).toMatchObject({ code });
    }
    expect(await accountOf(admin, target)).toEqual(before);
  });
});

describe("ADMIN_IP_ALLOWLIST", () => {
  const from = (address: string, headers: Record<string, string> = {}, path = LIST) =>
    apiWith({ ADMIN_IP_ALLOWLIST: "203.0.113.0/24,2001:db8::/32" }, path, {
      token: admin.token,
      headers: { "CF-Connecting-IP": address, ...headers },
    });

  it.each(["203.0.113.0", "203.0.113.255", "2001:db8::1", "2001:DB8:ffff::", "::ffff:203.0.113.9", "::ffff:cb00:7109"])(
    "lets an admin in from %s",
    async (address) => {
      expect((await from(address)).status).toBe(200);
    },
  );

  it.each([
    ["the neighbour", "203.0.114.0"],
    ["the other neighbour", "203.0.112.255"],
    ["another IPv6 network", "2001:db9::1"],
    ["an address with more to it", "203.0.113.9.evil"],
    ["an octal writing", "203.0.113.011"],
    ["an octal writing of the first byte", "0313.0.113.9"],
    ["a hexadecimal writing", "0xcb.0.113.9"],
    ["one number", "3405803785"],
    ["two addresses", "203.0.113.9, 198.51.100.1"],
    ["a port", "203.0.113.9:80"],
    ["a range", "203.0.113.0/24"],
    ["IPv4 in the compatible writing", "::203.0.113.9"],
    ["a zone", "2001:db8::1%eth0"],
    ["nothing", ""],
  ])("keeps an admin out from %s (%s)", async (_what, address) => {
    const response = await from(address);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: "forbidden" });
  });

  it.each(["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "X-Client-IP"])(
    "looks at no %s",
    async (name) => {
      const value = name === "Forwarded" ? "for=203.0.113.9" : "203.0.113.9";
      expect((await from("198.51.100.1", { [name]: value })).status).toBe(403);
      expect((await from("203.0.113.9", { [name]: "198.51.100.1" })).status).toBe(200);
    },
  );

  it("guards every admin route, and nothing else", async () => {
    const env = { ADMIN_IP_ALLOWLIST: "203.0.113.0/24" };
    for (const operation of routes) {
      const [path, options] = requestOf(operation, target);
      const response = await apiWith(env, path, { ...options, token: admin.token });
      expect(response.status, operation.name).toBe(403);
    }
    expect((await apiWith(env, "/api/users/me", { token: admin.token })).status).toBe(200);
  });

  it.each(["evil", "203.0.113.0/33", "203.0.113.1/24", "203.0.113.0/24 198.51.100.1"])(
    "stops everything when it is broken: %s",
    async (list) => {
      for (const [path, token] of [
        [LIST, admin.token],
        ["/api/users/me", target.token],
        ["/api/health", undefined],
      ] as const) {
        const response = await apiWith({ ADMIN_IP_ALLOWLIST: list }, path, token === undefined ? {} : { token });
        expect(response.status, path).toBe(503);
      }
    },
  );
});

describe("tricks", () => {
  const PATHS = [
    "/api/admin/users/",
    "/api//admin/users",
    "//api/admin/users",
    "/api/%61dmin/users",
    "/%61pi/admin/users",
    "/API/ADMIN/USERS",
    "/api/Admin/users",
    "/api/admin/users%2f",
    "/api/admin%2fusers",
    "/api/admin/users;role=admin",
    "/api/admin/users.json",
    "/api/users/me/../../admin/users",
    "/api/users/%2e%2e/admin/users",
    "/api/admin/users?role=admin&x-role=admin",
    "/api/admin/users%00",
    "/api/admin/users/%20",
  ];
  const HEADERS: Record<string, string>[] = [
    {},
    { "X-HTTP-Method-Override": "PUT", "X-HTTP-Method": "PUT", "X-Method-Override": "PUT" },
    { role: "admin", "X-Role": "admin", "X-User-Role": "admin", "x-role": "admin" },
    { "X-Original-URL": LIST, "X-Rewrite-URL": LIST, "X-Forwarded-Host": "localhost", Host: "localhost" },
    { "CF-Connecting-IP": "127.0.0.1", "CF-Worker": "internal", "X-Actor": "admin" },
    { Cookie: "role=admin; token=x", "X-Admin": "1" },
  ];

  it("get a user, or nobody, no further than to a refusal", async () => {
    for (const token of [undefined, target.token]) {
      for (const path of PATHS) {
        for (const method of ["GET", "POST", "PUT", "HEAD"]) {
          for (const headers of HEADERS) {
            const response = await api(`${ORIGIN}${path}`, { method, headers, ...(token ? { token } : {}) });
            const what = `${method} ${path} ${JSON.stringify(headers)}`;
            expect([401, 403, 404, 405], what).toContain(response.status);
          }
        }
      }
    }
  });

  it("don't turn one method into another, nor an admin's reading into writing", async () => {
    const before = await accountOf(admin, target);
    const headers = { "X-HTTP-Method-Override": "PUT" };
    const json = { role: "admin" };
    const path = `/api/admin/users/${target.userId}/role`;
    expect((await api(path, { method: "POST", token: admin.token, headers, json })).status).toBe(405);
    expect((await api(`${path}?_method=PUT`, { method: "POST", token: admin.token, json })).status).toBe(405);
    expect(await accountOf(admin, target)).toEqual(before);
  });
});
