/** Users of the fuzzed service, made through its API as clients make them. */
import { ApiClient, ApiError, newPhone } from "../api-client.ts";
import type { Service } from "./service.ts";

export const PASSWORD = "seven-lamps-of-architecture";

export type Purpose = "register" | "login" | "password_reset";

export interface Account {
  readonly userId: string;
  readonly phone: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly sessionId: string;
}

interface SessionBody {
  readonly user: { readonly id: string; readonly phone: string };
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly sessionId: string;
}

export interface Challenge {
  readonly phone: string;
  readonly challengeId: string;
  readonly code: string;
}

function toAccount({ user, accessToken, refreshToken, sessionId }: SessionBody): Account {
  return { userId: user.id, phone: user.phone, accessToken, refreshToken, sessionId };
}

export class Accounts {
  readonly #service: Service;
  readonly #client: ApiClient;

  constructor(service: Service) {
    this.#service = service;
    this.#client = new ApiClient(service.url);
  }

  /** Sends a code and reads it from the development inbox. */
  async challenge(purpose: Purpose, phone = newPhone()): Promise<Challenge> {
    const json = { phone, purpose };
    const { challengeId } = await this.#client.call<{ challengeId: string }>("POST", "/api/auth/send-otp", { json });
    const inbox = `/api/dev/sms?phone=${encodeURIComponent(phone)}`;
    const { items } = await this.#client.call<{ items: { code: string }[] }>("GET", inbox);
    const code = items[0]?.code;
    if (code === undefined) throw new Error("no code came: the service needs ENVIRONMENT=development");
    return { phone, challengeId, code };
  }

  /** A verification token of a phone, a new one unless it is given. */
  async verified(purpose: Purpose, phone?: string): Promise<string> {
    const json = { purpose, ...(await this.challenge(purpose, phone)) };
    const answer = await this.#client.call<{ verificationToken: string }>("POST", "/api/auth/verify-otp", { json });
    return answer.verificationToken;
  }

  async signUp(role: "user" | "vendor" = "user"): Promise<Account> {
    const json = { verificationToken: await this.verified("register"), password: PASSWORD, role };
    return toAccount(await this.#client.call<SessionBody>("POST", "/api/auth/register", { json }));
  }

  /** Another session of the account. */
  async logIn({ phone }: Account): Promise<Account> {
    const json = { phone, password: PASSWORD };
    return toAccount(await this.#client.call<SessionBody>("POST", "/api/auth/login", { json }));
  }

  /** Whether its access token still opens anything. */
  async isAlive({ accessToken }: Account): Promise<boolean> {
    try {
      await new ApiClient(this.#service.url, accessToken).call("GET", "/api/users/me");
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return false;
      throw error;
    }
  }
}
