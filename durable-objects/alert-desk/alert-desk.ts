import { DurableObject } from "cloudflare:workers";
import type { AlertDeskApi, RaisedAlert } from "./contract.ts";

export class AlertDesk extends DurableObject implements AlertDeskApi {
  async take(_alert: RaisedAlert): Promise<void> {}
}
