/** The fake account's Workers as services: what is there, who uses whom, and their end. */
import { FakeRefusal, type FakeRoute } from "./fake-cloudflare.ts";
import type { FakeAccount, FakeScript } from "./state.ts";

export const tagOf = (script: FakeScript) => `tag-of-${script.name}`;

export function scriptOf(account: FakeAccount, name: string): FakeScript {
  const script = account.scripts.get(name);
  if (script === undefined) throw new FakeRefusal(404, 10_007, "This Worker does not exist on your account.");
  return script;
}

function ownRoutes(account: FakeAccount): FakeRoute[] {
  return [
    {
      method: "GET",
      path: /^\/workers\/services\/([^/]+)$/,
      answer(_, name = "") {
        const script = scriptOf(account, name);
        const { migrationTag, lastDeployedFrom } = script;
        const told = { id: name, tag: tagOf(script), tags: [], last_deployed_from: lastDeployedFrom };
        const known = migrationTag === null ? told : { ...told, migration_tag: migrationTag };
        return { result: { id: name, default_environment: { environment: "production", script: known } } };
      },
    },
    {
      method: "DELETE",
      path: /^\/workers\/services\/([^/]+)$/,
      answer(request, name = "") {
        scriptOf(account, name);
        const users = usersOf(account, name);
        if (users.length > 0 && request.query.get("force") !== "true") {
          const told = users.map((user) => user.name).join(", ");
          throw new FakeRefusal(400, 10_064, `Worker ${name} is still used by ${told}`);
        }
        account.scripts.delete(name);
        for (const queue of account.queues.values()) if (queue.consumer?.script === name) queue.consumer = null;
        return { result: null };
      },
    },
  ];
}

function listRoutes(account: FakeAccount): FakeRoute[] {
  return [
    {
      method: "GET",
      path: /^\/workers\/scripts\/([^/]+)\/references$/,
      answer(_, name = "") {
        const users = usersOf(account, name);
        return { result: { services: { incoming: users.map(({ name: service }) => ({ service })), outgoing: [] } } };
      },
    },
    {
      method: "GET",
      path: /^\/workers\/tails\/by-consumer\/([^/]+)$/,
      answer(_, name = "") {
        const producers = [...account.scripts.values()].filter(({ tailConsumers }) => tailConsumers.includes(name));
        return { result: producers.map(({ name: service }) => ({ producer: { service } })) };
      },
    },
    // Wrangler looks for what Workers Sites left, which none of these Workers has.
    { method: "GET", path: /^\/storage\/kv\/namespaces$/, answer: () => ({ result: [] }) },
    {
      method: "GET",
      path: /^\/workers\/scripts$/,
      answer: () => ({
        result: [...account.scripts.values()].map((script) => ({
          id: script.name,
          tag: tagOf(script),
          created_on: script.createdAt,
          modified_on: script.versions.at(-1)?.createdAt,
          migration_tag: script.migrationTag,
        })),
      }),
    },
  ];
}

/** The Workers that bind this one, or that it tails. */
export function usersOf(account: FakeAccount, name: string): FakeScript[] {
  const isUser = (other: FakeScript) =>
    other.tailConsumers.includes(name) ||
    (other.versions.at(-1)?.bindings ?? []).some((it) => (it.service ?? it.script_name) === name);
  return [...account.scripts.values()].filter((other) => other.name !== name && isUser(other));
}

export function serviceRoutes(account: FakeAccount): FakeRoute[] {
  return [...ownRoutes(account), ...listRoutes(account)];
}
