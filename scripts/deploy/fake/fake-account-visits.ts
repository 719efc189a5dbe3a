/** The addresses of the fake account's Workers: what an api would answer that was deployed like this one. */
import { activeDeployment, type FakeAccount, type FakeScript } from "./state.ts";

function environmentOf(script: FakeScript, versionId: string | undefined): unknown {
  const version = script.versions.find(({ id }) => id === versionId);
  return version?.bindings.find(({ type, name }) => type === "plain_text" && name === "ENVIRONMENT")?.text;
}

/** Answers `/api/health` and `/api/status` of Workers that have an address; codes can't be sent without a key. */
export function visitsOf(account: FakeAccount): typeof fetch {
  return async (input) => {
    const { hostname, pathname } = new URL(String(input));
    const script = account.scripts.get(hostname.replace(`.${account.subdomain}.workers.dev`, ""));
    if (script === undefined || !script.subdomain.enabled)
      return new Response("There is nothing here yet", { status: 404 });
    const version = activeDeployment(script)?.versions[0]?.version_id;
    const headers = { "X-Worker-Version": version ?? "" };
    if (!script.secrets.has("JWT_SECRET")) return Response.json({ code: "misconfigured" }, { status: 503, headers });
    const sms = script.secrets.has("SMS_API_KEY") ? "ok" : "degraded";
    if (pathname === "/api/health") {
      return Response.json({ status: "ok", version: "1", environment: environmentOf(script, version) }, { headers });
    }
    return Response.json({ status: sms, checks: { database: { status: "ok" }, sms: { status: sms } } }, { headers });
  };
}
