import type { AuditStamp } from "../../kernel/audit.ts";
import type { SessionClient } from "../../ports/session-store.ts";

/** Who calls a public route: nobody in particular, from somewhere. */
export interface Caller {
  /** What requests from there are counted by. */
  readonly addressKey: string;
  readonly client: SessionClient;
  /** Says that the device has signed in before; see `known-device.ts`. */
  readonly deviceToken: string | null;
  readonly audit: AuditStamp;
}
