export { UserSessions } from "./user-sessions/user-sessions.ts";
