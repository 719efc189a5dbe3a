import type { App } from "../../http/app-type.ts";
import { registerApproveUser } from "./routes/approve-user.ts";
import { registerDisableUser } from "./routes/disable-user.ts";
import { registerEnableUser } from "./routes/enable-user.ts";
import { registerEndSession } from "./routes/end-session.ts";
import { registerEndSessions } from "./routes/end-sessions.ts";
import { registerForceCircuit } from "./routes/force-circuit.ts";
import { registerGetUser } from "./routes/get-user.ts";
import { registerGrantQuota } from "./routes/grant-quota.ts";
import { registerListCircuits } from "./routes/list-circuits.ts";
import { registerListCosts } from "./routes/list-costs.ts";
import { registerListDeadLetters } from "./routes/list-dead-letters.ts";
import { registerListProviderCalls } from "./routes/list-provider-calls.ts";
import { registerListUsers } from "./routes/list-users.ts";
import { registerReplayDeadLetter } from "./routes/replay-dead-letter.ts";
import { registerSetRole } from "./routes/set-role.ts";

export type { AdminDeps } from "./deps.ts";

export function registerAdmin(app: App): void {
  registerListUsers(app);
  registerGetUser(app);
  registerSetRole(app);
  registerApproveUser(app);
  registerDisableUser(app);
  registerEnableUser(app);
  registerEndSessions(app);
  registerEndSession(app);
  registerGrantQuota(app);
  registerListCircuits(app);
  registerForceCircuit(app);
  registerListProviderCalls(app);
  registerListCosts(app);
  registerReplayDeadLetter(app);
  registerListDeadLetters(app);
}
