import type { App } from "../../http/app-type.ts";
import { registerGetJwks } from "./routes/get-jwks.ts";
import { registerListDevSms } from "./routes/list-dev-sms.ts";
import { registerLogin } from "./routes/login.ts";
import { registerRegister } from "./routes/register.ts";
import { registerSendOtp } from "./routes/send-otp.ts";
import { registerVerifyOtp } from "./routes/verify-otp.ts";

export { type AccessTokens, createAccessTokens } from "./access-tokens.ts";
export type { AuthDeps } from "./deps.ts";

export function registerAuth(app: App): void {
  registerSendOtp(app);
  registerVerifyOtp(app);
  registerRegister(app);
  registerLogin(app);
  registerGetJwks(app);
  registerListDevSms(app);
}
