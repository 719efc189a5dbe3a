import type { Alert } from "../../src/ports/alerts.ts";

/** An alert as it was raised, and which message brought it. */
export interface RaisedAlert extends Alert {
  /** Of the queue's message: one that comes again counts once. */
  readonly messageId: string;
  /** Epoch ms. */
  readonly at: number;
  /** The Worker that raised it. */
  readonly worker: string;
  /** How often it was raised; once where it is absent. */
  readonly count?: number;
}

/** RPC type of the AlertDesk object: all that src/ may import of it. Plain data only. */
export interface AlertDeskApi {
  /** Takes an alert; the answer leaves when it is durable. What is sent, and when, is up to the desk. */
  take(alert: RaisedAlert): Promise<void>;
}
