/** RPC types of the UserSessions object: all that src/ may import of it. Plain data only. */
export type SessionRole = "user" | "vendor" | "admin";
