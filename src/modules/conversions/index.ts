import type { App } from "../../http/app-type.ts";
import { registerCancelConversion } from "./routes/cancel-conversion.ts";
import { registerCreateConversion } from "./routes/create-conversion.ts";
import { registerDeleteConversion } from "./routes/delete-conversion.ts";
import { registerGetConversion } from "./routes/get-conversion.ts";
import { registerListConversions } from "./routes/list-conversions.ts";
import { registerListStyles } from "./routes/list-styles.ts";
import { registerRetryConversion } from "./routes/retry-conversion.ts";
import { registerUpdateConversion } from "./routes/update-conversion.ts";

export { DEAD_LETTER_OUTCOMES, type DeadLetter, type DeadLetterRepository } from "./dead-letters.ts";
export type { ConversionsDeps } from "./deps.ts";
export {
  CALL_OUTCOMES,
  type ProviderCall,
  type ProviderCallRepository,
  type ProviderSpend,
} from "./provider-calls.ts";
export { replayConversion } from "./service/replay-conversion.ts";

export function registerConversions(app: App): void {
  registerCreateConversion(app);
  registerListConversions(app);
  registerGetConversion(app);
  registerUpdateConversion(app);
  registerDeleteConversion(app);
  registerCancelConversion(app);
  registerRetryConversion(app);
  registerListStyles(app);
}
