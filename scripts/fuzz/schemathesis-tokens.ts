/** Hands schemathesis an access token for each request it makes, and makes the users behind them. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Operation } from "../openapi/types.ts";
import { type Account, Accounts } from "./accounts.ts";
import { grantWishes } from "./operator.ts";
import type { Service } from "./service.ts";

/** After these, a token is worth nothing: each request gets a user of its own. */
const ENDS_SESSION: ReadonlySet<string> = new Set(["deleteMe", "logout", "logoutAll", "revokeSession"]);

export interface TokenDesk {
  readonly url: string;
  close(): Promise<void>;
}

/** The kinds of user that requests are made as. */
class Desk {
  readonly #accounts: Accounts;
  readonly #stateDir: string;
  readonly #kept = new Map<string, Promise<Account>>();

  constructor(accounts: Accounts, stateDir: string) {
    this.#accounts = accounts;
    this.#stateDir = stateDir;
  }

  async #make(role: string): Promise<Account> {
    const account = await this.#accounts.signUp();
    if (role !== "admin") return account;
    await grantWishes(this.#stateDir, { adminId: account.userId, conversionIds: [] });
    return this.#accounts.logIn(account);
  }

  /** The one of that role; a new one when something has ended its session. */
  async #keep(role: string): Promise<Account> {
    const kept = this.#kept.get(role);
    if (kept !== undefined && (await this.#accounts.isAlive(await kept))) return kept;
    const made = this.#make(role);
    this.#kept.set(role, made);
    return made;
  }

  async token(operationId: string, role: string): Promise<string> {
    if (ENDS_SESSION.has(operationId)) return (await this.#accounts.signUp()).accessToken;
    return (await this.#keep(role)).accessToken;
  }
}

/** `GET /<operationId>` answers a token as text, and 204 where the operation takes none. */
export async function openTokenDesk(service: Service, operations: readonly Operation[]): Promise<TokenDesk> {
  if (service.stateDir === null) throw new Error("there is no database to make an admin in");
  const desk = new Desk(new Accounts(service), service.stateDir);
  const byId = new Map(operations.map((operation) => [operation.operationId, operation]));
  // One after the other: two requests must not both find that a user is missing.
  let queue: Promise<unknown> = Promise.resolve();
  const server: Server = createServer((request, response) => {
    const operation = byId.get(request.url?.slice(1) ?? "");
    if (operation === undefined || operation.security.length === 0) {
      response.writeHead(204).end();
      return;
    }
    queue = queue
      .then(() => desk.token(operation.operationId, operation["x-role"]))
      .then((token) => response.writeHead(200).end(token))
      .catch((error: Error) => response.writeHead(500).end(error.message));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => new Promise((done) => server.close(() => done())),
  };
}
