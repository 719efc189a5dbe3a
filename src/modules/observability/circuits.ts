import type { Config } from "../../kernel/config.ts";
import { circuitOf } from "../../ports/circuit-breaker.ts";
import type { ProviderId } from "../../ports/image-generator.ts";

export interface ProviderCircuit {
  readonly provider: ProviderId | "sms";
  readonly circuit: string;
}

/** Every circuit there is: one for each model that calls may go to, and the SMS provider's. The local engine has none. */
export function circuitsOf({ providers, sms }: Pick<Config, "providers" | "sms">): readonly ProviderCircuit[] {
  const models = providers.models.map(({ provider, model }) => ({ provider, circuit: circuitOf(provider, model) }));
  if (sms.kind !== "smsir" && sms.kind !== "twilio") return models;
  return [...models, { provider: "sms", circuit: circuitOf("sms", sms.kind) }];
}
