import type { App } from "../../http/app-type.ts";
import { registerChangePassword } from "./routes/change-password.ts";
import { registerGetJwks } from "./routes/get-jwks.ts";
import { registerListDevSms } from "./routes/list-dev-sms.ts";
import { registerListSessions } from "./routes/list-sessions.ts";
import { registerLogin } from "./routes/login.ts";
import { registerLogout } from "./routes/logout.ts";
import { registerLogoutAll } from "./routes/logout-all.ts";
import { registerRefresh } from "./routes/refresh.ts";
import { registerRegister } from "./routes/register.ts";
import { registerResetPassword } from "./routes/reset-password.ts";
import { registerRevokeSession } from "./routes/revoke-session.ts";
import { registerSendOtp } from "./routes/send-otp.ts";
import { registerVerifyOtp } from "./routes/verify-otp.ts";

export { type AccessTokenSubject, type AccessTokens, createAccessTokens } from "./access-tokens.ts";
export type { AuthDeps } from "./deps.ts";
export { sessionInfoSchema } from "./schemas.ts";
export { serializeSession } from "./serialize.ts";
export { deliverSms } from "./service/deliver-sms.ts";
export { changeAccount, endSession } from "./service/end-sessions.ts";
export { requirePhone } from "./service/require-phone.ts";

export function registerAuth(app: App): void {
  registerSendOtp(app);
  registerVerifyOtp(app);
  registerRegister(app);
  registerLogin(app);
  registerRefresh(app);
  registerLogout(app);
  registerLogoutAll(app);
  registerResetPassword(app);
  registerChangePassword(app);
  registerListSessions(app);
  registerRevokeSession(app);
  registerGetJwks(app);
  registerListDevSms(app);
}
