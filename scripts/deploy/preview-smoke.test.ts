import { describe, expect, it } from "vitest";
import { waitUntilServed } from "./preview-smoke.ts";

const ADDRESS = "https://a.example.workers.dev";

interface Answers {
  readonly health?: Response | Error;
  readonly status?: Response | Error;
}

const health = (version: string, environment = "preview") =>
  Response.json({ status: "ok", version: "1", environment }, { headers: { "X-Worker-Version": version } });
const status = (code: number, checks: Readonly<Record<string, string>>) => {
  const named = Object.entries(checks).map(([name, of]) => [name, { status: of }]);
  return Response.json({ status: "any", checks: Object.fromEntries(named) }, { status: code });
};

/** Looks with these answers, one of the list each time, the last from then on. */
function look(...answers: readonly [Answers, ...Answers[]]): { result: Promise<string>; asked: string[] } {
  const asked: string[] = [];
  let round = -1;
  const ask = async (input: Parameters<typeof fetch>[0]) => {
    const { pathname } = new URL(String(input));
    asked.push(pathname);
    if (pathname === "/api/health") round++;
    const now = answers[Math.min(round, answers.length - 1)] ?? {};
    const answer = (pathname === "/api/health" ? now.health : now.status) ?? health("new");
    if (answer instanceof Error) throw answer;
    return answer.clone() as Response;
  };
  return { result: waitUntilServed(ADDRESS, { version: "new", fetch: ask, timeoutMs: 60, pauseMs: 5 }), asked };
}

const well = status(200, { database: "ok" });

describe("a deployed preview", () => {
  it("is waited for while its address is unknown, the old version answers, or a part is down", async () => {
    const { result, asked } = look(
      { health: new Error("getaddrinfo ENOTFOUND") },
      { health: new Response("There is nothing here yet", { status: 404 }) },
      { health: health("old"), status: well },
      { health: health("new"), status: status(503, { database: "down" }) },
      { health: health("new"), status: well },
    );
    expect(await result).toBe("all is well");
    expect(asked.filter((path) => path === "/api/health")).toHaveLength(5);
  });

  it("serves even where a part is not well, which is told", async () => {
    const { result } = look({ health: health("new"), status: status(200, { database: "ok", sms: "degraded" }) });
    expect(await result).toBe("it serves; not well: sms");
  });

  it.each([
    ["no address", { health: new Error("getaddrinfo ENOTFOUND") }, "getaddrinfo ENOTFOUND"],
    ["the old version", { health: health("old"), status: well }, "version old answers, and not yet new"],
    ["another environment", { health: health("new", "production"), status: well }, "it says that it is production"],
    [
      "bad variables",
      { health: Response.json({ code: "misconfigured" }, { status: 503 }) },
      '503: {"code":"misconfigured"}',
    ],
    ["a dead part", { health: health("new"), status: status(503, { hasher: "down" }) }, "not well: hasher"],
    ["no JSON", { health: new Response("<html>", { status: 200 }) }, "answers 200, and not in JSON"],
  ])("with %s fails in the end, and says why", async (_, answers, reason) => {
    const { result } = look(answers);
    await expect(result).rejects.toThrow(`${ADDRESS} did not serve within 0.06 s`);
    await expect(result).rejects.toThrow(reason);
  });
});
