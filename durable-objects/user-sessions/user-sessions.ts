import { DurableObject } from "cloudflare:workers";

/** One user's sessions. */
export class UserSessions extends DurableObject {}
